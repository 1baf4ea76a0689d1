//! The token that publishers must send. It is required if other machines can connect.

use std::fmt;
use std::str::FromStr;

use pusher_proto::{TokenError, check_token};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret that publishers must send. It cannot be read back, and `Debug` does not show it.
#[derive(Clone)]
pub struct PublishToken {
    /// The token itself is not kept. Comparing hashes also hides the length of the token.
    hash: [u8; 32],
}

impl FromStr for PublishToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        check_token(text)?;
        Ok(Self { hash: hash(text) })
    }
}

impl PublishToken {
    /// Compares in constant time.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.hash.ct_eq(&hash(text)).into()
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
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
    fn only_the_same_text_is_equal() {
        let token: PublishToken = "s3cret=".parse().unwrap();
        assert!(token.is("s3cret="));
        for wrong in ["", "s3cret", "s3cret= ", "S3cret=", "s3cret=\0", "x"] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "PublishToken(..)");
        assert!("a b".parse::<PublishToken>().is_err());
    }
}
