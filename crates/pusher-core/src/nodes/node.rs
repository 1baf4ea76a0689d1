//! This node.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pusher_proto::Position;

use super::connect::Connector;
use super::keys::Keys;
use super::probes::Probes;
use super::shared_connection::SharedConnection;
use super::status::{NodesState, Status};
use super::trim::TrimLine;
use crate::config::{Live, RedisOptions};
use crate::hub::Hub;
use crate::presence::Presence;
use crate::stats::Counters;
use crate::unix_time::unix_ms;

/// This node: its connections to Redis, and its view of the log and of the other nodes.
#[derive(Debug)]
pub(crate) struct Node {
    /// A random name, other than that of any other node. It stays over a hand-over.
    pub(super) id: String,
    /// The name for batches and probes, whose numbers begin at 1: that of no other run, also not of the server that was handed over.
    pub(super) run: String,
    pub(super) hub: Hub,
    pub(super) presence: Arc<Presence>,
    pub(super) live: Arc<Live>,
    pub(super) counters: Arc<Counters>,
    /// Time for which the ids of publishes are known.
    pub(super) id_memory: Duration,
    pub(super) keys: Keys,
    pub(super) connector: Connector,
    pub(super) status: Status,
    pub(super) probes: Probes,
    pub(super) trim: TrimLine,
    /// For positions of clients, revocations and presence.
    pub(super) connection: SharedConnection,
    /// Events of the log are missing, so pages may not know all changes of members.
    pub(super) has_missed_changes: AtomicBool,
}

impl Node {
    /// `id` is the name of the server that this one takes over.
    pub(crate) fn new(
        id: Option<String>,
        options: RedisOptions,
        id_memory: Duration,
        hub: Hub,
        presence: Arc<Presence>,
        live: Arc<Live>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            id: id.unwrap_or_else(random_name),
            run: random_name(),
            hub,
            presence,
            id_memory,
            keys: Keys::new(&options.prefix.to_string()),
            connector: Connector::new(options.address, live.clone()),
            live,
            counters,
            status: Status::default(),
            probes: Probes::default(),
            trim: TrimLine::default(),
            connection: SharedConnection::default(),
            has_missed_changes: AtomicBool::new(false),
        }
    }

    /// Returns the name of this server among the others.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns a number that changes with each event of a topic's presence.
    pub(crate) fn presence_events(&self, topic: &str) -> u64 {
        self.hub.presence_events(topic)
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
