//! What pushd answers to an accepted request.

use pusher_proto::{Position, Receipt};

use crate::connection_error::ConnectionError;

#[derive(Debug)]
pub(crate) enum Answer {
    /// The answer to a publish.
    Receipt(Receipt),
    /// The answer to a request for the position.
    Position(Position),
}

impl TryFrom<Answer> for Receipt {
    type Error = ConnectionError;

    fn try_from(answer: Answer) -> Result<Self, ConnectionError> {
        match answer {
            Answer::Receipt(receipt) => Ok(receipt),
            Answer::Position(_) => Err(wrong_kind("a position", "a receipt")),
        }
    }
}

impl TryFrom<Answer> for Position {
    type Error = ConnectionError;

    fn try_from(answer: Answer) -> Result<Self, ConnectionError> {
        match answer {
            Answer::Position(position) => Ok(position),
            Answer::Receipt(_) => Err(wrong_kind("a receipt", "a position")),
        }
    }
}

fn wrong_kind(found: &str, expected: &str) -> ConnectionError {
    ConnectionError::Protocol(format!("{found}, expected was {expected}"))
}
