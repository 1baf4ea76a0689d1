//! The publishes that wait for the log that the server shares with others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use pusher_proto::Receipt;
use tokio::sync::{Notify, oneshot};

use super::backlog::Backlog;
use super::publish_error::PublishError;
use super::publish_request::Publish;
use super::recipients::Recipients;
use crate::stats::Source;

/// The queue of publishes to the shared log.
#[derive(Debug, Default)]
pub(crate) struct SharedLogQueue {
    waiting: Mutex<VecDeque<SharedPublish>>,
    /// Bytes of all events in the queue, and of those that were taken and are not answered.
    backlog: Arc<Backlog>,
    arrived: Notify,
}

/// A publish that waits for its place in the shared log.
#[derive(Debug)]
pub(crate) struct SharedPublish {
    pub(crate) topic: String,
    pub(crate) event: String,
    pub(crate) recipients: Option<Recipients>,
    pub(crate) id: Option<String>,
    pub(crate) source: Source,
    /// When the publish began to wait.
    pub(crate) since: Instant,
    /// `None` if it is answered.
    answer: Mutex<Option<oneshot::Sender<Result<Receipt, PublishError>>>>,
    _counted: CountedLen,
}

/// The receipt of a publish to the shared log, when it has one.
pub(crate) type SharedReceipt = oneshot::Receiver<Result<Receipt, PublishError>>;

/// Counts the bytes of a publish until it is dropped.
#[derive(Debug)]
struct CountedLen {
    backlog: Arc<Backlog>,
    len: usize,
}

impl Drop for CountedLen {
    fn drop(&mut self) {
        self.backlog.remove(self.len);
    }
}

impl SharedPublish {
    /// Answers the publisher. It may be gone.
    pub(crate) fn answer(&self, answer: Result<Receipt, PublishError>) {
        if let Some(publisher) = self.answer.lock().take() {
            let _gone = publisher.send(answer);
        }
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answer.lock().is_none()
    }
}

impl SharedLogQueue {
    /// Returns the bytes of all events that have no place in the shared log yet.
    pub(crate) fn len(&self) -> usize {
        self.backlog.len()
    }

    /// Waits until these bytes are below a limit.
    pub(super) async fn below(&self, len_max: usize) {
        self.backlog.below(len_max).await;
    }

    /// Takes the next publishes: up to `count_max`, and about `len_max` bytes of events.
    pub(crate) fn take(&self, count_max: usize, len_max: usize) -> Vec<SharedPublish> {
        let mut waiting = self.waiting.lock();
        let mut len = 0;
        let mut fits = |next: &SharedPublish| {
            len += next.event.len();
            len <= len_max
        };
        let fitting = waiting.iter().take(count_max).take_while(|next| fits(next));
        let count = fitting.count().max(1).min(waiting.len());
        waiting.drain(..count).collect()
    }

    /// Removes the publishes that wait since before `oldest`.
    pub(crate) fn take_expired(&self, oldest: Instant) -> Vec<SharedPublish> {
        let mut waiting = self.waiting.lock();
        let count = waiting.partition_point(|next| next.since < oldest);
        waiting.drain(..count).collect()
    }

    /// Waits until a publish arrives. Returns at once if one arrived since the last call.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    pub(super) fn put(&self, publish: Publish<'_>) -> SharedReceipt {
        let Publish {
            topic,
            event,
            recipients,
            id,
            source,
        } = publish;
        let (answer, receipt) = oneshot::channel();
        let len = event.len();
        self.backlog.add(len);
        let publish = SharedPublish {
            topic: topic.to_owned(),
            event: event.to_owned(),
            recipients,
            id: id.map(str::to_owned),
            source,
            since: Instant::now(),
            answer: Mutex::new(Some(answer)),
            _counted: CountedLen {
                backlog: self.backlog.clone(),
                len,
            },
        };
        let mut waiting = self.waiting.lock();
        waiting.push_back(publish);
        drop(waiting);
        self.arrived.notify_one();
        receipt
    }
}
