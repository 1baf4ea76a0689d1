//! Whether the fan-out uses io_uring.

use std::fmt;
use std::str::FromStr;

/// Whether the fan-out writes to several browsers with one system call (io_uring).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IoUring {
    /// If the system permits it. Otherwise each write is a system call of its own, and the log says why.
    #[default]
    Auto,
    /// Each write is a system call of its own.
    Never,
}

/// A text that is not an [`IoUring`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected auto or never")]
pub struct IoUringError;

impl FromStr for IoUring {
    type Err = IoUringError;

    fn from_str(text: &str) -> Result<Self, IoUringError> {
        match text {
            "never" => Ok(Self::Never),
            "auto" => Ok(Self::Auto),
            _ => Err(IoUringError),
        }
    }
}

impl fmt::Display for IoUring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Auto => "auto",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_round_trip() {
        for value in [IoUring::Auto, IoUring::Never] {
            assert_eq!(value.to_string().parse(), Ok(value));
        }
        assert_eq!("yes".parse::<IoUring>(), Err(IoUringError));
    }
}
