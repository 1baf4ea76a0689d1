//! What the operator looks at, over HTTP on the private door.
//!
//! | path | what | file |
//! |---|---|---|
//! | `/` | the status page | `page` |
//! | `/status.json` | what the page shows | `status`, `history` |
//! | `/watch/{topic}` | the topic's events as they come, as Server-Sent Events | `watch` |
//! | `/metrics` | for Prometheus | `metrics` |
//! | `/healthz`, `/readyz` | for whoever starts and stops servers | here |

mod history;
mod metrics;
mod page;
mod process;
mod status;
mod watch;

use std::time::Duration;

use http::StatusCode;

use crate::control::silent_for;
use crate::server::Context;

pub(crate) use history::{History, record};
pub(crate) use metrics::{CONTENT_TYPE as METRICS_TYPE, metrics};
pub(crate) use page::{FILES, File};
pub(crate) use status::Snapshot;
pub(crate) use watch::Watch;

/// An event loop that has not gone round for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Whether the server is alive: whoever asks may otherwise start it again.
pub(crate) fn health(context: &Context) -> (StatusCode, &'static str) {
    match silent_for(context) > HANGS_AFTER {
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
