//! Answers of pushd to accepted requests.

use pusher_proto::{Position, Receipt};

use crate::connection_error::ConnectionError;
use crate::presence::Presence;

/// pushd has published everything in its spool.
#[derive(Debug)]
pub(crate) struct Drained;

/// Number of sessions that lost their ticket.
#[derive(Debug)]
pub(crate) struct Revoked(pub(crate) u64);

/// Makes the enum, and a conversion into each of its answers, which fails if pushd has answered something else.
macro_rules! answers {
    ($($(#[$doc:meta])* $variant:ident($answer:ty) = $name:literal,)*) => {
        #[derive(Debug)]
        pub(crate) enum Answer {
            $($(#[$doc])* $variant($answer),)*
        }

        impl Answer {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }
        }

        $(impl TryFrom<Answer> for $answer {
            type Error = ConnectionError;

            fn try_from(answer: Answer) -> Result<Self, ConnectionError> {
                match answer {
                    Answer::$variant(answer) => Ok(answer),
                    other => Err(other.instead_of($name)),
                }
            }
        })*
    };
}

answers! {
    /// The answer to a publish.
    Receipt(Receipt) = "a receipt",
    /// The answer to a request for the position.
    Position(Position) = "a position",
    /// The answer to a DRAIN.
    Drained(Drained) = "an answer to DRAIN",
    /// The answer to a REVOKE.
    Revoked(Revoked) = "an answer to REVOKE",
    /// The answer to a PRESENCE.
    Members(Presence) = "members",
}

impl Answer {
    fn instead_of(&self, expected: &str) -> ConnectionError {
        ConnectionError::Protocol(format!("{}, expected was {expected}", self.name()))
    }
}
