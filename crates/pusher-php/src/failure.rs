//! A failed call, as a warning or an exception.

use ext_php_rs::types::ZendStr;
use pusher::Error;

use crate::exception::PusherError;
use crate::settings::OnFailure;
use crate::{engine, exception};

/// Why a call failed.
pub(crate) enum Failure {
    /// An exception is already thrown, by PHP or by user code.
    Thrown,
    /// The caller's mistake.
    Mistake(PusherError),
    /// Every other error, and the setting for failures.
    Failed(PusherError, OnFailure),
}

impl Failure {
    pub(crate) fn mistake(error: &Error) -> Self {
        Self::Mistake(error.into())
    }

    /// Throws, warns or does nothing. Runs user code: the page's error handler.
    pub(crate) fn report(self) {
        match self {
            Self::Thrown | Self::Failed(_, OnFailure::Silent) => {}
            Self::Mistake(error) | Self::Failed(error, OnFailure::Exception) => {
                exception::throw(error);
            }
            Self::Failed(error, OnFailure::Warning) => {
                let message = ZendStr::new(&error.message, false);
                drop(error);
                engine::warn(&message);
            }
        }
    }
}

impl Failure {
    /// Prefixes the message of a mistake with its subject.
    pub(crate) fn about(self, what: &str) -> Self {
        match self {
            Self::Mistake(error) => Self::Mistake(PusherError {
                message: format!("{what}: {}", error.message),
                ..error
            }),
            other => other,
        }
    }
}
