//! What pushd answers to an accepted request.

use pusher_proto::{Position, Receipt};

use crate::connection_error::ConnectionError;

#[derive(Debug)]
pub(crate) enum Answer {
    /// The answer to a publish.
    Receipt(Receipt),
    /// The answer to a request for the position.
    Position(Position),
    /// The answer to a DRAIN.
    Drained,
}

/// pushd has published everything in its spool.
#[derive(Debug)]
pub(crate) struct Drained;

impl Answer {
    fn name(&self) -> &'static str {
        match self {
            Self::Receipt(_) => "a receipt",
            Self::Position(_) => "a position",
            Self::Drained => "an answer to DRAIN",
        }
    }

    fn instead_of(&self, expected: &str) -> ConnectionError {
        ConnectionError::Protocol(format!("{}, expected was {expected}", self.name()))
    }
}

impl TryFrom<Answer> for Receipt {
    type Error = ConnectionError;

    fn try_from(answer: Answer) -> Result<Self, ConnectionError> {
        match answer {
            Answer::Receipt(receipt) => Ok(receipt),
            other => Err(other.instead_of("a receipt")),
        }
    }
}

impl TryFrom<Answer> for Position {
    type Error = ConnectionError;

    fn try_from(answer: Answer) -> Result<Self, ConnectionError> {
        match answer {
            Answer::Position(position) => Ok(position),
            other => Err(other.instead_of("a position")),
        }
    }
}

impl TryFrom<Answer> for Drained {
    type Error = ConnectionError;

    fn try_from(answer: Answer) -> Result<Self, ConnectionError> {
        match answer {
            Answer::Drained => Ok(Self),
            other => Err(other.instead_of("an answer to DRAIN")),
        }
    }
}
