//! The number of bytes that a shard has accepted and not yet written to sockets or outboxes.

use crate::sync::Notify;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A counter of bytes. Tasks can wait until it is small enough.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    len: AtomicUsize,
    shrunk: Notify,
}

impl Backlog {
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(super) fn add(&self, len: usize) {
        self.len.fetch_add(len, Ordering::AcqRel);
    }

    pub(super) fn remove(&self, len: usize) {
        self.len.fetch_sub(len, Ordering::AcqRel);
        self.shrunk.notify_waiters();
    }

    /// Waits until the backlog is shorter than `max` bytes.
    pub(crate) async fn below(&self, max: usize) {
        loop {
            // Created before the check: `notify_waiters` only wakes futures that exist already.
            let shrunk = self.shrunk.notified();
            if self.len() < max {
                return;
            }
            shrunk.await;
        }
    }
}
