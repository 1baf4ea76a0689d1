//! Why a text is not a value of a setting.

use std::error::Error;

use crate::group::GroupError;

/// The message does not repeat the text, which may be secret. The variants are split by the change that the operator has to make.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("an address looks like 0.0.0.0:8080 or [::1]:8080")]
    Address,
    #[error("the value must be a whole number")]
    Number,
    #[error("the least is {0}")]
    TooSmall(String),
    #[error("the most is {0}")]
    TooLarge(String),
    #[error("a size is a number of bytes, or has a unit, as in 64KiB or 1MiB")]
    Size,
    #[error("a time needs a unit, as in 25s, 250ms or 5m")]
    Time,
    #[error("permissions are three octal digits (0 to 7), as in 660; a 0 before them is allowed")]
    Mode,
    #[error("a policy applies to topics, as in chat/*=keep-latest")]
    Policy,
    #[error("a number of events applies to topics, as in chat/*=20")]
    Replay,
    #[error("the path is empty")]
    EmptyPath,
    #[error("one value is required, not a list")]
    NotAList,
    #[error("at least one value is required")]
    NoValue,
    #[error(
        "the token has fewer than {min} characters and could be guessed: make one with `openssl rand -hex 32`"
    )]
    ShortToken { min: usize },
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The error of the value's own type.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}
