//! Accepts a publish.

use pusher_proto::{Receipt, Stored, check_publish_topic, check_topic, check_value};

use super::Hub;
use super::place::Placed;
use super::publish_error::PublishError;
use super::publish_request::Publish;
use super::recipients::Recipients;
use super::shared_log_queue::SharedReceipt;
use crate::stats::Source;

/// A publish that is accepted, and may not be on disk yet or waits for the shared log.
#[derive(Debug)]
pub(crate) enum Accepted {
    Now(Receipt),
    Later(SharedReceipt),
}

impl Accepted {
    /// Continues without the receipt.
    pub(crate) fn without_receipt(self, hub: &Hub) {
        if let Self::Now(receipt) = self {
            hub.written(receipt);
        }
    }

    /// Writes the event to the log on disk, if the server has one, for a caller that waits for something else first.
    pub(crate) fn written(self, hub: &Hub) -> Self {
        match self {
            Self::Now(receipt) => Self::Now(hub.written(receipt)),
            later => later,
        }
    }

    /// Waits until the event is as safe as the options say.
    pub(crate) async fn receipt(self, hub: &Hub) -> Result<Receipt, PublishError> {
        match self {
            Self::Now(receipt) => Ok(hub.durable(hub.written(receipt)).await),
            Self::Later(receipt) => receipt.await.unwrap_or(Err(PublishError::Ending)),
        }
    }
}

impl Hub {
    /// Sends an event, one JSON value, to every subscriber of a topic.
    ///
    /// Never waits, and so fails if the server shares its log with others: use [`publish_async`](Self::publish_async)
    /// there. The receipt has the number of browsers that the event was queued for. Each of them gets the events
    /// of a topic in the order of the receipts' sequence numbers.
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
        let receipt = self.publish_unwritten(Publish {
            recipients,
            ..Publish::new(topic, event, Source::Application)
        })?;
        Ok(self.written(receipt))
    }

    /// Accepts a publish, even if the hub has no [room](Self::has_room). Never waits, except for a write to the log on
    /// disk.
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

    /// Accepts a publish if the server has a log of its own. Otherwise like [`accept`](Self::accept). Call
    /// [`written`](Self::written) next, which writes the event to disk.
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
            entry,
            is_kept,
        } = placed;
        Ok(Receipt {
            sequence: position.sequence,
            subscribers,
            position: Some(position),
            stored: match is_kept {
                true => Stored::Memory,
                false => self.not_kept(position.sequence, entry.is_some()),
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

    /// Records an event on disk that the log does not keep.
    fn not_kept(&self, sequence: u64, has_history: bool) -> Stored {
        match &self.shared.disk {
            // It is too long.
            Some(disk) if has_history => {
                disk.write(sequence);
            }
            Some(disk) => disk.skip(sequence),
            None => {}
        }
        Stored::No
    }

    /// Writes the event of a receipt to the log on disk, together with all other unwritten events. Returns the receipt
    /// with the result.
    pub(crate) fn written(&self, receipt: Receipt) -> Receipt {
        match &self.shared.disk {
            Some(disk) if receipt.stored != Stored::No => Receipt {
                stored: disk.write(receipt.sequence),
                ..receipt
            },
            _ => receipt,
        }
    }

    /// Makes sure that an event, and all before it, are on disk, if the server has a log there and the disk works. Call it
    /// before a delivery. It may write to the disk.
    pub(crate) fn ensure_written(&self, sequence: u64) {
        if let Some(disk) = &self.shared.disk {
            disk.ensure_written(sequence);
        }
    }

    /// Waits until the event of a receipt is as safe as the options say. Returns the receipt with that.
    async fn durable(&self, receipt: Receipt) -> Receipt {
        match &self.shared.disk {
            Some(disk) if receipt.stored == Stored::Written => Receipt {
                stored: disk.synced(receipt.sequence).await,
                ..receipt
            },
            _ => receipt,
        }
    }
}
