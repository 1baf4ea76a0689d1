//! Tickets: signed texts that let a browser subscribe to private topics.
//!
//! The site signs a ticket for the user who is logged in, and the browser shows it to the server. A ticket is a JSON Web
//! Token (RFC 7519) with the algorithm HS256, so that every language can sign one. `PROTOCOL.md` specifies it.
//!
//! There is no clock here: the caller passes Unix times in seconds.

mod claims;
mod fault;
mod keys;
mod parts;
mod pattern;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

use std::fmt;

pub use fault::TicketFault;
pub use keys::{TicketKeys, TicketKeysError};
pub use pattern::is_valid as is_valid_topic;
pub use sign::{SignError, TicketRequest};

use parts::Parts;

/// The name of the cookie in which a browser shows its ticket.
pub const COOKIE: &str = "pushd_ticket";

/// A ticket whose signature was right. Its expiry is not checked again: see [`expires_s`](Self::expires_s).
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// `sub` and `info`, which are empty if there is none, and then topics, and patterns with a `*` at the end.
    parts: Parts,
    issued_s: u64,
    expires_s: u64,
}

impl Ticket {
    /// Returns a ticket for no topic, which says who a user is. It does not end by itself. For users that the site has named
    /// in another way than by a signed ticket.
    pub fn of_user(sub: &str, issued_s: u64) -> Self {
        Self {
            // A text that is longer than a ticket is no user.
            parts: Parts::new([sub, ""].into_iter()).unwrap_or_default(),
            issued_s,
            expires_s: u64::MAX,
        }
    }

    /// Returns a ticket that was verified before. The texts are `sub` and `info`, empty if there is none, and then the topics.
    /// `None` if a text is longer than a ticket.
    pub fn verified_before<'a>(
        texts: impl Iterator<Item = &'a str> + Clone,
        issued_s: u64,
        expires_s: u64,
    ) -> Option<Self> {
        Some(Self {
            parts: Parts::new(texts)?,
            issued_s,
            expires_s,
        })
    }

    /// Whether the ticket is for this topic.
    pub fn allows(&self, topic: &str) -> bool {
        self.topics()
            .any(|pattern| pattern::matches(pattern, topic))
    }

    /// Returns the topics and patterns that the ticket is for.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().skip(2)
    }

    /// Returns the user, in the site's own words. Presence and revocation go by it.
    pub fn sub(&self) -> Option<&str> {
        self.parts.iter().next().filter(|sub| !sub.is_empty())
    }

    /// Returns what the site tells others about the user, as one JSON value.
    pub fn info(&self) -> Option<&str> {
        self.parts.iter().nth(1).filter(|info| !info.is_empty())
    }

    /// Returns the Unix time of its signing, in seconds. 0 if the ticket does not say.
    pub fn issued_s(&self) -> u64 {
        self.issued_s
    }

    /// Returns the Unix time of its end, in seconds. The server adds
    /// [`TICKET_LEEWAY_S`](crate::limits::TICKET_LEEWAY_S).
    pub fn expires_s(&self) -> u64 {
        self.expires_s
    }
}

/// Tickets end up in logs by accident, so this shows none of the text that a thief could use.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("topics", &self.topics().count())
            .field("expires_s", &self.expires_s)
            .finish_non_exhaustive()
    }
}
