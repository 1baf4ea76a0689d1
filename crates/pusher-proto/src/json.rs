//! Checks that a text is one JSON value that every parser on its way accepts.

use serde::de::{Deserialize, Error as _, IgnoredAny};

use crate::json_stream::{BOM, Scan};
use crate::limits::EVENT_DEPTH_MAX;

/// Why a text cannot be an event.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not one complete JSON value.
    #[error("not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Nested deeper than [`EVENT_DEPTH_MAX`].
    #[error("the JSON is nested deeper than {EVENT_DEPTH_MAX} levels")]
    TooDeep,
}

/// Checks that `text` is one complete JSON value, nested at most [`EVENT_DEPTH_MAX`] levels deep. White space around it
/// is allowed.
pub fn check_value(text: &str) -> Result<(), JsonError> {
    check_nested(text, EVENT_DEPTH_MAX)
}

/// Checks that `text` is one complete JSON value, nested at most `depth_max` levels deep.
pub(crate) fn check_nested(text: &str, depth_max: usize) -> Result<(), JsonError> {
    serde_json::from_str::<IgnoredAny>(text)?;
    let value = text.trim_ascii().as_bytes();
    if !value.starts_with(b"{") && !value.starts_with(b"[") {
        return Ok(());
    }
    // serde_json skips values without recursion, so it does not apply its own depth limit.
    Scan::new(depth_max)
        .find_end(value)
        .map(|_| ())
        .map_err(|_| JsonError::TooDeep)
}

/// Reads a JSON object. (serde would accept an array of the members, too.)
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    match text.trim_ascii_start().starts_with('{') {
        true => serde_json::from_str(text),
        false => Err(serde_json::Error::custom("not a JSON object")),
    }
}

/// Encodes a text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    let quoted = serde_json::to_string(text);
    debug_assert!(quoted.is_ok(), "every text has a JSON string");
    quoted.unwrap_or_default()
}

/// Removes common padding: a byte order mark in front (editors on Windows add it to PHP files), a NUL behind (C's
/// string end), and white space.
pub fn trim_value(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let is_padding = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let end = bytes.iter().rposition(|byte| !is_padding(byte));
    bytes[..end.map_or(0, |last| last + 1)].trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind() {
        for good in ["1", " null\n", "\"]\"", "{}", "[[\"[[\"]]", "1e999999"] {
            assert!(check_value(good).is_ok(), "{good}");
        }
        for bad in ["", " ", "{", "{}{}", "NaN", "[1,]", "'a'", "\"\n\"", "01"] {
            assert!(
                matches!(check_value(bad), Err(JsonError::Syntax(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn padding_is_not_part_of_a_value() {
        for (bytes, value) in [
            (&b"\xef\xbb\xbf {}\r\n\0"[..], &b"{}"[..]),
            (b"1", b"1"),
            (b" \0", b""),
            (b"\"\0\" \0\0", b"\"\0\""),
            (b"", b""),
            (b"\xef\xbb\xbf", b""),
        ] {
            assert_eq!(trim_value(bytes), value, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check_value(&nested(EVENT_DEPTH_MAX)).is_ok());
        let beyond = check_value(&nested(EVENT_DEPTH_MAX + 1));
        assert!(matches!(beyond, Err(JsonError::TooDeep)));
        assert!(check_value(&nested(1_000_000)).is_err());
    }
}
