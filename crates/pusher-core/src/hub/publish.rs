//! Accepts a publish.

use pusher_proto::{Receipt, Stored, check_publish_topic, check_topic, check_value};

use super::disk::Disk;
use super::place::Placed;
use super::publish_error::PublishError;
use super::publish_request::Publish;
use super::recipients::Recipients;
use super::shared_log_queue::SharedReceipt;
use super::{Hub, Ordered};
use crate::stats::Source;

/// A publish that is accepted, and may not be on disk yet or waits for the shared log.
#[derive(Debug)]
pub(crate) enum Accepted {
    Now(Receipt),
    Later(SharedReceipt),
}

impl Accepted {
    /// Waits until the event is as safe as the options say.
    pub(crate) async fn receipt(self, hub: &Hub) -> Result<Receipt, PublishError> {
        match self {
            Self::Now(receipt) => Ok(hub.durable(receipt).await),
            Self::Later(receipt) => receipt.await.unwrap_or(Err(PublishError::Ending)),
        }
    }
}

impl Hub {
    /// Sends an event, one JSON value, to every subscriber of a topic.
    ///
    /// Never waits, and so fails if the server shares its log with others: use [`publish_async`](Self::publish_async)
    /// there. With a state directory, it returns before the event is written, and the receipt says that the event is in
    /// memory. The receipt has the number of browsers that the event was queued for. Each of them gets the events of a
    /// topic in the order of the receipts' sequence numbers.
    pub fn publish(&self, topic: &str, event: &str) -> Result<Receipt, PublishError> {
        self.publish_now(topic, event, None)
    }

    /// Like [`publish`](Self::publish), for servers with a log of their own and for those that share one. Waits for room,
    /// and for the shared log or the disk.
    pub async fn publish_async(&self, topic: &str, event: &str) -> Result<Receipt, PublishError> {
        check_value(event)?;
        self.room().await;
        let publish = Publish::new(topic, event, Source::Application);
        self.accept(publish)?.receipt(self).await
    }

    /// Sends an event to some of the subscribers only. Otherwise like [`publish`](Self::publish). The receipt counts
    /// all subscribers.
    pub fn publish_to(
        &self,
        topic: &str,
        event: &str,
        recipients: Recipients,
    ) -> Result<Receipt, PublishError> {
        self.publish_now(topic, event, Some(recipients))
    }

    fn publish_now(
        &self,
        topic: &str,
        event: &str,
        recipients: Option<Recipients>,
    ) -> Result<Receipt, PublishError> {
        check_value(event)?;
        if !self.has_room() {
            return Err(PublishError::Overloaded);
        }
        self.publish_unwritten(Publish {
            recipients,
            ..Publish::new(topic, event, Source::Application)
        })
    }

    /// Accepts a publish, even if the hub has no [room](Self::has_room). Never waits.
    pub(crate) fn accept(&self, publish: Publish<'_>) -> Result<Accepted, PublishError> {
        let Some(shared_log) = self.shared_log() else {
            return Ok(Accepted::Now(self.publish_unwritten(publish)?));
        };
        self.check_limits(&publish)?;
        match self.is_closed() {
            false => Ok(Accepted::Later(shared_log.put(publish))),
            true => Err(PublishError::Ending),
        }
    }

    /// Accepts a publish if the server has a log of its own. Otherwise like [`accept`](Self::accept). The event may not be
    /// on disk yet.
    pub(crate) fn publish_unwritten(&self, publish: Publish<'_>) -> Result<Receipt, PublishError> {
        if self.shared.shared_log.is_some() {
            return Err(PublishError::SharedLog);
        }
        self.check_limits(&publish)?;
        let Publish {
            topic,
            event,
            recipients,
            id,
            source,
        } = publish;
        let prepared = self.prepare(topic, event, recipients, self.log_ms());
        let mut ordered = self.shared.ordered.lock();
        if ordered.is_closed {
            return Err(PublishError::Ending);
        }
        let placed = self.place(&mut ordered, topic, prepared, id);
        drop(ordered);
        self.count(source, event.len());
        let Placed {
            position,
            subscribers,
            is_kept,
        } = placed;
        Ok(Receipt {
            sequence: position.sequence,
            subscribers,
            position: Some(position),
            stored: match is_kept {
                true => Stored::Memory,
                false => {
                    self.skip_on_disk(position.sequence);
                    Stored::No
                }
            },
            ..Receipt::default()
        })
    }

    /// Counts an event that was published to this server.
    pub(crate) fn count(&self, source: Source, len: usize) {
        let counters = &self.shared.counters;
        counters.events.count(source);
        counters.event_bytes.add(len as u64);
    }

    fn check_limits(&self, publish: &Publish<'_>) -> Result<(), PublishError> {
        let limits = self.shared.live.limits();
        match publish.source {
            Source::Server => check_topic(publish.topic, limits.topic_len_max)?,
            _ => check_publish_topic(publish.topic, limits.topic_len_max)?,
        }
        let (len, max) = (publish.event.len(), limits.event_len_max);
        match len > max {
            true => Err(PublishError::EventTooLong { len, max }),
            false => Ok(()),
        }
    }

    /// Records on disk that the sequence number of an event is in use that the log does not keep.
    fn skip_on_disk(&self, sequence: u64) {
        if let Some(disk) = &self.shared.disk {
            disk.skip(sequence);
        }
    }

    /// Waits until the event of a receipt is as safe as the options say. Returns the receipt with that.
    async fn durable(&self, receipt: Receipt) -> Receipt {
        let Some(disk) = &self.shared.disk else {
            return receipt;
        };
        let sequence = receipt.sequence;
        let stored = match receipt.stored {
            Stored::No => Stored::No,
            _ => match disk.written(sequence).await {
                Stored::Written => disk.synced(sequence).await,
                stored => stored,
            },
        };
        Receipt { stored, ..receipt }
    }

    /// Whether an event of the log, and all before it, may be shown to browsers: they are on disk, or will not be. Always
    /// true without a state directory.
    pub(super) fn is_settled(&self, sequence: u64) -> bool {
        let disk = self.shared.disk.as_ref();
        disk.is_none_or(|disk| disk.is_settled(sequence))
    }

    /// Waits until an event of the log, and all before it, may be shown to browsers.
    pub(crate) async fn settled(&self, sequence: u64) {
        if let Some(disk) = &self.shared.disk {
            disk.settled(sequence).await;
        }
    }

    /// Returns the sequence number up to which events may be shown to browsers. Correct as long as the lock is held that
    /// `ordered` comes from.
    pub(super) fn settled_until(&self, _ordered: &Ordered) -> u64 {
        let disk = self.shared.disk.as_ref();
        disk.map_or(u64::MAX, Disk::settled_until)
    }

    /// Returns the sequence number of the newest event, if it may not be shown yet.
    pub(super) fn newest_unsettled(&self) -> Option<u64> {
        self.shared.disk.as_ref()?.newest_unsettled()
    }
}
