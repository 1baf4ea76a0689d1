//! The text of an error and its causes.

use std::error::Error;
use std::fmt::Write as _;

/// Returns the error's text followed by the text of each cause. TLS and HTTP errors name the reason only there.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some errors repeat the text of their cause.
        if !text.contains(&next) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {next}");
        }
        cause = error.source();
    }
    text
}
