//! The state that the threads of a run share.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::record::{End, Tick};

#[derive(Debug)]
pub(super) struct Shared {
    /// The publish listeners of all nodes.
    pub(super) publish: Vec<SocketAddr>,
    clock: AtomicU64,
    /// Number of events that each publisher may send so far.
    allowed: AtomicUsize,
    /// Number of events that were sent so far.
    sent: AtomicUsize,
    /// Number of subscribers whose first subscriptions have begun.
    ready: AtomicUsize,
    /// Number of orders to subscribe again that are not carried out yet.
    unsettled: AtomicUsize,
    /// The publishers that must lose their connections.
    pub(super) cuts: Vec<AtomicBool>,
    /// Set when the last event of each topic is published.
    pub(super) ends: OnceLock<Vec<End>>,
    /// A thread has failed, so the others need not go on.
    is_failed: AtomicBool,
}

impl Shared {
    pub(super) fn new(publish: Vec<SocketAddr>, publishers: usize) -> Self {
        Self {
            publish,
            clock: AtomicU64::new(1),
            allowed: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            unsettled: AtomicUsize::new(0),
            cuts: (0..publishers).map(|_| AtomicBool::new(false)).collect(),
            ends: OnceLock::new(),
            is_failed: AtomicBool::new(false),
        }
    }

    /// Whether a refused event is in no log. Redis may have appended an event after the daemon's time for it.
    pub(super) fn is_refusal_final(&self) -> bool {
        self.publish.len() == 1
    }

    pub(super) fn tick(&self) -> Tick {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn allow(&self, more: usize) {
        self.allowed.fetch_add(more, Ordering::SeqCst);
    }

    pub(super) fn allowed(&self) -> usize {
        self.allowed.load(Ordering::SeqCst)
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    pub(super) fn count_ready(&self) {
        self.ready.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.load(Ordering::SeqCst)
    }

    pub(super) fn unsettle(&self) {
        self.unsettled.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn settle(&self, orders: usize) {
        self.unsettled.fetch_sub(orders, Ordering::SeqCst);
    }

    pub(super) fn is_settled(&self) -> bool {
        self.unsettled.load(Ordering::SeqCst) == 0
    }

    pub(super) fn fail(&self) {
        self.is_failed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_failed(&self) -> bool {
        self.is_failed.load(Ordering::SeqCst)
    }
}
