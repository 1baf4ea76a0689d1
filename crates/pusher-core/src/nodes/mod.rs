//! Several servers that share one log in Redis: *nodes*. They behave as one server.
//!
//! The log is a Redis stream. Its entries have the positions of the events as their ids, `EPOCH-SEQUENCE`, so a position
//! is valid at every node. A node appends its publishers' events with a script ([`publisher`]), and reads all entries with
//! a connection of its own ([`reader`]): the hub gets the events of all nodes, its own included, in the order of the log.
//! Nothing is delivered that is not in the log.
//!
//! # Complete or gap
//! - Sequence numbers in the log have no holes, so a reader notices a missing entry, and tells all clients of a gap.
//! - An epoch belongs to one history of one Redis server. The script begins a new epoch if another server process
//!   answers (a restart, a failover), if the state is gone, or if it is older than what the node knows. So no position is
//!   given to two events: a replica that lagged would give the last numbers again.
//! - Each node appends a probe now and then, and expects to read it ([`probe`]).
//!
//! # Exactly once
//! A batch of publishes has a number, and Redis remembers the reply to each node's last batch. If the connection breaks
//! before the reply, the node sends the batch again.
//!
//! # Keys
//! All begin with `{PREFIX}:`, see [`Keys`]. The braces keep them on one server of a Redis Cluster; without that, Redis
//! Cluster is not supported.

mod batch;
mod check;
mod connect;
mod entry;
#[cfg(any(test, fuzzing))]
mod entry_check;
mod fields;
mod keys;
mod lease;
mod node;
mod presence;
mod probe;
mod probes;
mod publisher;
mod reader;
#[cfg(unix)]
mod request_stream;
mod resumes;
mod revocations;
mod shared_connection;
mod status;
mod topics;
mod trim;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

pub use check::{RedisCheckError, RedisReplication, RedisReport, check_redis};
#[cfg(any(test, fuzzing))]
pub(crate) use entry_check::check_reply;
pub(crate) use node::Node;
pub(crate) use status::NodesState;

/// Time that a server waits at its start for the log in Redis. Then it serves without it, until it arrives.
const START_WAIT: Duration = Duration::from_secs(5);

/// Time that a server waits at its end for the events that it has appended.
const END_WAIT: Duration = Duration::from_secs(1);

/// Runs until the task is dropped.
pub(crate) async fn run(node: Arc<Node>) {
    tokio::join!(
        publisher::run(&node),
        reader::run(&node),
        lease::run(&node),
        probe::run(&node),
        resumes::run(&node),
        revocations::run(&node),
        presence::run(&node),
    );
}

/// Waits until the hub has the log, but not for long. Returns whether it has.
pub(crate) async fn loaded(node: &Node) -> bool {
    let is_loaded = timeout(START_WAIT, node.status.loaded()).await.is_ok();
    if !is_loaded {
        tracing::warn!("the log in Redis is not there yet: serving without it until it is");
    }
    is_loaded
}

/// Waits until the hub has everything that this node has appended, but not for long.
pub(crate) async fn caught_up(node: &Node) {
    let _late = timeout(END_WAIT, probe::round_trip(node)).await;
}

/// Ends the node's lease, so that the others do not count its browsers any more.
pub(crate) async fn leave(node: &Node) {
    resumes::save_all(node).await;
    lease::end(node).await;
}
