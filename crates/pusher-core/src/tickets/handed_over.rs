//! Tickets and revocations as another process takes them over.

use pusher_proto::ticket::{Ticket, TicketFault};

use super::{Revocation, Tickets};
use crate::connection::{Session, SessionId};
use crate::handover;
use crate::unix_time::unix_s;

impl Tickets {
    /// Returns the revocations that can still end a ticket.
    pub(crate) fn hand_over_revocations(&self) -> Vec<handover::Revocation> {
        let revocations = self.revocations().into_iter();
        revocations
            .map(|Revocation { sub, before_s }| handover::Revocation { sub, before_s })
            .collect()
    }

    /// Takes over revocations. A state directory has them already, unless the other process could not save them.
    pub(crate) fn take_over_revocations(&self, handed: Vec<handover::Revocation>) {
        for handover::Revocation { sub, before_s } in handed {
            let revocation = Revocation { sub, before_s };
            let inserted = self.revocations.lock().insert(&revocation, unix_s());
            match inserted {
                Ok(is_new) => drop(self.save(is_new, &revocation)),
                Err(full) => {
                    tracing::warn!("{full}");
                    return;
                }
            }
        }
    }

    /// Returns the ticket of a session, or its first user as one.
    pub(crate) fn hand_over(&self, session: SessionId) -> Option<handover::Ticket> {
        if let Some(ticket) = self.user_of(session) {
            return Some(handover::Ticket::Valid {
                sub: ticket.sub().map(str::to_owned),
                info: ticket.info().map(str::to_owned),
                topics: ticket.topics().map(str::to_owned).collect(),
                issued_s: ticket.issued_s(),
                expires_s: ticket.expires_s(),
            });
        }
        let fault = self.fault_of(session)?;
        Some(handover::Ticket::Fault(fault.code().to_owned()))
    }

    /// Gives a session its ticket again, or its first user.
    pub(crate) fn take_over(&self, session: &Session, handed: handover::Ticket) {
        let ticket = match handed {
            handover::Ticket::Valid {
                sub: Some(sub),
                expires_s: u64::MAX,
                ..
            } => {
                // The only user of the session so far.
                let _ok = self.add_user(session, &sub);
                return;
            }
            handover::Ticket::Valid {
                sub,
                info,
                topics,
                issued_s,
                expires_s,
            } => {
                let texts = [sub.unwrap_or_default(), info.unwrap_or_default()];
                let texts = texts.iter().chain(&topics).map(|text| &**text);
                Ticket::verified_before(texts, issued_s, expires_s).ok_or(TicketFault::Malformed)
            }
            handover::Ticket::Fault(code) => {
                Err(TicketFault::parse(&code).unwrap_or(TicketFault::Malformed))
            }
        };
        self.hold(session, ticket);
    }
}
