//! The id of a session.

use std::fmt;

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

    /// Returns a number from `min` to `max`, which differs from session to session.
    pub(crate) fn random_from(self, min: u64, max: u64) -> u64 {
        let count = u128::from(max.saturating_sub(min)) + 1;
        min + (self.0 % count) as u64
    }

    /// Parses the 32 digits of an id. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        // `from_str_radix` alone would also accept a sign and fewer digits.
        let is_id = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = u128::from_str_radix(text, 16).ok()?;
        is_id.then_some(Self(id))
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
