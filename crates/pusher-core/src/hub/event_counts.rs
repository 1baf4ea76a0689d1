//! Numbers of events, by topic.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;

/// Counters. Topics share them, so a counter may also count the events of other topics.
const COUNTERS: usize = 256;

/// How many events of each topic have arrived, or a few more: enough to see that there was none in between.
#[derive(Debug)]
pub(super) struct EventCounts {
    hasher: RandomState,
    counters: [AtomicU64; COUNTERS],
}

impl Default for EventCounts {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            counters: [const { AtomicU64::new(0) }; COUNTERS],
        }
    }
}

impl EventCounts {
    pub(super) fn add(&self, topic: &str) {
        self.counter(topic).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, topic: &str) -> u64 {
        self.counter(topic).load(Ordering::Relaxed)
    }

    fn counter(&self, topic: &str) -> &AtomicU64 {
        let index = self.hasher.hash_one(topic) % COUNTERS as u64;
        &self.counters[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_topic_is_seen_and_most_others_are_not() {
        let counts = EventCounts::default();
        counts.add("t");
        assert_eq!(counts.get("t"), 1);
        let others = (0..1000).filter(|number| counts.get(&number.to_string()) > 0);
        assert!(others.count() < 100);
    }
}
