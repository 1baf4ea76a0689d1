//! This node.

use std::sync::Arc;
use std::time::Duration;

use pusher_proto::Position;
use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex;

use super::connect::Connector;
use super::keys::Keys;
use super::probes::Probes;
use super::status::{NodesState, Status};
use super::trim::TrimLine;
use crate::config::{Live, RedisOptions};
use crate::hub::Hub;
use crate::stats::Counters;
use crate::unix_time::unix_ms;

/// This node: its connections to Redis, and its view of the log and of the other nodes.
#[derive(Debug)]
pub(crate) struct Node {
    /// A random name, other than that of any other node or earlier run.
    pub(super) id: String,
    pub(super) hub: Hub,
    pub(super) live: Arc<Live>,
    pub(super) counters: Arc<Counters>,
    /// Time for which the ids of publishes are known.
    pub(super) id_memory: Duration,
    pub(super) keys: Keys,
    pub(super) connector: Connector,
    pub(super) status: Status,
    pub(super) probes: Probes,
    pub(super) trim: TrimLine,
    /// A connection for positions of clients. It is opened when it is needed.
    pub(super) resume_connection: Mutex<Option<MultiplexedConnection>>,
}

impl Node {
    pub(crate) fn new(
        options: RedisOptions,
        id_memory: Duration,
        hub: Hub,
        live: Arc<Live>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            id: random_name(),
            hub,
            id_memory,
            keys: Keys::new(&options.prefix.to_string()),
            connector: Connector::new(options.address, live.clone()),
            live,
            counters,
            status: Status::default(),
            probes: Probes::default(),
            trim: TrimLine::default(),
            resume_connection: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> NodesState {
        self.status.state(&self.id, &self.connector)
    }

    /// Returns the end of the log as this node knows it. The epoch is 0 before it knows any.
    pub(super) fn known_end(&self) -> Position {
        self.status.known_end()
    }
}

fn random_name() -> String {
    let mut bytes = [0; 8];
    // Without random numbers, the time must do.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = unix_ms().to_be_bytes();
    }
    data_encoding::HEXLOWER.encode(&bytes)
}
