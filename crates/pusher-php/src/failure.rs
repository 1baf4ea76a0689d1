//! Why a publish has no receipt, and what PHP is told.

use ext_php_rs::types::ZendStr;
use pusher::Error;

use crate::settings::OnFailure;
use crate::{engine, exception};

/// Why there is no receipt.
pub(crate) enum Failure {
    /// PHP has an exception already, its own or that of user code.
    Thrown,
    /// The caller's mistake.
    Mistake(Fault),
    /// Everything else, and what the settings want to become of it.
    NotPublished(Fault, OnFailure),
}

/// An error as PHP gets it.
#[derive(Clone)]
pub(crate) struct Fault {
    /// One of the constants of `PusherException`.
    pub(crate) code: i32,
    pub(crate) message: String,
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
            Self::Mistake(fault) => Self::Mistake(Fault {
                message: format!("{what}: {}", fault.message),
                ..fault
            }),
            other => other,
        }
    }
}

impl Fault {
    /// The same as the reason why so many of these have no receipt.
    pub(crate) fn among(self, missing_count: usize, count: usize, events: &str) -> Self {
        let why = self.message;
        Self {
            message: format!("{missing_count} of {count} {events} have no receipt: {why}"),
            ..self
        }
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            // What the server says may be in it, and PHP's messages end at a NUL.
            message: error.to_string().replace('\0', "\\0"),
        }
    }
}
