//! The figures of `pushd top`, as the server sends them.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) server: String,
    pub(super) state: String,
    pub(super) uptime_s: u64,
    pub(super) browsers: u64,
    pub(super) browsers_max: u64,
    pub(super) publishers: u64,
    pub(super) operators: u64,
    pub(super) outboxes: u64,
    pub(super) outboxes_len: u64,
    pub(super) busiest_topics: Vec<Topic>,
    pub(super) largest_topics: Vec<Topic>,
    pub(super) problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Topic {
    pub(super) topic: String,
    pub(super) subscribers: u64,
    pub(super) log_events: u64,
    pub(super) events_per_s: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub(super) text: String,
}

/// The answer to `GET /charts.json`: figures of each second, the newest last.
#[derive(Debug, Deserialize)]
pub(super) struct Charts {
    pub(super) events: Vec<f64>,
    pub(super) deliveries: Vec<f64>,
}

/// The answer to `GET /connections.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Connections {
    pub(super) connections: Vec<Connection>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Connection {
    pub(super) address: String,
    pub(super) origin: Option<String>,
    pub(super) protocol: String,
    pub(super) age_s: Option<u64>,
    pub(super) queued_len: u64,
    pub(super) topics: Vec<String>,
    pub(super) topic_count: usize,
}

/// All that a table shows.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) status: Status,
    pub(super) charts: Charts,
    pub(super) connections: Connections,
}
