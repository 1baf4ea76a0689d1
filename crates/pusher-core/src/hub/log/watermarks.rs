//! Watermarks of topics that have no events in the log.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use siphasher::sip::SipHasher13;

use crate::handover;

/// A bounded table of watermarks. If it is full, it forgets the older half. A topic that is not in the table has the
/// greatest watermark that was forgotten: that may report a gap where there is none, but never hides one.
///
/// The keys are hashes of the topics, so that long names take no memory. Two topics with one hash are not expected.
#[derive(Debug)]
pub(super) struct Watermarks {
    new: HashMap<u64, u64, RandomState>,
    old: HashMap<u64, u64, RandomState>,
    /// The greatest watermark that was forgotten.
    floor: u64,
    /// Most watermarks in each of the two tables.
    half_max: usize,
    /// The keys of the hash. They move to another process with the table.
    hash_keys: (u64, u64),
}

impl Watermarks {
    pub(super) fn new(max: usize) -> Self {
        // Nobody can choose topics with one hash, because these numbers are random.
        let random = RandomState::default();
        Self {
            hash_keys: (random.hash_one(0), random.hash_one(1)),
            new: HashMap::default(),
            old: HashMap::default(),
            floor: 0,
            half_max: (max / 2).max(1),
        }
    }

    pub(super) fn get(&self, topic: &str) -> u64 {
        let key = self.key(topic);
        let known = self.new.get(&key).or_else(|| self.old.get(&key));
        known.copied().unwrap_or(self.floor)
    }

    /// Removes and returns the watermark of a topic.
    pub(super) fn take(&mut self, topic: &str) -> u64 {
        let key = self.key(topic);
        let newer = self.new.remove(&key);
        let older = self.old.remove(&key);
        newer.or(older).unwrap_or(self.floor)
    }

    /// Forgets all watermarks. Every topic then has at least the given one.
    pub(super) fn forget(&mut self, floor: u64) {
        *self = Self::new(2 * self.half_max);
        self.floor = floor;
    }

    /// Raises all lower watermarks.
    pub(super) fn raise_floor(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        for table in [&mut self.new, &mut self.old] {
            table.retain(|_, watermark| *watermark > floor);
        }
    }

    pub(super) fn put(&mut self, topic: &str, watermark: u64) {
        self.put_key(self.key(topic), watermark);
    }

    fn put_key(&mut self, key: u64, watermark: u64) {
        if self.new.len() >= self.half_max {
            let emptied = HashMap::with_hasher(self.new.hasher().clone());
            let full = std::mem::replace(&mut self.new, emptied);
            let forgotten = std::mem::replace(&mut self.old, full);
            let greatest = forgotten.into_values().max().unwrap_or(0);
            self.floor = self.floor.max(greatest);
        }
        self.new.insert(key, watermark);
    }

    fn key(&self, topic: &str) -> u64 {
        let (key_0, key_1) = self.hash_keys;
        SipHasher13::new_with_keys(key_0, key_1).hash(topic.as_bytes())
    }

    /// Adds the table to a log that another process takes over.
    pub(super) fn hand_over(&self, log: &mut handover::Log) {
        log.watermark_keys = self.hash_keys;
        log.watermark_floor = self.floor;
        // In this order, so that the newer ones are the last to be forgotten.
        let tables = self.old.iter().chain(&self.new);
        log.watermarks = tables.map(|(&key, &watermark)| (key, watermark)).collect();
    }

    /// Returns the table that [`hand_over`](Self::hand_over) has added.
    pub(super) fn take_over(max: usize, log: &handover::Log) -> Self {
        let mut taken = Self::new(max);
        taken.hash_keys = log.watermark_keys;
        taken.floor = log.watermark_floor;
        for &(key, watermark) in &log.watermarks {
            taken.put_key(key, watermark);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_watermarks_become_the_floor() {
        let mut watermarks = Watermarks::new(4);
        for (topic, watermark) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
            watermarks.put(topic, watermark);
        }
        let get = |watermarks: &Watermarks| ["a", "b", "c", "d", "x"].map(|t| watermarks.get(t));
        assert_eq!(get(&watermarks), [1, 2, 3, 4, 0]);
        watermarks.put("e", 5);
        assert_eq!(get(&watermarks), [2, 2, 3, 4, 2]);
        assert_eq!(watermarks.take("d"), 4);
        assert_eq!(watermarks.get("d"), 2);
        watermarks.raise_floor(3);
        assert_eq!(get(&watermarks), [3, 3, 3, 3, 3]);
        assert_eq!(watermarks.get("e"), 5);
    }
}
