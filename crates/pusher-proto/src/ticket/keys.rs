//! The keys of tickets, and the file that holds them.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::limits::{TICKET_KEY_LEN_MAX, TICKET_KEY_LEN_MIN, TICKET_KEYS_MAX};

/// Longest name of a key.
const ID_LEN_MAX: usize = 32;

/// The keys that sign tickets: the first signs, all verify.
///
/// Their text has a line for each key, `ID KEY`. The id is 1 to 32 letters, digits, `_` and `-`; tickets name it as `kid`.
/// The key is 32 to 256 visible ASCII characters, and those characters themselves are the key of HMAC: nothing is
/// decoded. Empty lines and lines that begin with `#` are ignored. `Debug` does not show the keys.
#[derive(Clone)]
pub struct TicketKeys {
    keys: Vec<TicketKey>,
}

#[derive(Clone)]
pub(super) struct TicketKey {
    pub(super) id: String,
    /// HMAC with the key, before the first byte of the message.
    mac: Hmac<Sha256>,
}

/// Why a text is not [`TicketKeys`]. The message does not quote it, because it is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketKeysError {
    /// No key.
    #[error("the file has no key: create one with `pusherd ticket rotate`")]
    Empty,
    /// More keys than the limit.
    #[error("the file has more than {TICKET_KEYS_MAX} keys")]
    TooMany,
    /// The line with this number, from 1, has another form.
    #[error(
        "line {0} is not `ID KEY`: an id of 1 to {ID_LEN_MAX} letters, digits, _ and -, a blank, and a key of \
         {TICKET_KEY_LEN_MIN} to {TICKET_KEY_LEN_MAX} visible ASCII characters"
    )]
    Line(usize),
    /// The key in the line with this number has the id of an earlier one.
    #[error("line {0} has the id of an earlier key")]
    SameId(usize),
}

impl FromStr for TicketKeys {
    type Err = TicketKeysError;

    fn from_str(text: &str) -> Result<Self, TicketKeysError> {
        let mut keys: Vec<TicketKey> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = TicketKey::parse(line).ok_or(TicketKeysError::Line(index + 1))?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(TicketKeysError::SameId(index + 1));
            }
            keys.push(key);
        }
        match keys.len() {
            0 => Err(TicketKeysError::Empty),
            1..=TICKET_KEYS_MAX => Ok(Self { keys }),
            _ => Err(TicketKeysError::TooMany),
        }
    }
}

impl TicketKeys {
    /// Returns the ids of the keys. The first signs.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &*key.id)
    }

    /// Returns the key that signs.
    pub(super) fn first(&self) -> &TicketKey {
        // `from_str` refuses a text without a key.
        &self.keys[0]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &TicketKey> {
        self.keys.iter()
    }
}

impl TicketKey {
    fn parse(line: &str) -> Option<Self> {
        let (id, key) = line.split_once([' ', '\t'])?;
        let key = key.trim_start();
        let is_id_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_id = (1..=ID_LEN_MAX).contains(&id.len()) && id.bytes().all(is_id_byte);
        let is_key = (TICKET_KEY_LEN_MIN..=TICKET_KEY_LEN_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        let mac = Hmac::new_from_slice(key.as_bytes()).ok()?;
        (is_id && is_key).then(|| Self {
            id: id.to_owned(),
            mac,
        })
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let mut mac = self.mac.clone();
        mac.update(message);
        mac.verify_slice(signature).is_ok()
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}
