//! The thread that syncs the log.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::config::SyncPolicy;
use crate::stats::Counters;
use crate::store::Syncer;

/// Time between two syncs with [`SyncPolicy::Interval`].
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct SyncThread {
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

impl SyncThread {
    /// Starts the thread. Returns false if that is not possible.
    pub(super) fn start(
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

    /// Returns what changes after each sync, to true if it failed.
    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.synced.subscribe()
    }

    pub(super) fn request(&self) {
        self.state.lock().is_wanted = true;
        self.changed.notify_all();
    }

    pub(super) fn end(&self) {
        self.state.lock().is_ending = true;
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
