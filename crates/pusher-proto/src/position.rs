//! A place in the server's log of events.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};

/// Largest sequence number. JavaScript holds integers up to this value exactly.
pub const SEQUENCE_MAX: u64 = (1 << 53) - 1;

/// A place in the server's log: behind the event with this sequence number.
///
/// Written as `EPOCH-SEQUENCE`: 16 lowercase hexadecimal digits, a hyphen, and a decimal number. Clients pass it on
/// unread. It is valid for all topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Number of the log. Sequence numbers of two epochs cannot be compared.
    pub epoch: u64,
    /// Sequence number of the last event before this place. 0 is the beginning.
    pub sequence: u64,
}

/// A text that is not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected EPOCH-SEQUENCE, as in a receipt")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.sequence)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    /// Accepts exactly the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, sequence) = text.split_once('-').ok_or(PositionError)?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_canonical = epoch.len() == 16
            && epoch.bytes().all(is_hex)
            && sequence.bytes().all(|byte| byte.is_ascii_digit())
            && (sequence == "0" || !sequence.starts_with('0'));
        let sequence = sequence.parse().ok().filter(|&n| n <= SEQUENCE_MAX);
        match (is_canonical, u64::from_str_radix(epoch, 16), sequence) {
            (true, Ok(epoch), Some(sequence)) => Ok(Self { epoch, sequence }),
            _ => Err(PositionError),
        }
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a position of a server. A text in an unknown form is no position: a later server may write another one.
pub(crate) fn lenient<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Position>, D::Error> {
    let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_round_trips() {
        for (epoch, sequence, text) in [
            (0, 0, "0000000000000000-0"),
            (0xab, 12, "00000000000000ab-12"),
            (u64::MAX, SEQUENCE_MAX, "ffffffffffffffff-9007199254740991"),
        ] {
            let position = Position { epoch, sequence };
            assert_eq!(position.to_string(), text);
            assert_eq!(text.parse(), Ok(position));
        }
    }

    #[test]
    fn other_texts_are_errors() {
        for text in [
            "",
            "-",
            "12",
            "ab-12",
            "00000000000000AB-12",
            "+0000000000000ab-12",
            "00000000000000ab-",
            "00000000000000ab-012",
            "00000000000000ab-+12",
            "00000000000000ab--1",
            "00000000000000ab-12 ",
            "00000000000000ab-9007199254740992",
            "00000000000000ab-99999999999999999999",
            "000000000000猫b-12",
        ] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
        let long = format!("00000000000000ab-{}", "1".repeat(1 << 20));
        assert!(long.parse::<Position>().is_err());
    }
}
