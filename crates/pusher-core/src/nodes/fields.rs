//! Reads parts of Redis' replies.

use redis::{ErrorKind, RedisError, Value};

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => text(value)?.parse().ok(),
    }
}

/// Returns the error of a reply that has another form than the command's.
pub(super) fn unexpected(what: &'static str) -> RedisError {
    (
        ErrorKind::UnexpectedReturnType,
        "unexpected reply",
        what.to_owned(),
    )
        .into()
}
