//! Accepts a publish.

use std::sync::Arc;

use bytes::Bytes;
use pusher_proto::wamp::event_frame;
use pusher_proto::{Receipt, Stored, check_topic, check_value};

use super::log::{Entry, Log, NewEvent};
use super::mailbox::Delivery;
use super::publish_error::PublishError;
use super::recipients::Recipients;
use super::{Hub, Ordered};
use crate::connection::{Topic, counted_bytes};
use crate::stats::Source;

/// A publish whose event is known to be one JSON value.
#[derive(Debug)]
pub(crate) struct Publish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) event: &'a str,
    /// Subscribers that get the event. `None` means all.
    pub(crate) recipients: Option<Recipients>,
    /// The id, which must be checked for repetition before.
    pub(crate) id: Option<&'a str>,
    pub(crate) source: Source,
}

/// The place of an event in the log.
struct Appended {
    sequence: u64,
    /// `None` if the topic has no history.
    entry: Option<Arc<Entry>>,
    /// False also for an event that is too long for the log.
    is_kept: bool,
}

impl Hub {
    /// Sends an event, one JSON value, to every subscriber of a topic.
    ///
    /// Never waits. The receipt has the number of browsers that the event was queued for. Each of them gets the events
    /// of a topic in the order of the receipts' sequence numbers.
    pub fn publish(&self, topic: &str, event: &str) -> Result<Receipt, PublishError> {
        check_value(event)?;
        if !self.has_room() {
            return Err(PublishError::Overloaded);
        }
        self.publish_checked(Publish {
            topic,
            event,
            recipients: None,
            id: None,
            source: Source::Application,
        })
    }

    /// Sends an event to some of the subscribers only. Otherwise like [`publish`](Self::publish). The receipt counts
    /// all subscribers.
    pub fn publish_to(
        &self,
        topic: &str,
        event: &str,
        recipients: Recipients,
    ) -> Result<Receipt, PublishError> {
        check_value(event)?;
        if !self.has_room() {
            return Err(PublishError::Overloaded);
        }
        self.publish_checked(Publish {
            topic,
            event,
            recipients: Some(recipients),
            id: None,
            source: Source::Application,
        })
    }

    /// Accepts a publish, even if the hub has no [room](Self::has_room). Never waits, except for a write to the log on
    /// disk.
    pub(crate) fn publish_checked(&self, publish: Publish<'_>) -> Result<Receipt, PublishError> {
        let Publish {
            topic,
            event,
            recipients,
            id,
            source,
        } = publish;
        self.check_limits(topic, event)?;
        let recipients = recipients.map(Arc::new);
        let frame = event_frame(topic, event);
        let capacity = frame.capacity();
        // The log shares the bytes with the backlog and the outboxes, and has a limit of its own.
        let kept_frame = Bytes::from(frame);
        let counters = &self.shared.counters;
        let mut delivery = Delivery {
            topic: Topic::default(),
            frame: counted_bytes(kept_frame.clone(), capacity, counters),
            sequence: 0,
            recipients: recipients.clone(),
            has_history: false,
        };
        let new_event = NewEvent {
            event_start: kept_frame.len().saturating_sub(event.len() + 1),
            frame: kept_frame,
            recipients,
            at_ms: self.log_ms(),
        };
        let watched_event = self.shared.watchers.copy(topic, event);
        let mut ordered = self.shared.ordered.lock();
        if ordered.is_closed {
            return Err(PublishError::Ending);
        }
        let Appended {
            sequence,
            entry,
            is_kept,
        } = self.append(&mut ordered, topic, new_event);
        // Also an event that is too long: after a restart, the log must drop it again, and so know that there was one.
        if let (Some(disk), Some(entry)) = (&self.shared.disk, &entry) {
            disk.put(entry, id);
        }
        (delivery.sequence, delivery.has_history) = (sequence, entry.is_some());
        let subscribers = self.deliver(&ordered, topic, delivery);
        counters.events.count(source);
        counters.event_bytes.add(event.len() as u64);
        if let Some(event) = watched_event {
            self.shared.watchers.event(topic, sequence, &event);
        }
        let position = ordered.log.position();
        drop(ordered);
        Ok(Receipt {
            sequence,
            subscribers,
            position: Some(position),
            stored: self.store(sequence, entry.is_some(), is_kept),
            nodes: None,
        })
    }

    fn check_limits(&self, topic: &str, event: &str) -> Result<(), PublishError> {
        let limits = self.shared.live.limits();
        check_topic(topic, limits.topic_len_max)?;
        let (len, max) = (event.len(), limits.event_len_max);
        match len > max {
            true => Err(PublishError::EventTooLong { len, max }),
            false => Ok(()),
        }
    }

    /// Appends an event to the log.
    fn append(&self, ordered: &mut Ordered, topic: &str, event: NewEvent) -> Appended {
        // Read under the lock: the log has already applied a reload that came before.
        let options = self.shared.live.options();
        let Ordered { directory, log, .. } = ordered;
        if !options.has_history(topic) {
            return Appended {
                sequence: log.skip(),
                entry: None,
                is_kept: false,
            };
        }
        let destinations = directory.destinations(topic);
        let known = destinations.as_ref().map(|found| found.topic);
        let topic = shared_topic(known, log, topic);
        let (entry, is_kept) = log.append(&topic, event, &options.limits);
        Appended {
            sequence: entry.sequence,
            entry: Some(entry),
            is_kept,
        }
    }

    /// Puts an event into the mailboxes of the shards that have subscribers. Returns the number of subscribers.
    fn deliver(&self, ordered: &Ordered, topic: &str, delivery: Delivery) -> u64 {
        let Some(destinations) = ordered.directory.destinations(topic) else {
            return 0;
        };
        for shard in destinations.shards() {
            self.shared.shards[shard].mailbox.put(Delivery {
                topic: destinations.topic.clone(),
                ..delivery.clone()
            });
        }
        destinations.subscribers()
    }

    /// Writes an event to the log on disk, if its topic has history. Returns how it is kept.
    fn store(&self, sequence: u64, has_history: bool, is_kept: bool) -> Stored {
        let stored = match &self.shared.disk {
            Some(disk) if has_history => disk.write(sequence),
            Some(disk) => {
                disk.skip(sequence);
                Stored::No
            }
            None => Stored::Memory,
        };
        match is_kept {
            true => stored,
            false => Stored::No,
        }
    }

    /// Waits until the event of a receipt is as safe as the options say. Returns the receipt with that.
    pub(crate) async fn durable(&self, receipt: Receipt) -> Receipt {
        match &self.shared.disk {
            Some(disk) if receipt.stored == Stored::Written => Receipt {
                stored: disk.synced(receipt.sequence).await,
                ..receipt
            },
            _ => receipt,
        }
    }
}

/// Returns the shared copy of a topic's name.
fn shared_topic(known: Option<&Topic>, log: &Log, topic: &str) -> Topic {
    let known = known.or_else(|| log.known_topic(topic));
    known.cloned().unwrap_or_else(|| Topic::from(topic))
}
