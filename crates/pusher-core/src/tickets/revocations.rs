//! The users whose tickets have ended early.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use pusher_proto::limits::{SUB_LEN_MAX, TICKET_LEEWAY_S, TICKET_TTL_S_MAX};
use pusher_proto::ticket::{Ticket, TicketFault};
use serde::{Deserialize, Serialize};

/// Most revoked users that are remembered. Each is remembered until the last ticket that it could have has expired.
pub(super) const REVOCATIONS_MAX: usize = if cfg!(test) { 100 } else { 100_000 };

/// Ends the tickets of a user that were signed up to a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) sub: String,
    /// Unix time in seconds.
    #[serde(rename = "before")]
    pub(crate) before_s: u64,
}

impl Revocation {
    /// Whether a ticket can have this user.
    pub(super) fn is_possible(&self) -> bool {
        (1..=SUB_LEN_MAX).contains(&self.sub.len())
    }

    pub(super) fn revokes(&self, ticket: &Ticket) -> bool {
        ticket.sub() == Some(&*self.sub) && ticket.issued_s() <= self.before_s
    }
}

/// There are as many revoked users as are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the user's private subscriptions have ended, but the server cannot remember it, so the user can subscribe again: \
     {REVOCATIONS_MAX} users are revoked already, and the first are forgotten one day after their revocation"
)]
pub(crate) struct RevocationsFull;

/// The last revocation of each user.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    /// Unix times in seconds, by `sub`.
    before_s: HashMap<String, u64, RandomState>,
}

impl Revocations {
    pub(super) fn len(&self) -> usize {
        self.before_s.len()
    }

    /// Returns the ticket unless it is revoked.
    pub(super) fn check(&self, ticket: Ticket) -> Result<Ticket, TicketFault> {
        let before_s = ticket.sub().and_then(|sub| self.before_s.get(sub));
        match before_s {
            Some(before_s) if ticket.issued_s() <= *before_s => Err(TicketFault::Revoked),
            _ => Ok(ticket),
        }
    }

    /// Adds a revocation. Returns false if a later one of the user is known.
    pub(super) fn insert(
        &mut self,
        revocation: &Revocation,
        now_s: u64,
    ) -> Result<bool, RevocationsFull> {
        if let Some(before_s) = self.before_s.get_mut(&revocation.sub) {
            let is_later = revocation.before_s > *before_s;
            *before_s = revocation.before_s.max(*before_s);
            return Ok(is_later);
        }
        if self.before_s.len() >= REVOCATIONS_MAX {
            self.before_s
                .retain(|_, before_s| is_needed(*before_s, now_s));
        }
        if self.before_s.len() >= REVOCATIONS_MAX {
            return Err(RevocationsFull);
        }
        let Revocation { sub, before_s } = revocation.clone();
        self.before_s.insert(sub, before_s);
        Ok(true)
    }

    /// Returns all revocations that can still end a ticket.
    pub(super) fn needed(&self, now_s: u64) -> impl Iterator<Item = Revocation> {
        let needed = self.before_s.iter();
        let needed = needed.filter(move |(_, before_s)| is_needed(**before_s, now_s));
        needed.map(|(sub, &before_s)| Revocation {
            sub: sub.clone(),
            before_s,
        })
    }
}

/// Whether a ticket that was signed up to `before_s` may still be valid.
fn is_needed(before_s: u64, now_s: u64) -> bool {
    let memory_s = TICKET_TTL_S_MAX + 2 * TICKET_LEEWAY_S;
    before_s.saturating_add(memory_s) > now_s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(sub: usize, before_s: u64) -> Revocation {
        let sub = sub.to_string();
        Revocation { sub, before_s }
    }

    #[test]
    fn the_last_revocation_of_a_user_counts() {
        let mut revocations = Revocations::default();
        for (before_s, is_new) in [(10, true), (10, false), (9, false), (11, true)] {
            let inserted = revocations.insert(&revocation(7, before_s), 0);
            assert_eq!(inserted, Ok(is_new), "{before_s}");
        }
        let needed: Vec<_> = revocations.needed(0).collect();
        assert_eq!(needed, [revocation(7, 11)]);
    }

    #[test]
    fn tickets_of_the_user_up_to_the_time_are_revoked() {
        let mut revocations = Revocations::default();
        let revoked = revocation(7, 10);
        revocations.insert(&revoked, 0).unwrap();
        for (sub, issued_s, is_revoked) in [("7", 10, true), ("7", 11, false), ("8", 10, false)] {
            let ticket = Ticket::of_user(sub, issued_s);
            assert_eq!(revoked.revokes(&ticket), is_revoked, "{sub} {issued_s}");
            let checked = revocations.check(ticket);
            assert_eq!(checked.is_err(), is_revoked, "{sub} {issued_s}");
        }
    }

    #[test]
    fn a_user_has_a_name_that_fits_into_a_ticket() {
        let possible = [0, 1, SUB_LEN_MAX, SUB_LEN_MAX + 1].map(|len| {
            let sub = "x".repeat(len);
            Revocation { sub, before_s: 0 }.is_possible()
        });
        assert_eq!(possible, [false, true, true, false]);
    }

    #[test]
    fn a_full_table_forgets_what_no_ticket_can_need() {
        let memory_s = TICKET_TTL_S_MAX + 2 * TICKET_LEEWAY_S;
        let mut revocations = Revocations::default();
        for sub in 0..REVOCATIONS_MAX {
            let before_s = if sub == 0 { 100 } else { 101 };
            assert_eq!(
                revocations.insert(&revocation(sub, before_s), 100),
                Ok(true)
            );
        }
        let next = revocation(REVOCATIONS_MAX, 200);
        let insert = |revocations: &mut Revocations, now_s| revocations.insert(&next, now_s);
        assert_eq!(
            insert(&mut revocations, 99 + memory_s),
            Err(RevocationsFull)
        );
        // A known user needs no room.
        assert_eq!(revocations.insert(&revocation(5, 102), 100), Ok(true));
        assert_eq!(insert(&mut revocations, 100 + memory_s), Ok(true));
        assert_eq!(revocations.len(), REVOCATIONS_MAX);
        assert_eq!(revocations.needed(101 + memory_s).count(), 2);
    }
}
