//! Errors of one attempt on one connection.

use std::io::{self, ErrorKind};

use pusher_proto::native::ErrorCode;

use crate::address::Address;
use crate::deadline::Deadline;
use crate::error::{Attempt, Error, Stage};

/// How a publish failed on its connection.
#[derive(Debug)]
pub(crate) enum ConnectionError {
    /// No connection, or not a byte could be written to it.
    Connect(io::Error),
    /// Reset before it answered anything: pushd has not read the publish, or not all of it.
    Reset(io::Error),
    /// Ended after the publish was written, perhaps after it was read.
    Closed(String),
    Timeout(Stage),
    Protocol(String),
    Refused(ErrorCode, String),
    /// pushd closes the connection and has read nothing after the last message that it answered.
    Goodbye(ErrorCode, String),
    /// Somebody did not want to wait for the answer.
    Canceled,
}

impl ConnectionError {
    /// The failure as a caller gets to see it.
    pub(crate) fn into_error(self, address: &Address, deadline: &Deadline) -> Error {
        let attempt = Attempt {
            address: address.clone(),
            elapsed: deadline.elapsed(),
        };
        match self {
            Self::Connect(source) => Error::Connect { attempt, source },
            Self::Reset(error) => Error::Closed {
                attempt,
                reason: error.to_string(),
            },
            Self::Closed(reason) => Error::Closed { attempt, reason },
            Self::Timeout(stage) => Error::Timeout { attempt, stage },
            Self::Protocol(reason) => Error::Protocol { attempt, reason },
            Self::Refused(code, text) | Self::Goodbye(code, text) => {
                Error::refused(attempt, code, text)
            }
            Self::Canceled => Error::Canceled,
        }
    }
}

/// A signal, or the end of the time that the socket was given: the deadline decides what is next.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
    )
}
