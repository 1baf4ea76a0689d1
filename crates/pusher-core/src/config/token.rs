//! The secret that publishers must know where not only this machine can connect.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Longest token, in bytes.
const LEN_MAX: usize = 1024;

/// What tokens are signed with: the signatures are compared, in constant time, and say nothing
/// about the tokens' lengths either.
const KEY: &[u8] = b"who publishes?";

/// A secret that publishers must show. It can't be read back, and is not shown by `Debug`.
#[derive(Clone)]
pub struct PublishToken {
    signature: [u8; 32],
}

/// A text that is no [`PublishToken`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to {LEN_MAX} letters, digits and signs of ASCII, without blanks")]
pub struct PublishTokenError;

impl FromStr for PublishToken {
    type Err = PublishTokenError;

    /// Only what can stand in an HTTP header is taken.
    fn from_str(text: &str) -> Result<Self, PublishTokenError> {
        let is_writable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > LEN_MAX || !is_writable {
            return Err(PublishTokenError);
        }
        let mac = sign(text).ok_or(PublishTokenError)?;
        Ok(Self {
            signature: mac.finalize().into_bytes().into(),
        })
    }
}

impl PublishToken {
    /// Whether this is the token.
    pub(crate) fn is(&self, text: &str) -> bool {
        sign(text).is_some_and(|mac| mac.verify_slice(&self.signature).is_ok())
    }
}

/// HMAC takes a key of any length, so there is always a signature.
fn sign(token: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).ok()?;
    mac.update(token.as_bytes());
    Some(mac)
}

impl fmt::Debug for PublishToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublishToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        let token: PublishToken = "s3cret=".parse().unwrap();
        assert!(token.is("s3cret="));
        for wrong in ["", "s3cret", "s3cret= ", "S3cret=", "s3cret=\0", "x"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "PublishToken(..)");
    }

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        assert!("x".repeat(LEN_MAX).parse::<PublishToken>().is_ok());
        for text in ["", " ", "a b", "猫", "a\n", &"x".repeat(LEN_MAX + 1)] {
            assert!(text.parse::<PublishToken>().is_err(), "{text:?}");
        }
    }
}
