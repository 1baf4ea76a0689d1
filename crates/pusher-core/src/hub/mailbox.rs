//! A shard's inbox: events that any thread hands in, in their topics' order.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::backlog::Backlog;
use super::recipients::Recipients;
use crate::connection::Topic;

/// One event for the subscribers that a shard has.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) topic: Topic,
    /// The whole WebSocket frame, shared by everybody.
    pub(super) frame: Bytes,
    pub(super) recipients: Option<Arc<Recipients>>,
}

/// Bounded by [`Backlog`]: whoever publishes asks it for room first.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    deliveries: Mutex<Vec<Delivery>>,
    arrived: Notify,
    pub(super) backlog: Backlog,
}

impl Mailbox {
    pub(super) fn put(&self, delivery: Delivery) {
        self.backlog.add(delivery.frame.len());
        let mut deliveries = self.deliveries.lock();
        deliveries.push(delivery);
        let is_first = deliveries.len() == 1;
        drop(deliveries);
        if is_first {
            self.arrived.notify_one();
        }
    }

    /// Waits for the first delivery.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Swaps everything that is there into the empty `deliveries`, which lends its memory.
    pub(super) fn take_into(&self, deliveries: &mut Vec<Delivery>) {
        debug_assert!(deliveries.is_empty(), "what was taken was handled");
        std::mem::swap(&mut *self.deliveries.lock(), deliveries);
    }
}
