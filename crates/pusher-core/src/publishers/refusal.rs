//! Why a publisher's message reaches nobody: what is said, and what it counts as.

use std::fmt;

use pusher_proto::StreamError;
use pusher_proto::native::ErrorCode;
use pusher_proto::raw::RawError;
use pusher_proto::zmtp::{MessageError, ZmtpError};

use crate::hub::PublishError;
use crate::stats::PublishRefusal;

/// See the module.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) kind: PublishRefusal,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<PublishError> for Refused {
    fn from(error: PublishError) -> Self {
        Self {
            kind: PublishRefusal::from(&error),
            text: error.to_string(),
        }
    }
}

impl Refused {
    /// For a stream of JSON; `len` bytes of the message have arrived.
    pub(super) fn stream(error: &StreamError, len: usize) -> Self {
        let kind = match error {
            StreamError::TooLong(_) | StreamError::TooDeep => PublishRefusal::TooLarge,
            StreamError::Unexpected(_) | StreamError::Utf8 => PublishRefusal::BadMessage,
        };
        let text = match error {
            StreamError::TooLong(_) => {
                format!("{error} (publish-len-max): {len} have arrived")
            }
            _ => error.to_string(),
        };
        Self { kind, text }
    }
}

impl From<RawError> for Refused {
    fn from(error: RawError) -> Self {
        Self {
            kind: PublishRefusal::BadMessage,
            text: error.to_string(),
        }
    }
}

impl From<ZmtpError> for Refused {
    fn from(error: ZmtpError) -> Self {
        let kind = match error {
            ZmtpError::MessageTooLong { .. } => PublishRefusal::TooLarge,
            ZmtpError::Denied(_) => PublishRefusal::Denied,
            _ => PublishRefusal::BadMessage,
        };
        let text = match error {
            ZmtpError::MessageTooLong { .. } => format!("{error} (publish-len-max)"),
            _ => error.to_string(),
        };
        Self { kind, text }
    }
}

impl From<MessageError> for Refused {
    fn from(error: MessageError) -> Self {
        Self {
            kind: PublishRefusal::BadMessage,
            text: error.to_string(),
        }
    }
}

impl From<&PublishError> for PublishRefusal {
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Topic(_) => Self::BadTopic,
            PublishError::Event(_) => Self::BadMessage,
            PublishError::EventTooLong { .. } => Self::EventTooLarge,
            PublishError::Overloaded => Self::Overloaded,
            PublishError::Ending => Self::Ending,
        }
    }
}

impl From<ErrorCode> for PublishRefusal {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::TooLarge => Self::TooLarge,
            ErrorCode::Denied => Self::Denied,
            ErrorCode::BadTopic => Self::BadTopic,
            ErrorCode::BadId => Self::BadId,
            ErrorCode::EventTooLarge => Self::EventTooLarge,
            ErrorCode::Overloaded => Self::Overloaded,
            ErrorCode::ShuttingDown => Self::Ending,
            ErrorCode::BadMessage
            | ErrorCode::Version
            | ErrorCode::UnknownType
            | ErrorCode::Other => Self::BadMessage,
        }
    }
}
