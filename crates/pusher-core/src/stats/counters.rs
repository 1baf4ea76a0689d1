//! Counters and gauges. Each is one relaxed atomic number, because no other memory depends on its value. A count costs
//! about a nanosecond.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::counts::Counts;
use super::labels::Kind;
use super::peer_log::{PeerLog, PeerLogEntry};

/// A number that only grows.
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

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    /// Returns the new value.
    pub(crate) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Relaxed) + more
    }

    /// Adds 1 until the returned guard is dropped.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.add(1);
        Held(self)
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub(crate) fn remove(&self, less: u64) {
        self.0.fetch_sub(less, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The guard of [`Gauge::hold`].
pub(crate) struct Held<'a>(&'a Gauge);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.remove(1);
    }
}

/// One counter for each kind.
#[derive(Debug)]
pub(crate) struct ByKind<K> {
    counters: Box<[Counter]>,
    /// The last log line of each kind that had one, by the position of the kind.
    last: Mutex<BTreeMap<usize, PeerLogEntry>>,
    kinds: PhantomData<K>,
}

impl<K: Kind> Default for ByKind<K> {
    fn default() -> Self {
        Self {
            counters: K::ALL.iter().map(|_| Counter::default()).collect(),
            last: Mutex::default(),
            kinds: PhantomData,
        }
    }
}

impl<K: Kind> ByKind<K> {
    /// Counts a refusal, and logs it unless the rate limit of the log is reached.
    pub(crate) fn refuse(&self, kind: K, log: &PeerLog, peer: &str, message: impl Display) {
        self.count(kind);
        self.log(kind, log, peer, message);
    }

    /// Logs a refusal that is counted elsewhere, and keeps the line for the status page.
    pub(crate) fn log(&self, kind: K, log: &PeerLog, peer: &str, message: impl Display) {
        if let Some(entry) = log.about(peer, message) {
            self.last.lock().insert(kind.position(), entry);
        }
    }

    pub(crate) fn count(&self, kind: K) {
        self.counters[kind.position()].add(1);
    }

    pub(crate) fn counts(&self) -> Counts<K> {
        Counts::new(|kind: K| self.counters[kind.position()].get())
    }
}

/// A figure that can be read: a counter, a gauge or a set of counters.
pub(super) trait Cell {
    type Shown;

    fn read(&self) -> Self::Shown;

    /// Returns the last log lines about refusals, with their labels.
    fn last_refusals(&self) -> Vec<(&'static str, PeerLogEntry)> {
        Vec::new()
    }
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

    fn last_refusals(&self) -> Vec<(&'static str, PeerLogEntry)> {
        let last = self.last.lock();
        let last = last.iter();
        last.map(|(position, entry)| (K::ALL[*position].label(), entry.clone()))
            .collect()
    }
}

/// The counters of one shard's fan-out. Only the shard's thread writes them, so their cache line stays with one
/// processor.
#[derive(Debug, Default)]
pub(crate) struct FanOut {
    /// Events times subscribers.
    pub(crate) deliveries: Counter,
    /// Bytes of the deliveries.
    pub(crate) bytes: Counter,
}
