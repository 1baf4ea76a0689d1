//! The secret that pushd may want of its publishers.

use std::fmt;
use std::str::FromStr;

/// Longest token, in bytes: what pushd takes.
const LEN_MAX: usize = 1024;

/// What a pushd with `--publish-token` wants to be shown. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that is no [`Token`]. It does not say which: errors end up in logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to {LEN_MAX} letters, digits and signs of ASCII, without blanks")]
pub struct TokenError;

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let is_writable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > LEN_MAX || !is_writable {
            return Err(TokenError);
        }
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
    fn what_pushd_takes_is_a_token_and_is_not_shown() {
        for text in ["x", "!~", &"t".repeat(LEN_MAX)] {
            let token: Token = text.parse().unwrap();
            assert_eq!(token.as_str(), text);
            assert_eq!(format!("{token:?}"), "Token(..)");
        }
        for text in [
            "",
            "with space",
            "猫",
            "new\nline",
            &"t".repeat(LEN_MAX + 1),
        ] {
            assert_eq!(text.parse::<Token>(), Err(TokenError));
        }
    }
}
