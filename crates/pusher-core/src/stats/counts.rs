//! Counts by label.

use std::marker::PhantomData;

use super::labels::Kind;

/// A count for each value of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts<K> {
    counts: Box<[u64]>,
    kinds: PhantomData<K>,
}

impl<K: Kind> Counts<K> {
    pub(super) fn new(count: impl Fn(K) -> u64) -> Self {
        Self {
            counts: K::ALL.iter().map(|&kind| count(kind)).collect(),
            kinds: PhantomData,
        }
    }

    /// Returns the count of one kind.
    pub fn get(&self, kind: K) -> u64 {
        self.counts[kind.position()]
    }

    /// Returns every kind with its count, zero included.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        K::ALL.iter().copied().zip(self.counts.iter().copied())
    }

    /// Returns the sum over all kinds.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(crate) fn labelled(&self) -> Vec<(&'static str, u64)> {
        self.iter()
            .map(|(kind, count)| (kind.label(), count))
            .collect()
    }
}
