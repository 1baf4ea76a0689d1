//! A session as a page and its site know it.

use std::str::FromStr;

use crate::channels::SocketId;
use crate::wamp2::ID_MAX;

/// The name of a session, in the form of its protocol. It says which session does not get an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionName {
    /// The id: 32 hexadecimal digits in WAMP v1 and `pushd.1`, `A.B` in the Pusher Channels protocol.
    Id(u128),
    /// The number of a WAMP v2 session, from 1 to [`ID_MAX`]. It is made of the id, but the id does not follow from it.
    Number(u64),
}

/// A text that is not a [`SessionName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session is 32 hexadecimal digits (pusher.js, WAMP v1), two decimal numbers with a dot between them (Pusher Channels), \
     or a number from 1 to {ID_MAX} (WAMP v2)"
)]
pub struct SessionNameError;

impl FromStr for SessionName {
    type Err = SessionNameError;

    fn from_str(text: &str) -> Result<Self, SessionNameError> {
        if let Some(id) = parse_session_id(text) {
            return Ok(Self::Id(id));
        }
        if let Ok(SocketId(id)) = text.parse() {
            return Ok(Self::Id(id));
        }
        let is_plain = text.starts_with(|first: char| matches!(first, '1'..='9'));
        let number = text.parse().ok().filter(|number| *number <= ID_MAX);
        let number = number.filter(|_| is_plain).ok_or(SessionNameError)?;
        Ok(Self::Number(number))
    }
}

/// Parses the 32 hexadecimal digits of a session id. Returns `None` for any other text.
pub fn parse_session_id(text: &str) -> Option<u128> {
    // `from_str_radix` alone would also accept a sign and fewer digits.
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16).ok()?;
    is_id.then_some(id)
}

/// Returns the number of a session in WAMP v2.
pub fn session_number(id: u128) -> u64 {
    // The remainder is less than `ID_MAX`.
    1 + (id % u128::from(ID_MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_protocol_has_a_form() {
        for (text, name) in [
            (
                "000000000000000100000000000000ab",
                SessionName::Id(1 << 64 | 0xab),
            ),
            (
                "000000000000000100000000000000AB",
                SessionName::Id(1 << 64 | 0xab),
            ),
            ("1.171", SessionName::Id(1 << 64 | 0xab)),
            // 32 digits are an id, not a number.
            ("00000000000000000000000000000007", SessionName::Id(7)),
            ("1", SessionName::Number(1)),
            ("9007199254740992", SessionName::Number(ID_MAX)),
        ] {
            assert_eq!(text.parse(), Ok(name), "{text}");
        }
    }

    #[test]
    fn other_texts_are_errors() {
        for text in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            "1 ",
            "1.",
            "1.0e3",
            "9007199254740993",
            "99999999999999999999999",
            "undefined",
            "null",
            "+0000000000000000000000000000007",
            "0000000000000000000000000000007",
            "000000000000000000000000000000007",
            "0000000000000000000000000000000g",
        ] {
            assert_eq!(text.parse::<SessionName>(), Err(SessionNameError), "{text}");
        }
    }

    #[test]
    fn numbers_begin_with_1() {
        let max = u128::from(ID_MAX);
        let numbers = [0, 1, max - 1, max, max + 1].map(session_number);
        assert_eq!(numbers, [1, 2, ID_MAX, 1, 2]);
    }

    proptest! {
        #[test]
        fn every_form_of_an_id_names_its_session(id: u128) {
            let name = SessionName::Id(id);
            prop_assert_eq!(format!("{id:032x}").parse(), Ok(name));
            prop_assert_eq!(SocketId(id).to_string().parse(), Ok(name));
            let number = session_number(id);
            prop_assert_eq!(number.to_string().parse(), Ok(SessionName::Number(number)));
        }
    }
}
