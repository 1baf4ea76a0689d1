//! The tickets of sessions, which let them subscribe to private topics.
//!
//! A session without a ticket costs nothing here. [`Tickets`] decides; the task of a session ends its subscriptions when
//! [`Connection::recheck`](crate::connection::Connection::recheck) wakes it.

mod handed_over;
mod held;
mod revocations;
mod saved;
mod saver;

use std::sync::Arc;

use parking_lot::Mutex;
use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::limits::TICKET_LEEWAY_S;
use pusher_proto::ticket::{Ticket, TicketFault};

use crate::config::{Live, StateOptions};
use crate::connection::{Session, SessionId};
use crate::stats::{Counters, PeerLog};
use crate::unix_time::unix_s;
use held::Held;
use revocations::Revocations;
use saved::SavedRevocations;
use saver::Saver;

pub(crate) use held::UsersFull;
pub(crate) use revocations::{Revocation, RevocationsFull};
pub(crate) use saver::{NotSaved, Saving};

/// The topic by whose events a server tells the others of a revocation. No browser may read it.
pub(crate) const REVOKED_TOPIC: &str = "pushd:revoked";

/// The tickets of all sessions, and the revoked users.
#[derive(Debug)]
pub(crate) struct Tickets {
    live: Arc<Live>,
    counters: Arc<Counters>,
    log: Arc<PeerLog>,
    /// The lock order is `revocations`, `held`.
    revocations: Arc<Mutex<Revocations>>,
    /// Keeps the revocations over a restart. `None` without a state directory.
    saver: Option<Saver>,
    held: Mutex<Held>,
}

impl Tickets {
    /// Reads the revocations of earlier runs from the state directory, if there is one.
    pub(crate) fn new(
        live: Arc<Live>,
        counters: Arc<Counters>,
        log: Arc<PeerLog>,
        state: Option<&StateOptions>,
    ) -> Self {
        let mut revocations = Revocations::default();
        let saved = state.and_then(|state| SavedRevocations::open(state, &mut revocations));
        let revocations = Arc::new(Mutex::new(revocations));
        let saver = saved.and_then(|saved| {
            let started = Saver::start(saved, revocations.clone());
            let started = started.inspect_err(|error| {
                tracing::error!(%error, "cannot keep revocations: a restart forgets them");
            });
            started.ok()
        });
        Self {
            live,
            counters,
            log,
            revocations,
            saver,
            held: Mutex::default(),
        }
    }

    /// Verifies the text of a ticket.
    pub(crate) fn verify(&self, text: &str) -> Result<Ticket, TicketFault> {
        let verified = match &self.live.options().ticket_keys {
            None => Err(TicketFault::UnknownKey),
            Some(keys) => keys.verify(text, unix_s()),
        };
        verified.and_then(|ticket| self.revocations.lock().check(ticket))
    }

    /// Gives a ticket to a session, or the reason why its ticket is none. Call [`release`](Self::release) at its end.
    pub(crate) fn hold(&self, session: &Session, ticket: Result<Ticket, TicketFault>) {
        // Both locks: a revocation either is seen here, or sees the session.
        let revocations = self.revocations.lock();
        let ticket = ticket.and_then(|ticket| revocations.check(ticket));
        self.held.lock().insert(session, ticket);
    }

    /// Records that the site has named a user of a session in another way than by a ticket, so that a revocation of the user
    /// finds the session. Call [`release`](Self::release) at its end.
    pub(crate) fn add_user(&self, session: &Session, sub: &str) -> Result<(), UsersFull> {
        // Both locks: a revocation either is seen here, or sees the session.
        let revocations = self.revocations.lock();
        let user = revocations.check(Ticket::of_user(sub, unix_s()));
        self.held.lock().add_user(session, user)
    }

    /// Whether one of the users is revoked that [`add_user`](Self::add_user) has added.
    pub(crate) fn has_revoked_user(&self, session: SessionId) -> bool {
        self.held.lock().has_revoked_user(session)
    }

    /// Returns the user of a session as a ticket: its valid ticket, or the first that the site has named.
    pub(crate) fn user_of(&self, session: SessionId) -> Option<Ticket> {
        let held = self.held.lock();
        held.ticket(session).or(held.first_user(session)).cloned()
    }

    /// Forgets the ticket and the users of a session that ends.
    pub(crate) fn release(&self, session: SessionId) {
        self.held.lock().remove(session);
    }

    /// Whether a session may subscribe to a topic, or stay subscribed.
    pub(crate) fn check(&self, session: SessionId, topic: &str) -> Result<(), TicketFault> {
        match self.protected(topic)? {
            None => Ok(()),
            Some(topic) => self.held.lock().check(session, topic),
        }
    }

    /// Whether a client with this ticket may subscribe to a topic. `None` is a client without one.
    pub(crate) fn check_ticket(
        &self,
        ticket: Option<&Result<Ticket, TicketFault>>,
        topic: &str,
    ) -> Result<(), TicketFault> {
        match (self.protected(topic)?, ticket) {
            (None, _) => Ok(()),
            (Some(topic), ticket) => held::check(ticket.map(Result::as_ref), topic),
        }
    }

    /// Returns the topic that a ticket must allow. `None` if the topic needs none.
    fn protected<'a>(&self, topic: &'a str) -> Result<Option<&'a str>, TicketFault> {
        if topic == REVOKED_TOPIC {
            return Err(TicketFault::Topic);
        }
        let options = self.live.options();
        let topic = match topic.strip_prefix(PRESENCE_PREFIX) {
            None => topic,
            Some(topic) if options.has_presence(topic) => topic,
            Some(_) => return Err(TicketFault::NoPresence),
        };
        Ok(options.is_private(topic).then_some(topic))
    }

    /// Returns the session's ticket, if it has a valid one.
    pub(crate) fn ticket_of(&self, session: SessionId) -> Option<Ticket> {
        self.held.lock().ticket(session).cloned()
    }

    /// Returns why the session's ticket is none. `None` if it is valid, or the session never showed one.
    pub(crate) fn fault_of(&self, session: SessionId) -> Option<TicketFault> {
        self.held.lock().fault(session)
    }

    /// Ends the tickets that have expired. Called once a second.
    pub(crate) fn end_expired(&self) {
        let latest_s = unix_s().saturating_sub(TICKET_LEEWAY_S);
        self.end(TicketFault::Expired, |ticket| {
            ticket.expires_s() <= latest_s
        });
    }

    /// Ends the tickets of a user that were signed up to a time. Returns the number of sessions that had one, and what
    /// waits until a restart does not forget it. Also an error has ended the tickets of the sessions that are open now.
    pub(crate) fn revoke(
        &self,
        revocation: &Revocation,
    ) -> Result<(usize, Saving), RevocationsFull> {
        if !revocation.is_possible() {
            return Ok((0, Saving::No));
        }
        let inserted = self.revocations.lock().insert(revocation, unix_s());
        let saving = inserted.map(|is_new| self.save(is_new, revocation));
        let sessions = match inserted {
            Ok(false) => 0,
            _ => self.end(TicketFault::Revoked, |ticket| revocation.revokes(ticket)),
        };
        saving.map(|saving| (sessions, saving))
    }

    /// Waits until the revocations are in the state directory, if there is one. Logs an error.
    pub(crate) async fn saved(&self) {
        if let Some(saver) = &self.saver
            && let Err(error) = saver.save_all().done().await
        {
            tracing::error!("{error}");
        }
    }

    /// Saves a revocation if there is a state directory. Also a known one, if the file may lack it.
    fn save(&self, is_new: bool, revocation: &Revocation) -> Saving {
        match &self.saver {
            Some(saver) if is_new || saver.is_behind() => saver.save(revocation),
            _ => Saving::No,
        }
    }

    /// Returns all revocations that can still end a ticket.
    pub(crate) fn revocations(&self) -> Vec<Revocation> {
        self.revocations.lock().needed(unix_s()).collect()
    }

    /// Returns the number of sessions with a valid ticket. Looks at all tickets.
    pub(crate) fn valid_count(&self) -> usize {
        self.held.lock().valid_count()
    }

    /// Returns the number of revoked users that are remembered.
    pub(crate) fn revoked_count(&self) -> usize {
        self.revocations.lock().len()
    }

    /// Ends tickets, and the subscriptions that need them. Returns the number of sessions.
    fn end(&self, fault: TicketFault, has_ended: impl Fn(&Ticket) -> bool) -> usize {
        let ended = self.held.lock().end(fault, has_ended);
        for session in &ended {
            session.connection().recheck();
        }
        ended.len()
    }

    /// Counts and logs that a client's ticket, or the lack of one, was refused.
    pub(crate) fn refused(&self, peer: &str, topic: &str, fault: TicketFault) {
        let code = fault.code();
        let text = format_args!("refused a subscription to {topic:?} ({code}): {fault}");
        let refused = &self.counters.tickets_refused;
        refused.refuse(fault, &self.log, peer, text);
    }
}
