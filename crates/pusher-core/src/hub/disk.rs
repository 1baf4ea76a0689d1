//! The copy of the log on disk.
//!
//! A publish puts its event into the batch under the hub's lock, so the batch is in the order of the sequence numbers.
//! After the lock is released, the publish writes the batch, with the events of others that have arrived meanwhile. A
//! receipt therefore says truly how the event is kept.
//!
//! Browsers get no event before it is written ([`ensure_written`](Disk::ensure_written)). Otherwise a killed server could
//! leave an event that some browsers have and the next server does not know: the others would never get it, and if its
//! publisher sends it again, the first ones would get it twice.
//!
//! If the disk fails, the server goes on in memory and tries the disk again once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pusher_proto::Stored;
use tokio::sync::watch;

use super::log::Entry;
use crate::config::SyncPolicy;
use crate::stats::Counters;
use crate::store::{RecordRef, Store, Syncer};
use crate::unix_time::unix_ms;

/// Time between two attempts to write after an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two syncs with [`SyncPolicy::Interval`].
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Sequence numbers of events without history between two marks in the store.
const MARK_INTERVAL: u64 = 1 << 16;

/// The log on disk, shared by all publishers.
#[derive(Debug)]
pub(super) struct Disk {
    batch: Mutex<Vec<Kept>>,
    writer: Mutex<Writer>,
    syncer: Syncer,
    policy: SyncPolicy,
    /// Events up to this sequence number may not be on disk, although later ones are.
    lost_until: AtomicU64,
    sync_thread: Arc<SyncThread>,
    has_sync_thread: bool,
    counters: Arc<Counters>,
}

/// An event that is not written yet.
#[derive(Debug)]
struct Kept {
    entry: Arc<Entry>,
    id: Option<Box<str>>,
}

impl Kept {
    fn record(&self, time_ms: u64) -> RecordRef<'_> {
        RecordRef {
            sequence: self.entry.sequence,
            time_ms,
            flags: u8::from(self.entry.is_for_chosen()),
            topic: &self.entry.topic,
            id: self.id.as_deref(),
            event: self.entry.event(),
        }
    }
}

#[derive(Debug)]
struct Writer {
    /// `None` after the end.
    store: Option<Store>,
    failure: Option<Failure>,
}

/// The last write failed.
#[derive(Debug)]
struct Failure {
    retry_at: Instant,
    text: String,
}

/// The thread that syncs.
#[derive(Debug)]
struct SyncThread {
    state: Mutex<SyncState>,
    changed: Condvar,
    /// Changes after each sync. The value is true if it failed.
    synced: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct SyncState {
    is_wanted: bool,
    is_ending: bool,
}

impl Disk {
    pub(super) fn new(store: Store, policy: SyncPolicy, counters: Arc<Counters>) -> Self {
        let syncer = store.syncer();
        let sync_thread = Arc::new(SyncThread {
            state: Mutex::default(),
            changed: Condvar::new(),
            synced: watch::Sender::new(false),
        });
        counters.log_on_disk.add(1);
        let has_sync_thread = policy != SyncPolicy::Never
            && SyncThread::start(&sync_thread, policy, &syncer, &counters);
        Self {
            batch: Mutex::default(),
            writer: Mutex::new(Writer {
                store: Some(store),
                failure: None,
            }),
            syncer,
            policy,
            lost_until: AtomicU64::new(0),
            sync_thread,
            has_sync_thread,
            counters,
        }
    }

    /// Adds an event to the batch. Called under the hub's lock.
    pub(super) fn put(&self, entry: &Arc<Entry>, id: Option<&str>) {
        self.batch.lock().push(Kept {
            entry: entry.clone(),
            id: id.map(Box::from),
        });
    }

    /// Writes the batch. Returns how the event with this sequence number, which was in this batch or an earlier one, is
    /// kept.
    pub(super) fn write(&self, sequence: u64) -> Stored {
        let mut writer = self.writer.lock();
        // Another publish may have written the event.
        let batch = std::mem::take(&mut *self.batch.lock());
        if let Some(last) = batch.last() {
            let last = last.entry.sequence;
            if !self.try_write(&mut writer, &batch) {
                self.lost_until.fetch_max(last, Ordering::AcqRel);
            }
        }
        drop(writer);
        match self.is_lost(sequence) {
            true => Stored::Memory,
            false => Stored::Written,
        }
    }

    /// Makes sure that the event with this sequence number, and all before it, are written or lost. Nearly always they
    /// are: the publisher has written them.
    pub(super) fn ensure_written(&self, sequence: u64) {
        let lost = self.lost_until.load(Ordering::Acquire);
        if sequence > self.syncer.written_sequence().max(lost) {
            self.write(sequence);
        }
    }

    /// Whether an event is not on disk: the disk failed, now or later, or the event is one of an older log.
    fn is_lost(&self, sequence: u64) -> bool {
        sequence > self.syncer.written_sequence()
            || sequence <= self.lost_until.load(Ordering::Acquire)
            || self.syncer.is_removed(sequence)
    }

    fn try_write(&self, writer: &mut Writer, batch: &[Kept]) -> bool {
        let Some(store) = &mut writer.store else {
            return false;
        };
        let failed = writer.failure.as_ref();
        if failed.is_some_and(|failure| Instant::now() < failure.retry_at) {
            return false;
        }
        let now_ms = unix_ms();
        let records: Vec<_> = batch.iter().map(|kept| kept.record(now_ms)).collect();
        let written = store.append(&records);
        self.note(writer, written.err().map(|error| error.to_string()))
    }

    /// Records the result of a write. Logs only changes. Returns whether it succeeded.
    fn note(&self, writer: &mut Writer, error: Option<String>) -> bool {
        let was_failing = writer.failure.is_some();
        let is_failing = error.is_some();
        match (was_failing, &error) {
            (false, Some(error)) => {
                self.counters.log_on_disk.remove(1);
                tracing::error!(
                    error,
                    "cannot write the log to the state directory: the server keeps events in memory only"
                );
            }
            (true, None) => {
                self.counters.log_on_disk.add(1);
                tracing::info!("the log is written to the state directory again");
            }
            _ => {}
        }
        if is_failing {
            self.counters.disk_errors.add(1);
        }
        writer.failure = error.map(|text| Failure {
            retry_at: Instant::now() + RETRY_INTERVAL,
            text,
        });
        !is_failing
    }

    /// Records that sequence numbers are used by events without history.
    pub(super) fn skip(&self, sequence: u64) {
        if !sequence.is_multiple_of(MARK_INTERVAL) {
            return;
        }
        self.write(sequence);
        let mut writer = self.writer.lock();
        if writer.failure.is_none()
            && self.batch.lock().is_empty()
            && let Some(store) = &mut writer.store
        {
            let marked = store.mark_top(sequence);
            self.note(&mut writer, marked.err().map(|error| error.to_string()));
        }
    }

    /// Begins a log with another selection of events. Called under the hub's lock.
    pub(super) fn change_selection(&self, selection: u64) {
        let mut writer = self.writer.lock();
        let unwritten = std::mem::take(&mut *self.batch.lock());
        let written = self.syncer.written_sequence();
        let last = unwritten.last().map_or(written, |last| last.entry.sequence);
        self.lost_until.fetch_max(last, Ordering::AcqRel);
        if let Some(store) = &mut writer.store {
            let changed = store.change_selection(selection);
            self.note(&mut writer, changed.err().map(|error| error.to_string()));
        }
    }

    /// Waits until a written event is on disk, if the policy says so. Returns how it is kept.
    pub(super) async fn synced(&self, sequence: u64) -> Stored {
        if self.policy != SyncPolicy::Always {
            return Stored::Written;
        }
        let mut synced = self.sync_thread.synced.subscribe();
        loop {
            if self.is_lost(sequence) {
                return Stored::Memory;
            }
            if self.syncer.is_synced(sequence) {
                return Stored::Synced;
            }
            if !self.has_sync_thread || self.syncer.has_failed() {
                return Stored::Written;
            }
            self.sync_thread.request();
            if synced.changed().await.is_err() || *synced.borrow_and_update() {
                return Stored::Written;
            }
        }
    }

    /// Returns the last error, if the disk fails at this moment.
    pub(super) fn failure(&self) -> Option<String> {
        let writer = self.writer.lock();
        writer.failure.as_ref().map(|failure| failure.text.clone())
    }

    /// Writes the end of the log. `top` is the last sequence number.
    pub(super) fn end(&self, top: u64) {
        self.write(top);
        let mut writer = self.writer.lock();
        let ended = writer.store.take().map(|store| store.end(top));
        if let Some(Err(error)) = ended {
            tracing::error!(%error, "cannot write the end of the log to the state directory");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.sync_thread.state.lock().is_ending = true;
        self.sync_thread.changed.notify_all();
    }
}

impl SyncThread {
    /// Starts the thread. Returns false if that is not possible.
    fn start(
        this: &Arc<Self>,
        policy: SyncPolicy,
        syncer: &Syncer,
        counters: &Arc<Counters>,
    ) -> bool {
        let (this, syncer, counters) = (this.clone(), syncer.clone(), counters.clone());
        let started = thread::Builder::new()
            .name("log-sync".to_owned())
            .spawn(move || this.run(policy, &syncer, &counters));
        if let Err(error) = &started {
            tracing::error!(%error, "cannot start the thread that syncs the log");
        }
        started.is_ok()
    }

    fn request(&self) {
        self.state.lock().is_wanted = true;
        self.changed.notify_all();
    }

    fn run(&self, policy: SyncPolicy, syncer: &Syncer, counters: &Counters) {
        while self.wait(policy) {
            if syncer.synced_sequence() == syncer.written_sequence() {
                self.synced.send_replace(false);
                continue;
            }
            let started = Instant::now();
            let synced = syncer.sync();
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            counters.log_sync_us.set(micros);
            if let Err(error) = &synced {
                counters.disk_errors.add(1);
                tracing::error!(%error, "cannot sync the log: the last events may not be on disk");
            }
            self.synced.send_replace(synced.is_err());
        }
    }

    /// Waits for the next sync. Returns false at the end.
    fn wait(&self, policy: SyncPolicy) -> bool {
        let mut state = self.state.lock();
        while !state.is_ending && !state.is_wanted {
            match policy {
                SyncPolicy::Interval => {
                    let timed_out = self.changed.wait_for(&mut state, SYNC_INTERVAL).timed_out();
                    state.is_wanted |= timed_out;
                }
                SyncPolicy::Always | SyncPolicy::Never => self.changed.wait(&mut state),
            }
        }
        state.is_wanted = false;
        !state.is_ending
    }
}
