//! The admin routes: health, metrics and the status page, over HTTP on the publish listener.
//!
//! | path | answer | module |
//! |---|---|---|
//! | `/` | the status page | `page` |
//! | `/status.json` | data of the status page | `status`, `history` |
//! | `/watch/{topic}` | the topic's events, as Server-Sent Events | `watch` |
//! | `/metrics` | metrics for Prometheus | `metrics` |
//! | `/healthz`, `/readyz` | health and readiness, for process managers and load balancers | `health` |

mod health;
mod history;
mod metrics;
mod page;
mod process;
mod routes;
mod status;
mod watch;

pub(crate) use page::File;
pub(crate) use routes::{Admin, AdminError, AdminResponse, AdminRoute};
pub(crate) use watch::Watch;
