//! Refused messages of publishers: the count, the text for the log, and the answer.

use std::fmt;

use http::StatusCode;
use pusher_proto::StreamError;
use pusher_proto::native::ErrorCode;
use pusher_proto::raw::RawError;
use pusher_proto::zmtp::{MessageError, ZmtpError};

use crate::hub::PublishError;
use crate::stats::PublishRefusal;

/// A publisher's message that the server does not deliver.
#[derive(Debug)]
pub(super) struct RefusedMessage {
    pub(super) kind: PublishRefusal,
    text: String,
}

impl fmt::Display for RefusedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<PublishError> for RefusedMessage {
    fn from(error: PublishError) -> Self {
        Self {
            kind: PublishRefusal::from(&error),
            text: error.to_string(),
        }
    }
}

impl RefusedMessage {
    /// Converts an error of a JSON stream, after `len` bytes of the message.
    pub(super) fn stream(error: &StreamError, len: usize) -> Self {
        let kind = match error {
            StreamError::TooLong(_) | StreamError::TooDeep => PublishRefusal::TooLarge,
            StreamError::Unexpected(_) | StreamError::Utf8 => PublishRefusal::BadMessage,
        };
        let text = match error {
            StreamError::TooLong(_) => {
                format!("{error} (publish-len-max): {len} bytes have arrived")
            }
            _ => error.to_string(),
        };
        Self { kind, text }
    }
}

impl From<RawError> for RefusedMessage {
    fn from(error: RawError) -> Self {
        Self {
            kind: PublishRefusal::BadMessage,
            text: error.to_string(),
        }
    }
}

impl From<ZmtpError> for RefusedMessage {
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

impl From<MessageError> for RefusedMessage {
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
            PublishError::LogUnavailable(_) | PublishError::SharedLog => Self::LogUnavailable,
            PublishError::Ending => Self::Ending,
        }
    }
}

/// Returns the answers to a refused publish: the code of the native protocol, and the HTTP status. Raw JSON and ZMTP
/// have no answers.
fn answers(kind: PublishRefusal) -> (ErrorCode, StatusCode) {
    match kind {
        PublishRefusal::BadTopic => (ErrorCode::BadTopic, StatusCode::BAD_REQUEST),
        PublishRefusal::BadId => (ErrorCode::BadId, StatusCode::BAD_REQUEST),
        PublishRefusal::BadExclude => (ErrorCode::BadExclude, StatusCode::BAD_REQUEST),
        PublishRefusal::BadMessage => (ErrorCode::BadMessage, StatusCode::BAD_REQUEST),
        PublishRefusal::EventTooLarge => (ErrorCode::EventTooLarge, StatusCode::PAYLOAD_TOO_LARGE),
        PublishRefusal::TooLarge => (ErrorCode::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
        PublishRefusal::Denied => (ErrorCode::Denied, StatusCode::UNAUTHORIZED),
        PublishRefusal::Overloaded => (ErrorCode::Overloaded, StatusCode::SERVICE_UNAVAILABLE),
        PublishRefusal::LogUnavailable => {
            (ErrorCode::LogUnavailable, StatusCode::SERVICE_UNAVAILABLE)
        }
        PublishRefusal::Ending => (ErrorCode::ShuttingDown, StatusCode::SERVICE_UNAVAILABLE),
        PublishRefusal::Unfinished => (ErrorCode::BadMessage, StatusCode::REQUEST_TIMEOUT),
    }
}

pub(super) fn native_code(kind: PublishRefusal) -> ErrorCode {
    answers(kind).0
}

pub(super) fn http_status(kind: PublishRefusal) -> StatusCode {
    answers(kind).1
}

impl From<ErrorCode> for PublishRefusal {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::TooLarge => Self::TooLarge,
            ErrorCode::Denied => Self::Denied,
            ErrorCode::BadTopic => Self::BadTopic,
            ErrorCode::BadId => Self::BadId,
            ErrorCode::BadExclude => Self::BadExclude,
            ErrorCode::EventTooLarge => Self::EventTooLarge,
            ErrorCode::Overloaded => Self::Overloaded,
            ErrorCode::LogUnavailable => Self::LogUnavailable,
            ErrorCode::ShuttingDown => Self::Ending,
            ErrorCode::BadMessage
            | ErrorCode::BadSub
            | ErrorCode::NoPresence
            | ErrorCode::Version
            | ErrorCode::UnknownType
            | ErrorCode::Other => Self::BadMessage,
        }
    }
}
