//! The figures while they change. Each is an atomic number and orders nothing else: a count costs
//! about a nanosecond.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::counts::Counts;
use super::labels::Kind;

/// Only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How much there is of something now.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    /// Returns how much there is with it.
    pub(crate) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Relaxed) + more
    }

    /// Adds one as long as what is returned is kept.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.add(1);
        Held(self)
    }

    pub(crate) fn remove(&self, less: u64) {
        self.0.fetch_sub(less, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// See [`Gauge::hold`].
pub(crate) struct Held<'a>(&'a Gauge);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.remove(1);
    }
}

/// A counter for each kind.
#[derive(Debug)]
pub(crate) struct ByKind<K> {
    counters: Box<[Counter]>,
    kinds: PhantomData<K>,
}

impl<K: Kind> Default for ByKind<K> {
    fn default() -> Self {
        Self {
            counters: K::ALL.iter().map(|_| Counter::default()).collect(),
            kinds: PhantomData,
        }
    }
}

impl<K: Kind> ByKind<K> {
    pub(crate) fn count(&self, kind: K) {
        self.counters[kind.position()].add(1);
    }

    pub(crate) fn counts(&self) -> Counts<K> {
        Counts::new(|kind: K| self.counters[kind.position()].get())
    }
}

/// A figure that is being counted.
pub(super) trait Cell {
    type Shown;

    fn read(&self) -> Self::Shown;
}

impl Cell for Counter {
    type Shown = u64;

    fn read(&self) -> u64 {
        self.get()
    }
}

impl Cell for Gauge {
    type Shown = u64;

    fn read(&self) -> u64 {
        self.get()
    }
}

impl<K: Kind> Cell for ByKind<K> {
    type Shown = Counts<K>;

    fn read(&self) -> Counts<K> {
        self.counts()
    }
}

/// What one shard's fan-out has done; only its own thread counts.
#[derive(Debug, Default)]
pub(crate) struct FanOut {
    pub(crate) deliveries: Counter,
    pub(crate) bytes: Counter,
}
