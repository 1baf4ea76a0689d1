//! The hub's figures, and those of everything that is counted elsewhere.

use super::Hub;
use crate::stats::{Stats, Waiting};

impl Hub {
    /// What the server has done and what it holds now, in figures.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let mut waiting = Waiting::default();
        let (mut deliveries, mut delivery_bytes) = (0, 0);
        for shard in &self.shared.shards {
            waiting += shard.waiting();
            deliveries += shard.fan_out.deliveries.get();
            delivery_bytes += shard.fan_out.bytes.get();
        }
        Stats {
            browsers: counters.browsers.get(),
            browsers_accepted: counters.browsers_accepted.get(),
            browsers_refused: counters.browsers_refused.counts(),
            sessions: self.session_count() as u64,
            sessions_opened: counters.sessions_opened.get(),
            topics: self.topic_count() as u64,
            violations: counters.violations.counts(),
            slow_consumers: counters.slow_consumers.counts(),
            pings_unanswered: counters.pings_unanswered.get(),
            publishers: counters.publishers.get(),
            publishers_accepted: counters.publishers_accepted.get(),
            publishers_gave_way: counters.publishers_gave_way.get(),
            publishers_refused: counters.publishers_refused.counts(),
            publishes_refused: counters.publishes_refused.counts(),
            events: counters.events.counts(),
            event_bytes: counters.event_bytes.get(),
            deliveries,
            delivery_bytes,
            deliveries_dropped: counters.deliveries_dropped.get(),
            backlog_len: self.backlog_len() as u64,
            outboxes: waiting.outboxes,
            outboxes_len: waiting.len,
            events_len: counters.events_len.get(),
            unfinished_len: counters.unfinished_len.get(),
        }
    }
}
