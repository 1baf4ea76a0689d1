//! Health and readiness.

use std::time::Duration;

use http::StatusCode;

use crate::context::Context;

/// Silence of an event loop after which it counts as hanging.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Returns whether the server is alive. A process manager may restart a server that is not.
pub(crate) fn health(context: &Context) -> (StatusCode, &'static str) {
    match context.silent_for() > HANGS_AFTER {
        false => (StatusCode::OK, "ok"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "a thread hangs"),
    }
}

/// Returns whether the server accepts work. A load balancer may otherwise choose another server.
pub(crate) fn readiness(context: &Context) -> (StatusCode, &'static str) {
    if context.tasks.closing.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "ending")
    } else if !context.hub.has_room() {
        (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
    } else if context
        .node
        .as_ref()
        .is_some_and(|node| node.state().failure.is_some())
    {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the log in Redis cannot be used: see the log",
        )
    } else if context.hub.disk_failure().is_some() {
        // The server still does its work, so it stays in the load balancer.
        (
            StatusCode::OK,
            "ready, but events are in memory only: see the log",
        )
    } else {
        (StatusCode::OK, "ready")
    }
}
