//! State that all connections of one shard share.

use std::sync::Arc;

use pusher_proto::wamp::{keepalive, text_frame};

use super::origins::Origins;
use crate::config::Live;
use crate::stats::{Counters, PeerLog};

/// Reconnects per second that the server asks its clients for. It can serve several times as many.
const RECONNECTS_PER_SECOND: u64 = 5000;

/// Bounds of the time over which clients spread their reconnects, in ms.
pub(super) const RETRY_MS_MIN: u64 = 1000;
const RETRY_MS_MAX: u64 = 30_000;

/// State that all connections of one shard share.
#[derive(Debug)]
pub(crate) struct Common {
    /// Index of the shard.
    pub(crate) shard: usize,
    pub(crate) live: Arc<Live>,
    /// Those of all shards.
    pub(crate) origins: Arc<Origins>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) browser_log: Arc<PeerLog>,
}

impl Common {
    /// Whether queued events use all the memory that they may (`events-len-max`). Then no outbox may grow.
    pub(super) fn is_memory_full(&self) -> bool {
        self.counters.events_len.get() > self.live.limits().events_len_max as u64
    }

    /// Returns KEEPALIVE as a frame, with the current ping interval and reconnect delay.
    pub(crate) fn keepalive_frame(&self) -> Vec<u8> {
        let interval = self.live.limits().ping_interval;
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        text_frame(&keepalive(interval_ms, self.retry_ms()))
    }

    /// Returns the time over which clients should spread their reconnects, in ms: so much that at most
    /// [`RECONNECTS_PER_SECOND`] of those that are connected now come back in a second.
    pub(crate) fn retry_ms(&self) -> u64 {
        let needed_ms = self.counters.browsers.get() * 1000 / RECONNECTS_PER_SECOND;
        needed_ms.clamp(RETRY_MS_MIN, RETRY_MS_MAX)
    }

    pub(super) fn count_dropped(&self, events: u64) {
        if events > 0 {
            self.counters.deliveries_dropped.add(events);
        }
    }
}
