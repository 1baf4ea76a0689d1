//! What the writer's thread and all others share.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use crate::hub::log::Entry;
use crate::stats::Counters;
use crate::store::{Store, Syncer};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, Notify};

/// Why events are in memory only while the disk does not answer.
pub(super) const STALLED: &str = "the disk does not answer";

/// The queue, and what has become of its events.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) syncer: Syncer,
    /// Events up to this sequence number may not be on disk, although later ones are.
    lost_until: AtomicU64,
    /// The error of the last write.
    pub(super) error: Mutex<Option<String>>,
    /// Notified when events are settled, and when the writer has ended.
    pub(super) settled: Notify,
    pub(super) counters: Arc<Counters>,
}

impl Shared {
    pub(super) fn new(store: &Store, complete_after: u64, counters: Arc<Counters>) -> Self {
        Self {
            queue: Queue::default(),
            syncer: store.syncer(),
            lost_until: AtomicU64::new(complete_after),
            error: Mutex::default(),
            settled: Notify::default(),
            counters,
        }
    }

    /// Gives an event to the writer. Called under the hub's lock.
    pub(super) fn put(&self, entry: &Arc<Entry>, id: Option<&str>) {
        if !self.queue.put(entry, id) {
            self.lose(entry.sequence);
        }
    }

    /// Waits until a condition is true that [`settled`](Self::settled) tells of. Wakes the writer.
    pub(super) async fn until(&self, is_true: impl Fn() -> bool) {
        loop {
            // Created before the check: `notify_waiters` only wakes futures that exist already.
            let settled = self.settled.notified();
            if is_true() {
                return;
            }
            self.queue.wake();
            settled.await;
        }
    }

    /// Wakes the writer, and finds out whether it takes longer than `limit` for a piece of work.
    pub(super) fn check(&self, limit: Duration) {
        self.queue.wake();
        if self.queue.check(limit) {
            self.counters.disk_errors.add(1);
            self.show_failure();
            tracing::error!("{STALLED}: the server keeps events in memory only");
            self.settled.notify_waiters();
        }
    }

    /// What is settled once remains so. Otherwise a reader that has seen the events behind an event could later take
    /// itself for up to date without them.
    pub(super) fn settled_until(&self) -> u64 {
        let newest = self.queue.newest();
        let lost = self.lost_until.load(Ordering::Acquire);
        let until = self.syncer.written_sequence().max(lost);
        let until = until.max(self.queue.shown_until());
        match until >= newest {
            // Greater numbers are those of events without history.
            true => u64::MAX,
            false => until,
        }
    }

    /// Whether a settled event is not on disk: the disk failed, now or later, or the event is one of an older log.
    pub(super) fn is_lost(&self, sequence: u64) -> bool {
        sequence > self.syncer.written_sequence()
            || sequence <= self.lost_until.load(Ordering::Acquire)
            || self.syncer.is_removed(sequence)
    }

    /// Records that events up to this sequence number are not written.
    pub(super) fn lose(&self, sequence: u64) {
        self.lost_until.fetch_max(sequence, Ordering::AcqRel);
        self.settled.notify_waiters();
    }

    /// Records that the writer has done its work.
    pub(super) fn done(&self, is_end: bool) {
        if self.queue.done(is_end) {
            self.show_failure();
            tracing::info!("the disk answers again");
        }
        self.settled.notify_waiters();
    }

    pub(super) fn failure(&self) -> Option<String> {
        match self.queue.is_stalled() {
            true => Some(STALLED.to_owned()),
            false => self.error.lock().clone(),
        }
    }

    /// Shows in the figures whether the disk works.
    pub(super) fn show_failure(&self) {
        // The lock keeps two calls in the order of what they see.
        let error = self.error.lock();
        let is_on_disk = error.is_none() && !self.queue.is_stalled();
        self.counters.log_on_disk.set(u64::from(is_on_disk));
    }
}
