//! Health and readiness.

use std::time::Duration;

use http::StatusCode;

use crate::context::Context;

/// An event loop that has not gone round for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Whether the server is alive: whoever asks may otherwise start it again.
pub(crate) fn health(context: &Context) -> (StatusCode, &'static str) {
    match context.silent_for() > HANGS_AFTER {
        false => (StatusCode::OK, "ok"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "a thread hangs"),
    }
}

/// Whether it should be given work: whoever asks may otherwise send that elsewhere.
pub(crate) fn readiness(context: &Context) -> (StatusCode, &'static str) {
    if context.tasks.closing.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "ending")
    } else if !context.hub.has_room() {
        (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
    } else {
        (StatusCode::OK, "ready")
    }
}
