//! What the operator looks at, over HTTP on the private door.
//!
//! | path | what | file |
//! |---|---|---|
//! | `/` | the status page | `page` |
//! | `/status.json` | what the page shows | `status`, `history` |
//! | `/watch/{topic}` | the topic's events as they come, as Server-Sent Events | `watch` |
//! | `/metrics` | for Prometheus | `metrics` |
//! | `/healthz`, `/readyz` | for process managers and load balancers | `health` |

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
