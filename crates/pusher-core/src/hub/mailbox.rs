//! The queue of events from all publishing threads to one shard.

use std::sync::Arc;

use pusher_proto::Position;

use super::backlog::Backlog;
use super::channels_form::ChannelsForm;
use super::event_frame::EventFrame;
use super::recipients::Recipients;
use crate::connection::Topic;
use crate::sync::{Mutex, Notify};

/// One event for the subscribers of one shard.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) topic: Topic,
    /// All shards and all subscribers share its bytes.
    pub(super) frame: EventFrame,
    pub(super) sequence: u64,
    pub(super) recipients: Option<Arc<Recipients>>,
    /// The topic has history, so a reader of the log gets the event there, or a gap if the log does not keep it.
    pub(super) has_history: bool,
    /// Instead of an event, tells that those before this position are missing.
    pub(super) gap: Option<Position>,
    /// `None` if the form in the Channels protocol is made of the event alone.
    pub(super) channels: Option<ChannelsForm>,
}

impl Delivery {
    /// Tells the subscribers of a topic that the events before a position are missing.
    pub(super) fn gap(topic: Topic, position: Position) -> Self {
        Self {
            topic,
            frame: EventFrame::default(),
            sequence: position.sequence,
            recipients: None,
            has_history: false,
            gap: Some(position),
            channels: None,
        }
    }
}

/// A queue of events. The hub puts them in under the directory's lock, so they are in the order of their sequence
/// numbers.
///
/// It has no limit of its own: publishers wait while its [`Backlog`] is too long.
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
        // The flusher takes all deliveries at once, so it only needs to be woken for the first one. While it waits for the
        // disk it takes none, and looks again by itself afterwards.
        let is_first = deliveries.len() == 1;
        drop(deliveries);
        if is_first {
            self.arrived.notify_one();
        }
    }

    /// Wakes the flusher although there are no new events.
    pub(super) fn wake(&self) {
        self.arrived.notify_one();
    }

    /// Waits until the mailbox is not empty, or for [`wake`](Self::wake).
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Swaps the queue with the empty `deliveries`. No memory is allocated, and the lock is held only for the swap.
    pub(super) fn take_into(&self, deliveries: &mut Vec<Delivery>) {
        debug_assert!(deliveries.is_empty(), "the last deliveries were handled");
        std::mem::swap(&mut *self.deliveries.lock(), deliveries);
    }
}
