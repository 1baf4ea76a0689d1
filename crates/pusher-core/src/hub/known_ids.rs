//! Receipts of publishes that had an id. A publisher that got no answer can send the publish again with the same id,
//! and the event is published only once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use pusher_proto::Receipt;

use super::log_start::KnownId;
use crate::config::IdLimits;
use crate::handover;

/// The receipts of the last publishes with an id, of all publishers together.
///
/// Bounded by [`IdLimits`]: it forgets the oldest ids first.
#[derive(Debug)]
pub(crate) struct KnownIds {
    state: Mutex<State>,
    count_max: usize,
    len_max: usize,
    memory_ms: u64,
}

#[derive(Debug, Default)]
struct State {
    receipts: HashMap<Key, Receipt, RandomState>,
    /// Every key with the time of its publish in ms, oldest first. Negative for publishes of the last run.
    order: VecDeque<(Key, i64)>,
    /// Bytes of all keys.
    len: usize,
}

/// Topic and id, because an id identifies a publish only within its topic.
type Key = Arc<str>;

impl KnownIds {
    pub(crate) fn new(limits: &IdLimits) -> Self {
        Self {
            state: Mutex::default(),
            count_max: limits.ids_max,
            len_max: limits.ids_len_max,
            memory_ms: limits.id_memory.as_millis() as u64,
        }
    }

    /// Remembers the publishes of the last run, oldest first.
    pub(crate) fn restore(&self, known: Vec<KnownId>, now_ms: u64) {
        let mut state = self.state.lock();
        for known in known {
            let at_ms = to_i64(now_ms) - to_i64(known.age_ms);
            let key = key(&known.topic, &known.id);
            state.remember(key.into(), known.receipt, at_ms);
            state.forget_beyond(self.count_max, self.len_max);
        }
    }

    /// Returns the publishes for a server that takes over, oldest first.
    pub(crate) fn hand_over(&self, now_ms: u64) -> Vec<handover::KnownId> {
        let state = self.state.lock();
        let known = state.order.iter().filter_map(|(key, at_ms)| {
            let (topic, id) = split_key(key)?;
            Some(handover::KnownId {
                topic: topic.to_owned(),
                id: id.to_owned(),
                age_ms: u64::try_from(to_i64(now_ms) - at_ms).unwrap_or(0),
                receipt: (*state.receipts.get(key)?).into(),
            })
        });
        known.collect()
    }

    /// Calls `publish`, or returns the receipt of an earlier publish with the same topic and id. A publish that failed
    /// is not remembered, so it can be tried again.
    ///
    /// Holds the lock while `publish` runs, so that only one of several simultaneous publishes with the same id
    /// happens. `publish` must not wait, and takes the directory's lock: see the lock order in [`hub`](super).
    pub(crate) fn publish_once<E>(
        &self,
        topic: &str,
        id: &str,
        now_ms: u64,
        publish: impl FnOnce() -> Result<Receipt, E>,
    ) -> Result<Receipt, E> {
        let key = key(topic, id);
        let mut state = self.state.lock();
        let now_ms = to_i64(now_ms);
        state.forget_before(now_ms.saturating_sub(to_i64(self.memory_ms)));
        if let Some(receipt) = state.receipts.get(key.as_str()) {
            return Ok(*receipt);
        }
        let receipt = publish()?;
        state.remember(key.into(), receipt, now_ms);
        state.forget_beyond(self.count_max, self.len_max);
        Ok(receipt)
    }
}

fn to_i64(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn key(topic: &str, id: &str) -> String {
    // Without the length, topic "ta" with id "b" and topic "t" with id "ab" would have the same key.
    format!("{}:{topic}{id}", topic.len())
}

/// Returns topic and id of a key.
fn split_key(key: &str) -> Option<(&str, &str)> {
    let (topic_len, rest) = key.split_once(':')?;
    rest.split_at_checked(topic_len.parse().ok()?)
}

impl State {
    fn remember(&mut self, key: Key, receipt: Receipt, now_ms: i64) {
        self.len += key.len();
        self.receipts.insert(key.clone(), receipt);
        self.order.push_back((key, now_ms));
    }

    fn forget_before(&mut self, since_ms: i64) {
        while self
            .order
            .front()
            .is_some_and(|&(_, at_ms)| at_ms < since_ms)
        {
            self.forget_oldest();
        }
    }

    fn forget_beyond(&mut self, count_max: usize, len_max: usize) {
        while self.order.len() > count_max || self.len > len_max {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((key, _)) = self.order.pop_front() {
            self.len -= key.len();
            self.receipts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::time::Duration;

    use super::*;

    /// Publishes through a [`KnownIds`], and numbers the publishes that happen.
    struct Publisher {
        known: KnownIds,
        sequence: u64,
    }

    impl Publisher {
        fn new(change: impl FnOnce(&mut IdLimits)) -> Self {
            let mut limits = IdLimits {
                id_memory: Duration::from_millis(100),
                ..IdLimits::default()
            };
            change(&mut limits);
            Self {
                known: KnownIds::new(&limits),
                sequence: 0,
            }
        }

        /// Returns the sequence number in the receipt.
        fn publish(&mut self, topic: &str, id: &str, now_ms: u64) -> u64 {
            let receipt = self.known.publish_once(topic, id, now_ms, || {
                self.sequence += 1;
                Ok::<_, ()>(Receipt {
                    sequence: self.sequence,
                    ..Receipt::default()
                })
            });
            receipt.unwrap().sequence
        }
    }

    #[test]
    fn an_id_publishes_once_per_topic() {
        let mut publisher = Publisher::new(|_| {});
        for (topic, id, sequence) in [
            ("t", "a", 1),
            ("t", "a", 1),
            ("t", "b", 2),
            ("u", "a", 3),
            ("ta", "", 4),
            ("", "ta", 5),
            ("t", "a", 1),
        ] {
            assert_eq!(publisher.publish(topic, id, 0), sequence, "{topic} {id}");
        }
    }

    #[test]
    fn an_id_is_forgotten_after_id_memory() {
        let mut publisher = Publisher::new(|_| {});
        for (now_ms, sequence) in [(0, 1), (100, 1), (101, 2), (150, 2), (201, 2), (202, 3)] {
            assert_eq!(publisher.publish("t", "a", now_ms), sequence, "{now_ms}");
        }
        assert_eq!(publisher.known.state.lock().order.len(), 1);
    }

    #[test]
    fn the_oldest_id_is_forgotten_at_ids_max() {
        let mut publisher = Publisher::new(|limits| limits.ids_max = 2);
        for (id, sequence) in [("a", 1), ("b", 2), ("a", 1), ("c", 3), ("b", 2), ("a", 4)] {
            assert_eq!(publisher.publish("t", id, 0), sequence, "{id}");
        }
        assert_eq!(publisher.known.state.lock().receipts.len(), 2);
    }

    #[test]
    fn the_oldest_id_is_forgotten_at_ids_len_max() {
        let key_len = "1:txxxx".len();
        let mut publisher = Publisher::new(|limits| limits.ids_len_max = 2 * key_len);
        for (id, sequence) in [
            ("aaaa", 1),
            ("bbbb", 2),
            ("aaaa", 1),
            ("cccc", 3),
            ("aaaa", 4),
        ] {
            assert_eq!(publisher.publish("t", id, 0), sequence, "{id}");
        }
        publisher.publish("t", &"x".repeat(100), 0);
        let state = publisher.known.state.lock();
        assert_eq!(
            (state.len, state.order.len(), state.receipts.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn simultaneous_publishes_with_one_id_happen_once() {
        let known = KnownIds::new(&IdLimits::default());
        let done = AtomicU64::new(0);
        let publish = |id: &str| {
            let receipt = known.publish_once("t", id, 0, || {
                Ok::<_, ()>(Receipt {
                    sequence: 1 + done.fetch_add(1, Relaxed),
                    ..Receipt::default()
                })
            });
            receipt.unwrap().sequence
        };
        let publish_all = || {
            (0..1000)
                .map(|id| publish(&id.to_string()))
                .collect::<Vec<_>>()
        };
        let receipts: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(publish_all)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(done.into_inner(), 1000);
        assert!(receipts.iter().all(|each| *each == receipts[0]));
    }

    #[test]
    fn a_failed_publish_can_be_retried() {
        let known = KnownIds::new(&IdLimits::default());
        assert_eq!(known.publish_once("t", "a", 0, || Err("no")), Err("no"));
        let receipt = Receipt {
            sequence: 1,
            subscribers: 2,
            ..Receipt::default()
        };
        assert_eq!(
            known.publish_once("t", "a", 0, || Ok::<_, &str>(receipt)),
            Ok(receipt)
        );
    }
}
