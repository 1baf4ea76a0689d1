//! Errors of one attempt on one connection.

use std::io::{self, ErrorKind};

use pusher_proto::native::ErrorCode;

use crate::address::Address;
use crate::attempt::{Attempt, Operation, Stage};
use crate::deadline::Deadline;
use crate::error::Error;

/// Why an attempt on one connection failed. It decides whether the message may be sent again.
#[derive(Debug)]
pub(crate) enum ConnectionError {
    /// No connection, or no byte could be written to it. The message may be sent again.
    Connect(io::Error),
    /// The peer reset the connection and answered nothing: pushd has not read the whole message.
    Reset(io::Error),
    /// The connection ended after the message was written. pushd may have read it.
    Closed(String),
    Timeout(Stage),
    Protocol(String),
    Refused(ErrorCode, String),
    /// pushd closes the connection. It has read nothing after the last message that it answered.
    Goodbye(ErrorCode, String),
    /// The client was freed before the answer.
    Canceled,
}

impl ConnectionError {
    /// Converts to the error of the public interface.
    pub(crate) fn into_error(
        self,
        operation: Operation,
        address: &Address,
        deadline: &Deadline,
    ) -> Error {
        let attempt = Attempt {
            operation,
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

/// Whether a signal or the socket's timeout interrupted the call. The caller tries again until its deadline.
pub(crate) fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
    )
}
