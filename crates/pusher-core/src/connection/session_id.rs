//! The id of a session.

use std::fmt;

use pusher_proto::channels::SocketId;
use pusher_proto::{parse_session_id, session_number};

/// The id of a session, as sent in WELCOME: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

impl SessionId {
    /// Returns an id that cannot be guessed, from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_ne_bytes(bytes)))
    }

    /// Returns the number that is the id.
    pub(crate) fn to_u128(self) -> u128 {
        self.0
    }

    /// Returns the id of a session that was handed over.
    pub(crate) fn from_u128(id: u128) -> Self {
        Self(id)
    }

    /// Returns a number from `min` to `max`, which differs from session to session.
    pub(crate) fn random_from(self, min: u64, max: u64) -> u64 {
        let count = u128::from(max.saturating_sub(min)) + 1;
        min + (self.0 % count) as u64
    }

    /// Returns the id as clients of the Pusher Channels protocol know it.
    pub(crate) fn socket_id(self) -> SocketId {
        SocketId(self.0)
    }

    /// Returns the number as which clients of WAMP v2 know the session.
    pub(crate) fn number(self) -> u64 {
        session_number(self.0)
    }

    /// Parses the 32 digits of an id. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        parse_session_id(text).map(Self)
    }
}

impl From<SocketId> for SessionId {
    fn from(id: SocketId) -> Self {
        Self(id.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_32_digits() {
        let id = SessionId::random().unwrap();
        let text = id.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(SessionId::parse(&text), Some(id));
        assert_eq!(SessionId(1).to_string().len(), 32);
        assert_ne!(SessionId::random().unwrap(), id);
        for text in ["", "1", &"g".repeat(32), &"+".repeat(32), &"0".repeat(33)] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }
}
