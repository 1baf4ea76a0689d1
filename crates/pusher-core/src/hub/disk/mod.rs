//! The copy of the log on disk.
//!
//! A publish puts its event into the queue of the writer under the hub's lock, so the queue is in the order of the sequence
//! numbers. A thread writes it ([`writer`]), so a slow disk stops no event loop. An event is *settled* when it is written, or
//! when it is known that it will not be. Publishers get their receipts then.
//!
//! Browsers get no event before it is settled, either. Otherwise a killed server could leave an event that some browsers
//! have and the next server does not know: the others would never get it, and if its publisher sends it again, the first
//! ones would get it twice.
//!
//! If the disk fails, the server goes on in memory and tries the disk again once a second. If the disk does not answer for
//! [`STALL_AFTER`], all events count as settled until it does. Those that fit into the queue are still written then.

mod queue;
mod shared;
mod sync_thread;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pusher_proto::Stored;
use tokio::time::timeout;

use super::log::Entry;
use crate::config::SyncPolicy;
use crate::stats::Counters;
use crate::store::Store;
use shared::{STALLED, Shared};
use sync_thread::SyncThread;

/// Time for a piece of work after which the disk counts as one that does not answer. [`Disk::check`] finds that a second or
/// two later.
const STALL_AFTER: Duration = Duration::from_secs(1);

/// Time for the last writes when the server ends.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// The log on disk, shared by all publishers.
#[derive(Debug)]
pub(super) struct Disk {
    shared: Arc<Shared>,
    policy: SyncPolicy,
    sync_thread: Arc<SyncThread>,
    has_sync_thread: bool,
}

impl Disk {
    /// Events up to the sequence number `complete_after` are not on disk.
    pub(super) fn new(
        store: Store,
        complete_after: u64,
        policy: SyncPolicy,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(&store, complete_after, counters));
        writer::start(&shared, store)?;
        shared.show_failure();
        let sync_thread = Arc::<SyncThread>::default();
        let has_sync_thread = policy != SyncPolicy::Never
            && SyncThread::start(&sync_thread, policy, &shared.syncer, &shared.counters);
        Ok(Self {
            shared,
            policy,
            sync_thread,
            has_sync_thread,
        })
    }

    /// Gives an event to the writer. It is written when somebody waits for it, or at the next [`check`](Self::check). Called
    /// under the hub's lock.
    pub(super) fn put(&self, entry: &Arc<Entry>, id: Option<&str>) {
        self.shared.put(entry, id);
    }

    /// Records that sequence numbers are used by events without history.
    pub(super) fn skip(&self, sequence: u64) {
        if sequence.is_multiple_of(queue::MARK_INTERVAL) {
            self.shared.queue.mark(sequence);
        }
    }

    /// Begins a log with another selection of events. Called under the hub's lock.
    pub(super) fn change_selection(&self, selection: u64) {
        let shared = &self.shared;
        shared.queue.change_selection(selection);
        let newest = shared.queue.newest();
        shared.lose(newest.max(shared.syncer.written_sequence()));
    }

    /// Whether the event with this sequence number, and all before it, are settled.
    pub(super) fn is_settled(&self, sequence: u64) -> bool {
        sequence <= self.settled_until()
    }

    /// Returns the sequence number up to which all events are settled. Under the hub's lock, this is true until the lock is
    /// released; otherwise an event can have come meanwhile.
    pub(super) fn settled_until(&self) -> u64 {
        self.shared.settled_until()
    }

    /// Returns the sequence number of the newest event, if it is not settled.
    pub(super) fn newest_unsettled(&self) -> Option<u64> {
        let newest = self.shared.queue.newest();
        (!self.is_settled(newest)).then_some(newest)
    }

    /// Waits until the event with this sequence number, and all before it, are settled.
    pub(super) async fn settled(&self, sequence: u64) {
        self.shared.until(|| self.is_settled(sequence)).await;
    }

    /// Waits until less than `max` bytes wait for the writer, or the disk does not answer.
    pub(super) async fn room(&self, max: usize) {
        self.shared.until(|| self.has_room(max)).await;
    }

    pub(super) fn has_room(&self, max: usize) -> bool {
        self.shared.queue.len() < max || self.shared.queue.is_stalled()
    }

    /// Waits until an event is settled. Returns how it is kept.
    pub(super) async fn written(&self, sequence: u64) -> Stored {
        self.settled(sequence).await;
        match self.shared.is_lost(sequence) {
            true => Stored::Memory,
            false => Stored::Written,
        }
    }

    /// Waits until a written event is on disk, if the policy says so. Returns how it is kept.
    pub(super) async fn synced(&self, sequence: u64) -> Stored {
        if self.policy != SyncPolicy::Always {
            return Stored::Written;
        }
        let syncer = &self.shared.syncer;
        let mut synced = self.sync_thread.subscribe();
        loop {
            if self.shared.is_lost(sequence) {
                return Stored::Memory;
            }
            if syncer.is_synced(sequence) {
                return Stored::Synced;
            }
            if !self.has_sync_thread || syncer.has_failed() {
                return Stored::Written;
            }
            self.sync_thread.request();
            if synced.changed().await.is_err() || *synced.borrow_and_update() {
                return Stored::Written;
            }
        }
    }

    /// Has everything written, and finds out whether the disk answers. To be called about once a second.
    pub(super) fn check(&self) {
        self.shared.check(STALL_AFTER);
    }

    /// Returns why events are in memory only at this moment.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.failure()
    }

    /// Writes the end of the log. `top` is the last sequence number.
    pub(super) async fn end(&self, top: u64) {
        self.shared.queue.end(Some(top));
        let ended = self.shared.until(|| self.shared.queue.has_ended());
        if timeout(END_TIMEOUT, ended).await.is_err() {
            tracing::error!("{STALLED}: the end of the log is not written");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.queue.end(None);
        self.sync_thread.end();
        // So that the directory can be opened again at once.
        self.shared.queue.until_ended(STALL_AFTER);
    }
}
