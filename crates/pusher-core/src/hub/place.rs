//! The place of an event: in the log, and in the mailboxes of the shards that have subscribers.

use std::sync::Arc;

use pusher_proto::Position;
use pusher_proto::wamp::event_frame;

use super::channels_form::ChannelsForm;
use super::event_frame::EventFrame;
use super::log::{Entry, Log, NewEvent};
use super::mailbox::Delivery;
use super::recipients::Recipients;
use super::{Hub, Ordered};
use crate::connection::Topic;

/// An event in all its forms, which are made without the lock.
pub(super) struct Prepared {
    delivery: Delivery,
    new_event: NewEvent,
    watched_event: Option<Arc<str>>,
}

impl Prepared {
    /// Gives the event its form in the Channels protocol.
    pub(super) fn set_channels(&mut self, form: Option<ChannelsForm>) {
        self.delivery.channels.clone_from(&form);
        self.new_event.channels = form;
    }
}

/// An event that has its place.
pub(super) struct Placed {
    /// The position behind the event.
    pub(super) position: Position,
    /// Number of subscribers that it is queued for.
    pub(super) subscribers: u64,
    /// False if the topic has no history, or if the event is too long for the log.
    pub(super) is_kept: bool,
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
    pub(super) fn prepare(
        &self,
        topic: &str,
        event: &str,
        recipients: Option<Recipients>,
        at_ms: u64,
    ) -> Prepared {
        let recipients = recipients.map(Arc::new);
        let frame = event_frame(topic, event);
        let capacity = frame.capacity();
        // The log shares the bytes with the backlog and the outboxes, and has a limit of its own.
        let kept_frame = EventFrame::new(frame, event.len());
        Prepared {
            delivery: Delivery {
                topic: Topic::default(),
                frame: kept_frame.counted(capacity, &self.shared.counters),
                sequence: 0,
                recipients: recipients.clone(),
                has_history: false,
                gap: None,
                channels: None,
            },
            new_event: NewEvent {
                frame: kept_frame,
                recipients,
                at_ms,
                channels: None,
            },
            watched_event: self.shared.watchers.copy(topic, event),
        }
    }

    /// Appends an event to the log, and delivers it. `id` is that of its publish.
    pub(super) fn place(
        &self,
        ordered: &mut Ordered,
        topic: &str,
        event: Prepared,
        id: Option<&str>,
    ) -> Placed {
        let Prepared {
            mut delivery,
            new_event,
            watched_event,
        } = event;
        let Appended {
            sequence,
            entry,
            is_kept,
        } = self.append(ordered, topic, new_event);
        delivery.sequence = sequence;
        delivery.has_history = entry.is_some();
        // Before the delivery, so that the flusher waits until the event is settled. Also an event that is too long for the
        // log: after a restart, the log must drop it again, and so know that there was one.
        if let (Some(disk), Some(entry)) = (&self.shared.disk, &entry) {
            disk.put(entry, id);
        }
        let subscribers = self.deliver(ordered, topic, delivery);
        if let Some(event) = watched_event {
            self.shared.watchers.event(topic, sequence, &event);
        }
        Placed {
            position: ordered.log.position(),
            subscribers,
            is_kept,
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
}

/// Returns the shared copy of a topic's name.
fn shared_topic(known: Option<&Topic>, log: &Log, topic: &str) -> Topic {
    let known = known.or_else(|| log.known_topic(topic));
    known.cloned().unwrap_or_else(|| Topic::from(topic))
}
