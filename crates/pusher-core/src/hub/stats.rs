//! Sums up the figures of all shards.

use super::Hub;
use crate::stats::{Gathered, OutboxTotals, Stats};

impl Hub {
    /// Returns the figures of the server at this moment.
    pub fn stats(&self) -> Stats {
        let mut totals = OutboxTotals::default();
        let (mut deliveries, mut delivery_bytes, mut readers) = (0, 0, 0);
        let log = self.log_totals();
        for shard in &self.shared.shards {
            totals += shard.outbox_totals();
            deliveries += shard.fan_out.deliveries.get();
            readers += shard.readers.len() as u64;
            delivery_bytes += shard.fan_out.bytes.get();
        }
        self.shared.counters.stats(Gathered {
            sessions: self.session_count() as u64,
            tickets: self.tickets().valid_count() as u64,
            users_revoked: self.tickets().revoked_count() as u64,
            topics: self.topic_count() as u64,
            deliveries,
            delivery_bytes,
            backlog_len: self.backlog_len() as u64,
            log_events: log.events,
            log_len: log.len,
            log_age_ms: log.age_ms,
            log_readers: readers,
            resume_values: self.resumes().len() as u64,
            outboxes: totals.outboxes,
            outboxes_len: totals.len,
        })
    }
}
