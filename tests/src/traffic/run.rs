//! The state that the threads of one run share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::history::Id;

/// Name of the member that marks the last event of each topic.
pub(super) const END: &str = "end";

/// The addresses, topics and counters of one run.
pub(super) struct Run {
    pub(super) web: SocketAddr,
    pub(super) publish: SocketAddr,
    pub(super) topics: Vec<String>,
    began: Instant,
    /// The number of the next publisher connection.
    connections: AtomicU64,
    /// The number of publishes so far.
    pub(super) published: AtomicUsize,
    /// Whether only the last event of each topic follows.
    pub(super) is_over: AtomicBool,
}

impl Run {
    pub(super) fn new(web: SocketAddr, publish: SocketAddr, topics: Vec<String>) -> Self {
        Self {
            web,
            publish,
            topics,
            began: Instant::now(),
            connections: AtomicU64::new(1),
            published: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    pub(super) fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).expect("not that long")
    }

    pub(super) fn new_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Returns the event with this id, as a publisher sends it.
    pub(super) fn event(&self, id: Id, topic: &str, padding: usize) -> String {
        let padding = "x".repeat(padding);
        json!({"category": topic, "id": id, "at": self.now_us(), "padding": padding}).to_string()
    }
}
