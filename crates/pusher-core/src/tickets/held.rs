//! Which session has which ticket, and which users.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use pusher_proto::ticket::{Ticket, TicketFault};

use crate::connection::{Session, SessionId};

/// Most users of one session.
pub(crate) const USERS_MAX: usize = 100;

/// The tickets and users of sessions. A session that never showed a ticket, and has no user, is not in here.
#[derive(Debug, Default)]
pub(super) struct Held {
    sessions: HashMap<SessionId, Box<Holder>, RandomState>,
}

#[derive(Debug)]
struct Holder {
    session: Session,
    /// `None` if the session never showed one.
    ticket: Option<Result<Ticket, TicketFault>>,
    /// The users that the site has named in another way, each as a ticket for no topic.
    users: Vec<Ticket>,
    /// One of the users is revoked.
    has_revoked_user: bool,
}

/// A session has as many users as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a connection has at most {USERS_MAX} users: open another one")]
pub(crate) struct UsersFull;

impl Held {
    /// Replaces the session's ticket.
    pub(super) fn insert(&mut self, session: &Session, ticket: Result<Ticket, TicketFault>) {
        self.holder(session).ticket = Some(ticket);
    }

    /// Adds a user to the session, or the fact that this user is revoked.
    pub(super) fn add_user(
        &mut self,
        session: &Session,
        user: Result<Ticket, TicketFault>,
    ) -> Result<(), UsersFull> {
        let holder = self.holder(session);
        match user {
            Err(_) => holder.has_revoked_user = true,
            Ok(user) if holder.users.iter().any(|one| one.sub() == user.sub()) => {}
            Ok(_) if holder.users.len() >= USERS_MAX => return Err(UsersFull),
            Ok(user) => holder.users.push(user),
        }
        Ok(())
    }

    fn holder(&mut self, session: &Session) -> &mut Holder {
        let new = || {
            Box::new(Holder {
                session: session.clone(),
                ticket: None,
                users: Vec::new(),
                has_revoked_user: false,
            })
        };
        self.sessions.entry(session.id()).or_insert_with(new)
    }

    /// Whether one of the session's users is revoked. A ticket is not a user here.
    pub(super) fn has_revoked_user(&self, session: SessionId) -> bool {
        let holder = self.sessions.get(&session);
        holder.is_some_and(|holder| holder.has_revoked_user)
    }

    /// Returns the first of the session's users, as a ticket for no topic.
    pub(super) fn first_user(&self, session: SessionId) -> Option<&Ticket> {
        self.sessions.get(&session)?.users.first()
    }

    pub(super) fn remove(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// Returns the session's ticket, if it has a valid one.
    pub(super) fn ticket(&self, session: SessionId) -> Option<&Ticket> {
        self.sessions.get(&session)?.ticket.as_ref()?.as_ref().ok()
    }

    /// Returns why the session's ticket is none. `None` if it is valid, or the session never showed one.
    pub(super) fn fault(&self, session: SessionId) -> Option<TicketFault> {
        let ticket = self.sessions.get(&session)?.ticket.as_ref()?;
        ticket.as_ref().err().copied()
    }

    pub(super) fn valid_count(&self) -> usize {
        let holders = self.sessions.values();
        holders
            .filter(|holder| matches!(holder.ticket, Some(Ok(_))))
            .count()
    }

    /// Whether the session's ticket is for a private topic.
    pub(super) fn check(&self, session: SessionId, topic: &str) -> Result<(), TicketFault> {
        let holder = self.sessions.get(&session);
        let ticket = holder.and_then(|holder| holder.ticket.as_ref());
        check(ticket.map(Result::as_ref), topic)
    }

    /// Ends tickets, and finds revoked users: a user has no other end. Returns the sessions.
    pub(super) fn end(
        &mut self,
        fault: TicketFault,
        has_ended: impl Fn(&Ticket) -> bool,
    ) -> Vec<Session> {
        let mut ended = Vec::new();
        for holder in self.sessions.values_mut() {
            let is_ticket = matches!(&holder.ticket, Some(Ok(ticket)) if has_ended(ticket));
            let is_user = !holder.has_revoked_user && holder.users.iter().any(&has_ended);
            if is_ticket {
                holder.ticket = Some(Err(fault));
            }
            holder.has_revoked_user |= is_user;
            if is_ticket || is_user {
                ended.push(holder.session.clone());
            }
        }
        ended
    }
}

/// Whether a ticket is for a private topic. `None` is no ticket.
pub(super) fn check(
    ticket: Option<Result<&Ticket, &TicketFault>>,
    topic: &str,
) -> Result<(), TicketFault> {
    match ticket {
        None => Err(TicketFault::Missing),
        Some(Err(fault)) => Err(*fault),
        Some(Ok(ticket)) if ticket.allows(topic) => Ok(()),
        Some(Ok(_)) => Err(TicketFault::Topic),
    }
}
