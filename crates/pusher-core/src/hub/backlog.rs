//! How many bytes of events a shard was given and has not sent yet.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// A counter that can be waited for.
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

    /// Waits until fewer than `max` bytes are left.
    pub(crate) async fn below(&self, max: usize) {
        loop {
            let shrunk = self.shrunk.notified();
            if self.len() < max {
                return;
            }
            shrunk.await;
        }
    }
}
