//! The error of a C function, before it is stored for `push_last_error`.

use std::ffi::c_int;

use super::codes::PUSH_EINVAL;
use crate::error::Error;

/// The code and the text of a failed call.
pub(super) struct CallError {
    pub(super) code: c_int,
    pub(super) text: String,
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self {
            code: error.code(),
            text: error.to_string(),
        }
    }
}

/// Returns the error for an invalid argument.
pub(super) fn invalid(text: String) -> CallError {
    CallError {
        code: PUSH_EINVAL,
        text,
    }
}
