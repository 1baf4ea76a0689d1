//! A publish, the rules for its topic and id, and its receipt.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::limits::ID_LEN_MAX;

/// One incoming publish, borrowed from the read buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The topic. Check it with [`check_topic`].
    pub topic: Cow<'a, str>,
    /// The event: one complete JSON value, forwarded byte for byte.
    pub event: &'a str,
}

/// The answer to an accepted publish.
///
/// Its JSON form is the body of an HTTP answer: `{"sequence":12,"subscribers":231}`. A reader ignores members
/// that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Receipt {
    /// Number of the event in its topic. It only grows while the server runs.
    pub sequence: u64,
    /// Number of browsers that the event was queued to.
    pub subscribers: u64,
}

/// Why a text cannot be a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// An empty text.
    #[error("the topic is empty")]
    Empty,
    /// Longer than the limit.
    #[error("the topic is {len} bytes long, at most {max} are allowed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
}

/// Checks the length of a topic: 1 to `max` bytes, by default
/// [`TOPIC_LEN_MAX`](crate::limits::TOPIC_LEN_MAX).
pub fn check_topic(topic: &str, max: usize) -> Result<(), TopicError> {
    match topic.len() {
        0 => Err(TopicError::Empty),
        len if len > max => Err(TopicError::TooLong { len, max }),
        _ => Ok(()),
    }
}

/// Why a text cannot be the id of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// An empty text.
    #[error("the id is empty")]
    Empty,
    /// Longer than [`ID_LEN_MAX`].
    #[error("the id is {0} bytes long, at most {max} are allowed", max = ID_LEN_MAX)]
    TooLong(usize),
}

/// Checks the length of an id: 1 to [`ID_LEN_MAX`] bytes.
pub fn check_id(id: &str) -> Result<(), IdError> {
    match id.len() {
        0 => Err(IdError::Empty),
        1..=ID_LEN_MAX => Ok(()),
        len => Err(IdError::TooLong(len)),
    }
}

/// A topic in JSON: a string, or a number, which stands for its decimal text.
///
/// PHP's array keys do not distinguish 123 from "123", so in Ratchet's recipe both are the same category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicText<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for TopicText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopicVisitor).map(TopicText)
    }
}

struct TopicVisitor;

impl<'de> Visitor<'de> for TopicVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a topic (a string or a number)")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_the_json_of_an_http_answer() {
        let receipt = Receipt {
            sequence: 12,
            subscribers: 231,
        };
        let json = r#"{"sequence":12,"subscribers":231}"#;
        assert_eq!(serde_json::to_string(&receipt).unwrap(), json);
        let later = r#"{"sequence":12,"subscribers":231,"nodes":2}"#;
        assert_eq!(serde_json::from_str::<Receipt>(later).unwrap(), receipt);
        assert!(serde_json::from_str::<Receipt>(r#"{"sequence":12}"#).is_err());
    }
}
