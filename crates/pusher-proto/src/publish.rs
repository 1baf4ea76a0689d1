//! A publish, the rules for its topic and id, and its receipt.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::limits::ID_LEN_MAX;
use crate::position::Position;

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
/// Its JSON form is the body of an HTTP answer:
/// `{"sequence":12,"subscribers":231,"position":"00000000000000ab-12","stored":"memory"}`. A reader ignores members that
/// it does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Receipt {
    /// Number of the event in the server's log, which has all topics. Greater than that of every earlier event.
    pub sequence: u64,
    /// Number of browsers that the event was queued to. With a shared log, the server adds the counts of the other
    /// servers, which are up to 2 seconds old.
    pub subscribers: u64,
    /// The place behind the event in the log. An older server sends none.
    #[serde(default, deserialize_with = "crate::position::lenient")]
    pub position: Option<Position>,
    /// How safely the server keeps the event for subscribers that come back.
    #[serde(default, deserialize_with = "Stored::lenient")]
    pub stored: Stored,
    /// Number of servers that share the log, this one included. `None` if the server has a log of its own.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient_nodes"
    )]
    pub nodes: Option<u64>,
}

/// Reads a number of servers. A value in an unknown form is ignored: it must not hide that the event was published.
pub(crate) fn lenient_nodes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_u64().filter(|&nodes| nodes > 0))
}

/// How safely the server keeps an event for subscribers that come back. A greater value is safer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stored {
    /// Not kept: the topic has no history.
    #[default]
    No,
    /// In memory. A restart of the server loses it. With a shared log: a restart of Redis.
    Memory,
    /// Written to a file, without fsync. A crash of the machine may lose it.
    Written,
    /// On disk, after fsync.
    Synced,
}

const STORED_NAMES: [(Stored, &str); 4] = [
    (Stored::No, "no"),
    (Stored::Memory, "memory"),
    (Stored::Written, "written"),
    (Stored::Synced, "synced"),
];

impl Stored {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        let named = STORED_NAMES.iter().find(|(stored, _)| *stored == self);
        named.map_or("no", |(_, name)| name)
    }

    /// Returns the value of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let named = STORED_NAMES.iter().find(|(_, known)| *known == name);
        named.map(|(stored, _)| *stored)
    }

    /// Reads a name. An unknown one, of a later server, promises nothing.
    pub(crate) fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Option::<Cow<'de, str>>::deserialize(deserializer)?;
        Ok(name.and_then(|name| Self::parse(&name)).unwrap_or_default())
    }
}

impl Serialize for Stored {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
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
    /// One of the server's own topics, where nobody can publish.
    #[error(
        "topics that begin with {RESERVED_PREFIX} are the server's own: publish to another one"
    )]
    Reserved,
}

/// The beginning of the server's own topics. Publishers cannot publish there.
pub const RESERVED_PREFIX: &str = "pushd:";

/// The beginning of the topics whose events say who is there: `pushd:presence:TOPIC`.
pub const PRESENCE_PREFIX: &str = "pushd:presence:";

/// Checks the topic of a publish: [`check_topic`], and none of the server's own.
pub fn check_publish_topic(topic: &str, max: usize) -> Result<(), TopicError> {
    check_topic(topic, max)?;
    match topic.starts_with(RESERVED_PREFIX) {
        true => Err(TopicError::Reserved),
        false => Ok(()),
    }
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
            position: Some(Position {
                epoch: 0xab,
                sequence: 12,
            }),
            stored: Stored::Written,
            nodes: None,
        };
        let json = r#"{"sequence":12,"subscribers":231,"position":"00000000000000ab-12","stored":"written"}"#;
        assert_eq!(serde_json::to_string(&receipt).unwrap(), json);
        assert_eq!(serde_json::from_str::<Receipt>(json).unwrap(), receipt);
        let shared = Receipt {
            nodes: Some(3),
            ..receipt
        };
        let json = json.replace('}', r#","nodes":3}"#);
        assert_eq!(serde_json::to_string(&shared).unwrap(), json);
        assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), shared);
        assert!(serde_json::from_str::<Receipt>(r#"{"sequence":12}"#).is_err());
    }

    #[test]
    fn receipts_of_other_versions_are_accepted() {
        let bare = Receipt {
            sequence: 12,
            subscribers: 231,
            ..Receipt::default()
        };
        for json in [
            r#"{"sequence":12,"subscribers":231}"#,
            r#"{"sequence":12,"subscribers":231,"spooled":true,"position":null,"stored":null,"nodes":null}"#,
            r#"{"sequence":12,"subscribers":231,"position":"1.2.3","stored":"everywhere"}"#,
        ] {
            assert_eq!(
                serde_json::from_str::<Receipt>(json).unwrap(),
                bare,
                "{json}"
            );
        }
    }

    #[test]
    fn nodes_is_a_positive_integer_or_nothing() {
        for (nodes, expect) in [
            ("1", Some(1)),
            ("18446744073709551615", Some(u64::MAX)),
            ("0", None),
            ("-1", None),
            ("1.0", None),
            ("1e3", None),
            ("18446744073709551616", None),
            ("true", None),
            ("\"2\"", None),
            ("[2]", None),
            (r#"{"nodes":2}"#, None),
        ] {
            let json = format!(r#"{{"sequence":12,"subscribers":231,"nodes":{nodes}}}"#);
            let receipt: Receipt = serde_json::from_str(&json).unwrap();
            assert_eq!((receipt.sequence, receipt.nodes), (12, expect), "{json}");
        }
    }

    #[test]
    fn topics_and_ids_have_limits() {
        let too_long = TopicError::TooLong { len: 8, max: 7 };
        for (topic, checked, checked_to_publish) in [
            ("", Err(TopicError::Empty), Err(TopicError::Empty)),
            ("t", Ok(()), Ok(())),
            ("1234567", Ok(()), Ok(())),
            ("12345678", Err(too_long), Err(too_long)),
            ("pushd:x", Ok(()), Err(TopicError::Reserved)),
            ("pushd:xy", Err(too_long), Err(too_long)),
        ] {
            assert_eq!(check_topic(topic, 7), checked, "{topic}");
            assert_eq!(check_publish_topic(topic, 7), checked_to_publish, "{topic}");
        }
        let ids = [0, 1, ID_LEN_MAX, ID_LEN_MAX + 1].map(|len| check_id(&"x".repeat(len)));
        let too_long = IdError::TooLong(ID_LEN_MAX + 1);
        assert_eq!(ids, [Err(IdError::Empty), Ok(()), Ok(()), Err(too_long)]);
    }

    #[test]
    fn numbers_are_topics() {
        for (json, topic) in [
            ("\"\\u0074\"", "t"),
            ("7", "7"),
            ("-7", "-7"),
            ("1.5", "1.5"),
        ] {
            let decoded: TopicText<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(decoded.0, topic, "{json}");
        }
        assert!(serde_json::from_str::<TopicText<'_>>("true").is_err());
    }

    #[test]
    fn stored_is_ordered_and_named() {
        assert!(STORED_NAMES.is_sorted());
        for (stored, name) in STORED_NAMES {
            assert_eq!((stored.name(), Stored::parse(name)), (name, Some(stored)));
        }
        assert_eq!(Stored::parse("disk"), None);
    }
}
