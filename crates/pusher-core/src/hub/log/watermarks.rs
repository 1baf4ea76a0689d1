//! Watermarks of topics that have no events in the log.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

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
}

impl Watermarks {
    pub(super) fn new(max: usize) -> Self {
        Self {
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
        let half_max = self.half_max;
        *self = Self::new(2 * half_max);
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
        let key = self.key(topic);
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
        self.new.hasher().hash_one(topic)
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
