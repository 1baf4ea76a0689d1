//! Why a publish has no receipt, and what PHP is told.

use ext_php_rs::types::ZendStr;
use pusher::Error;

use crate::exception::PusherError;
use crate::settings::OnFailure;
use crate::{engine, exception};

/// Why there is no receipt.
pub(crate) enum Failure {
    /// PHP has an exception already, its own or that of user code.
    Thrown,
    /// The caller's mistake.
    Mistake(PusherError),
    /// Everything else, and what the settings want to become of it.
    NotPublished(PusherError, OnFailure),
}

impl Failure {
    pub(crate) fn mistake(error: &Error) -> Self {
        Self::Mistake(error.into())
    }

    /// Throws, warns or does nothing. Runs user code: an error handler.
    pub(crate) fn report(self) {
        match self {
            Self::Thrown | Self::NotPublished(_, OnFailure::Silent) => {}
            Self::Mistake(fault) | Self::NotPublished(fault, OnFailure::Exception) => {
                exception::throw(fault);
            }
            Self::NotPublished(fault, OnFailure::Warning) => {
                let message = ZendStr::new(&fault.message, false);
                drop(fault);
                engine::warn(&message);
            }
        }
    }
}

impl Failure {
    /// The same, if it is one that we can say more about.
    pub(crate) fn about(self, what: &str) -> Self {
        match self {
            Self::Mistake(fault) => Self::Mistake(PusherError {
                message: format!("{what}: {}", fault.message),
                ..fault
            }),
            other => other,
        }
    }
}
