//! The thread that writes the log to the state directory. No other thread calls the store, except to sync it.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::queue::{End, Unwritten, Work};
use super::shared::Shared;
use crate::store::Store;
use crate::unix_time::unix_ms;

/// Time between two attempts to write after an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

struct Writer {
    shared: Arc<Shared>,
    store: Store,
    /// The last call failed. No other call comes before this time.
    retry_at: Option<Instant>,
}

/// Starts the thread. It ends with [`Queue::end`](super::queue::Queue::end).
pub(super) fn start(shared: &Arc<Shared>, store: Store) -> io::Result<()> {
    let shared = shared.clone();
    let thread = thread::Builder::new().name("log-write".to_owned());
    thread.spawn(move || run(shared, store)).map(drop)
}

/// Writes until the queue ends.
pub(super) fn run(shared: Arc<Shared>, store: Store) {
    let writer = Writer {
        shared,
        store,
        retry_at: None,
    };
    writer.run();
}

impl Writer {
    fn run(mut self) {
        loop {
            let work = self.shared.queue.next();
            self.perform(&work);
            if let Some(End { top }) = work.end {
                return end(self.store, top, &self.shared);
            }
            self.shared.done(false);
        }
    }

    fn perform(&mut self, work: &Work) {
        if let Some(selection) = work.selection {
            let changed = self.store.change_selection(selection);
            self.note(changed);
        }
        if work.clears {
            let cleared = self.store.clear();
            self.note(cleared);
        }
        if let Some(last) = work.events.last()
            && !self.append(&work.events)
        {
            self.shared.lose(last.sequence());
        }
        if let Some(top) = work.mark
            && self.retry_at.is_none()
        {
            let marked = self.store.mark_top(top);
            if !self.note(marked) {
                // The store has removed them.
                self.shared.lose(self.shared.syncer.written_sequence());
            }
        }
    }

    /// Returns whether the events are written.
    fn append(&mut self, events: &[Unwritten]) -> bool {
        if self
            .retry_at
            .is_some_and(|retry_at| Instant::now() < retry_at)
        {
            return false;
        }
        let now_ms = unix_ms();
        let records: Vec<_> = events.iter().map(|event| event.record(now_ms)).collect();
        let appended = self.store.append(&records);
        self.note(appended)
    }

    /// Records the result of a call. Logs only changes. Returns whether it succeeded.
    fn note(&mut self, result: io::Result<()>) -> bool {
        let shared = &self.shared;
        let error = result.err().map(|error| error.to_string());
        let is_failing = error.is_some();
        self.retry_at = is_failing.then(|| Instant::now() + RETRY_INTERVAL);
        let was_failing = {
            let mut known = shared.error.lock();
            let was_failing = known.is_some();
            known.clone_from(&error);
            was_failing
        };
        match error {
            Some(error) => {
                shared.counters.disk_errors.add(1);
                if !was_failing {
                    tracing::error!(
                        error,
                        "cannot write the log to the state directory: the server keeps events in memory only"
                    );
                }
            }
            None if was_failing => {
                tracing::info!("the log is written to the state directory again");
            }
            None => return true,
        }
        shared.show_failure();
        !is_failing
    }
}

fn end(store: Store, top: Option<u64>, shared: &Shared) {
    if let Some(top) = top
        && let Err(error) = store.end(top)
    {
        tracing::error!(%error, "cannot write the end of the log to the state directory");
    }
    shared.done(true);
}
