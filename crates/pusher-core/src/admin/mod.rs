//! The admin routes: health, metrics and the status page, over HTTP on the publish listener.
//!
//! | path | answer | module |
//! |---|---|---|
//! | `/` | the status page | `page` |
//! | `/status.json` | data of the status page | `status`, `problems`, `refusals` |
//! | `/charts.json` | figures of the last minutes, hour or day | `history` |
//! | `/connections.json` | the connections of port 8080 | `connections` |
//! | `/watch/{topic}` | the topic's events, as Server-Sent Events | `watch` |
//! | `/metrics` | metrics for Prometheus | `metrics` |
//! | `/healthz`, `/readyz` | health and readiness, for process managers and load balancers | `health` |

mod connections;
mod health;
mod history;
mod metrics;
mod page;
mod problems;
mod process;
mod refusal_words;
mod refusals;
mod routes;
mod status;
mod watch;

pub(crate) use connections::ConnectionsQuery;
pub(crate) use history::{WINDOWS, Window};
pub(crate) use page::File;
pub(crate) use routes::{Admin, AdminError, AdminResponse, AdminRoute};
pub(crate) use watch::Watch;
