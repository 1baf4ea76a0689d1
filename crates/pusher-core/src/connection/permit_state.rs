//! Which publishers are idle, and the connections that wait for one that is.

use std::sync::Arc;

use crate::sync::Notify;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

/// Values of [`PermitState::idle_since`] that are not times.
const BUSY: u64 = u64::MAX;
const LEAVING: u64 = u64::MAX - 1;

/// State of a connection that other connections read when they look for an idle one.
#[derive(Debug)]
pub(super) struct PermitState {
    /// [`BUSY`], [`LEAVING`], or the time since which the connection is idle.
    idle_since: AtomicU64,
    /// Notified when the connection has to give way.
    leave: Notify,
}

impl PermitState {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            idle_since: AtomicU64::new(BUSY),
            leave: Notify::default(),
        })
    }

    /// Returns the time since which the connection is idle, if it is.
    pub(super) fn idle_since(&self) -> Option<u64> {
        let since = self.idle_since.load(SeqCst);
        (since < LEAVING).then_some(since)
    }

    /// Tells a connection that is idle since this time to leave. Returns false if it became busy in the meantime.
    pub(super) fn tell_to_leave(&self, since: u64) -> bool {
        let told = self
            .idle_since
            .compare_exchange(since, LEAVING, Relaxed, Relaxed);
        if told.is_ok() {
            self.leave.notify_one();
        }
        told.is_ok()
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.idle_since.load(Relaxed) == LEAVING
    }

    /// Marks a connection that gets a permit as busy.
    pub(super) fn grant(&self) {
        self.idle_since.store(BUSY, Relaxed);
    }

    /// Marks a busy connection as idle. An idle one keeps its time, and a leaving one has to leave.
    pub(super) fn idle(&self, now: u64) {
        // SeqCst here and for `Waiting::count`: either a waiting connection sees that this one is idle, or this one sees
        // that a connection waits.
        let _unchanged = self.idle_since.compare_exchange(BUSY, now, SeqCst, Relaxed);
    }

    /// Marks an idle connection as busy.
    pub(super) fn busy(&self) {
        if let Some(since) = self.idle_since() {
            // If it was told to leave in the meantime, it does so when it is idle again.
            let _must_leave = self
                .idle_since
                .compare_exchange(since, BUSY, Relaxed, Relaxed);
        }
    }

    /// Waits until the connection has to give way.
    pub(super) async fn must_leave(&self) {
        self.leave.notified().await;
    }
}

/// The connections that wait for a permit.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Number of connections that an idle publisher would help.
    count: AtomicUsize,
    changed: Notify,
}

impl Waiting {
    /// Makes all waiting connections try again: a connection has ended.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Makes those try again that wait for an idle publisher. Call it after [`PermitState::idle`].
    pub(super) fn wake_for_idle(&self) {
        if self.count.load(SeqCst) > 0 {
            self.wake();
        }
    }

    /// Tries until it succeeds, again after each [`wake`](Self::wake).
    pub(super) async fn until<T>(&self, mut attempt: impl FnMut() -> Option<T>) -> T {
        loop {
            // Created before the attempt: `notify_waiters` only wakes futures that exist already.
            let changed = self.changed.notified();
            if let Some(success) = attempt() {
                return success;
            }
            changed.await;
        }
    }

    /// Like [`until`](Self::until), also after each [`wake_for_idle`](Self::wake_for_idle).
    pub(super) async fn until_idle<T>(&self, attempt: impl FnMut() -> Option<T>) -> T {
        self.count.fetch_add(1, SeqCst);
        let _counted = Counted(&self.count);
        self.until(attempt).await
    }
}

/// Counts a connection until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
