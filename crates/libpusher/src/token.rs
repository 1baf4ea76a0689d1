//! The publish token.

use std::fmt;
use std::str::FromStr;

use pusher_proto::{TokenError, check_token};

/// The secret that a pushd with `--publish-token` requires. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        check_token(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl Token {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_print_the_token() {
        let token: Token = "s3cret".parse().unwrap();
        assert_eq!(token.as_str(), "s3cret");
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert_eq!("with space".parse::<Token>(), Err(TokenError));
    }
}
