//! The rules for publish tokens: a server may require publishers to send one.

use crate::limits::TOKEN_LEN_MAX;

/// A text that cannot be a token. The message does not quote it, because errors end up in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to {TOKEN_LEN_MAX} letters, digits and signs of ASCII, without blanks")]
pub struct TokenError;

/// Checks that `text` can be a token: 1 to [`TOKEN_LEN_MAX`] visible ASCII characters, so that an HTTP header
/// can carry it.
pub fn check_token(text: &str) -> Result<(), TokenError> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    match text.len() {
        1..=TOKEN_LEN_MAX if is_visible => Ok(()),
        _ => Err(TokenError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_visible_ascii_within_the_limit() {
        for good in ["x", "!~", "s3cret=", &"t".repeat(TOKEN_LEN_MAX)] {
            assert_eq!(check_token(good), Ok(()), "{good:?}");
        }
        let long = "t".repeat(TOKEN_LEN_MAX + 1);
        for bad in ["", " ", "a b", "猫", "a\n", "\u{7f}", &long] {
            assert_eq!(check_token(bad), Err(TokenError), "{bad:?}");
        }
    }
}
