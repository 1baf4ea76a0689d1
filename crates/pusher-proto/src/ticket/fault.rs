//! Reasons to refuse a ticket.

use std::fmt;

use crate::limits::{TICKET_LEEWAY_S, TICKET_LEN_MAX, TICKET_TTL_S_MAX};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $code:literal,)*) => {
        /// The reason why a browser may not subscribe to a private topic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum TicketFault {
            $($(#[doc = $doc])+ $fault,)*
        }

        impl TicketFault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$fault,)*];

            /// Returns the code on the wire.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$fault => $code,)*
                }
            }
        }
    };
}

faults! {
    /// The topic is private, and the browser has no ticket.
    Missing = "ticket_missing",
    /// The ticket is longer than [`TICKET_LEN_MAX`].
    TooLong = "ticket_too_long",
    /// The text is not a ticket, or one of its claims has a wrong form.
    Malformed = "ticket_malformed",
    /// The ticket is not signed with HS256.
    Algorithm = "ticket_algorithm",
    /// The server does not have the key that the ticket names.
    UnknownKey = "ticket_unknown_key",
    /// The signature is wrong.
    Signature = "ticket_signature",
    /// The ticket has ended.
    Expired = "ticket_expired",
    /// The ticket begins in the future.
    NotYetValid = "ticket_not_yet_valid",
    /// The ticket ends too far in the future.
    Lifetime = "ticket_lifetime",
    /// The ticket is not for this topic.
    Topic = "ticket_topic",
    /// The ticket's user was revoked after it was signed.
    Revoked = "ticket_revoked",
    /// The topic has no presence: no `presence` pattern of the server matches it.
    NoPresence = "presence_off",
}

impl TicketFault {
    /// Finds the fault with this code.
    pub fn parse(code: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|fault| fault.code() == code)
    }
}

/// The fault and its remedy, for people.
impl fmt::Display for TicketFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "the topic is private and the browser has shown no ticket: create one with Pusher::ticket() in the page that \
                 subscribes, before its output; if the page does, its cookie does not reach this server (host, path, expired)",
            ),
            Self::TooLong => write!(f, "the ticket is longer than {TICKET_LEN_MAX} bytes"),
            Self::Malformed => f.write_str(
                "the ticket is not a JSON Web Token, or a claim has a wrong form: topics is a list of texts with a * only \
                 behind . / : or -, sub is a text, exp, iat and nbf are Unix times in seconds, and no claim is there twice",
            ),
            Self::Algorithm => f.write_str("the ticket is not signed with HS256"),
            Self::UnknownKey => f.write_str(
                "the ticket names a key that the server does not have: the site and the server use different key files",
            ),
            Self::Signature => f.write_str(
                "the signature is wrong: the site and the server use different keys, or the ticket was changed",
            ),
            Self::Expired => f.write_str("the ticket has expired: the page needs a new one"),
            Self::NotYetValid => write!(
                f,
                "the ticket is not valid yet: the clocks of the site and of the server differ by more than {TICKET_LEEWAY_S} s"
            ),
            Self::Lifetime => write!(
                f,
                "the ticket ends too far in the future: at most {TICKET_TTL_S_MAX} s are allowed"
            ),
            Self::Topic => f.write_str("the ticket is not for this topic"),
            Self::Revoked => f.write_str("the tickets of this user were revoked"),
            Self::NoPresence => f.write_str("the topic has no presence: add it to the setting presence"),
        }
    }
}

impl std::error::Error for TicketFault {}
