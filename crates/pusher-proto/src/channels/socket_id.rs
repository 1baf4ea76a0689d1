//! The name of a session.

use std::fmt;
use std::str::FromStr;

/// A session id as clients and sites know it: `A.B`, the upper and the lower half as decimal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(pub u128);

/// A text that is not a [`SocketId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a socket id is two decimal numbers with a dot between them, as connection_established gave it to the client"
)]
pub struct SocketIdError;

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (upper, lower) = (self.0 >> 64, self.0 & u128::from(u64::MAX));
        write!(f, "{upper}.{lower}")
    }
}

impl FromStr for SocketId {
    type Err = SocketIdError;

    fn from_str(text: &str) -> Result<Self, SocketIdError> {
        let (upper, lower) = text.split_once('.').ok_or(SocketIdError)?;
        let (upper, lower) = (half(upper)?, half(lower)?);
        Ok(Self(u128::from(upper) << 64 | u128::from(lower)))
    }
}

/// Reads a number. Only one text stands for it: `+1` and `01` are errors.
fn half(text: &str) -> Result<u64, SocketIdError> {
    let is_plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    let number = text.parse().ok().filter(|_| is_plain);
    number.ok_or(SocketIdError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_text_is_one_session() {
        for (text, id) in [
            ("0.0", 0),
            ("0.7", 7),
            ("1.0", 1 << 64),
            ("18446744073709551615.18446744073709551615", u128::MAX),
        ] {
            assert_eq!(text.parse(), Ok(SocketId(id)));
            assert_eq!(SocketId(id).to_string(), text);
        }
        for text in [
            "",
            ".",
            "1",
            "1.",
            ".1",
            "1.2.3",
            "01.2",
            "1.02",
            "00.0",
            "+1.2",
            "1.-2",
            "1.2\n",
            " 1.2",
            "1,2",
            "a.b",
            "１.2",
            "18446744073709551616.0",
            "0.18446744073709551616",
        ] {
            assert_eq!(text.parse::<SocketId>(), Err(SocketIdError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_session_id_survives_a_round_trip(id: u128) {
            prop_assert_eq!(SocketId(id).to_string().parse(), Ok(SocketId(id)));
        }
    }
}
