//! The hub: takes a publish, numbers it, and hands it to every shard that has subscribers.
//!
//! ```text
//! publish -> directory (sequence, who has subscribers) -> mailbox of each shard -> flusher -> sockets
//! ```
//!
//! One lock, the directory's, makes the order of a topic's events the order of their receipts. It
//! is held for a few hundred nanoseconds and never across an await.

mod backlog;
mod directory;
mod flusher;
mod known_ids;
mod mailbox;
mod publish_error;
mod recipients;
mod shard;
mod stats;
mod watchers;

use std::sync::Arc;

use parking_lot::Mutex;
use pusher_proto::wamp::event_frame;
use pusher_proto::{Receipt, check_topic, check_value};

use crate::config::Live;
use crate::connection::{Common, Topic, share};
use crate::connection::{Session, SessionId};
use crate::stats::PeerLog;
use crate::stats::{Counters, Source};
use directory::Directory;
use mailbox::Delivery;
use shard::ById;

pub(crate) use flusher::run as run_flusher;
pub(crate) use known_ids::KnownIds;
pub use publish_error::PublishError;
pub use recipients::Recipients;
pub(crate) use shard::Shard;
pub(crate) use watchers::{WatchItem, Watcher, Watchers};

/// Publishes to the server's subscribers and tells what is going on. Cheap to clone; usable from
/// any thread.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: Mutex<Directory>,
    shards: Box<[Arc<Shard>]>,
    live: Arc<Live>,
    counters: Arc<Counters>,
    watchers: Arc<Watchers>,
}

impl Hub {
    pub(crate) fn new(
        shards: usize,
        live: Arc<Live>,
        counters: Arc<Counters>,
        browser_log: &Arc<PeerLog>,
    ) -> Self {
        let new_shard = |shard| {
            Arc::new(Shard::new(Common {
                shard,
                live: live.clone(),
                counters: counters.clone(),
                browser_log: browser_log.clone(),
            }))
        };
        Self {
            shared: Arc::new(Shared {
                directory: Mutex::new(Directory::new(shards)),
                shards: (0..shards).map(new_shard).collect(),
                live,
                counters,
                watchers: Arc::default(),
            }),
        }
    }

    /// Sends an event, one JSON value, to every subscriber of a topic.
    ///
    /// Never waits. The receipt says how many browsers the event was queued to; events of a topic
    /// reach each of them in the order of the receipts' sequence numbers.
    pub fn publish(&self, topic: &str, event: &str) -> Result<Receipt, PublishError> {
        check_value(event)?;
        if !self.has_room() {
            return Err(PublishError::Overloaded);
        }
        self.publish_checked(topic, event, None, Source::Application)
    }

    /// As [`publish`](Self::publish), to some of the subscribers only. The receipt counts all.
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
        self.publish_checked(topic, event, Some(recipients), Source::Application)
    }

    /// As the two above for an event that is known to be JSON, even when there is no room.
    pub(crate) fn publish_checked(
        &self,
        topic: &str,
        event: &str,
        recipients: Option<Recipients>,
        source: Source,
    ) -> Result<Receipt, PublishError> {
        let (topic_len_max, max) = {
            let limits = self.shared.live.limits();
            (limits.topic_len_max, limits.event_len_max)
        };
        check_topic(topic, topic_len_max)?;
        if event.len() > max {
            let len = event.len();
            return Err(PublishError::EventTooLong { len, max });
        }
        let counters = &self.shared.counters;
        let frame = event_frame(topic, event);
        let capacity = frame.capacity();
        let frame = share(frame, capacity, counters);
        let recipients = recipients.map(Arc::new);
        let watched = self.shared.watchers.copy(topic, event);
        let mut directory = self.shared.directory.lock();
        let Some(publication) = directory.publish(topic) else {
            return Err(PublishError::Ending);
        };
        for (shard, topic) in publication.shards() {
            self.shared.shards[shard].mailbox.put(Delivery {
                topic: topic.clone(),
                frame: frame.clone(),
                recipients: recipients.clone(),
            });
        }
        counters.events.count(source);
        counters.event_bytes.add(event.len() as u64);
        let receipt = publication.receipt();
        if let Some(event) = watched {
            self.shared.watchers.event(topic, receipt.sequence, &event);
        }
        Ok(receipt)
    }

    /// Whether events may be taken in now, or enough of them wait to be sent.
    pub(crate) fn has_room(&self) -> bool {
        self.backlog_len() < self.shared.live.limits().backlog_len_max
    }

    /// Waits until there is room. It only takes the server's own work to get there: no browser
    /// can hold it up.
    pub(crate) async fn room(&self) {
        let max = self.shared.live.limits().backlog_len_max;
        for shard in &self.shared.shards {
            shard.mailbox.backlog.below(max).await;
        }
    }

    /// Takes no more events.
    pub(crate) fn close(&self) {
        self.shared.directory.lock().close();
    }

    /// Waits until everything that was published has gone to sockets and outboxes.
    pub(crate) async fn flushed(&self) {
        for shard in &self.shared.shards {
            shard.mailbox.backlog.below(1).await;
        }
    }

    pub(crate) fn shards(&self) -> &[Arc<Shard>] {
        &self.shared.shards
    }

    /// Adds a subscriber; `None` if it is one already.
    pub(crate) fn subscribe(&self, session: &Session, topic: &str) -> Option<Topic> {
        let shard = &self.shared.shards[session.shard()];
        if shard.is_subscribed(topic, session) {
            return None;
        }
        let topic = self
            .shared
            .directory
            .lock()
            .subscribe(topic, session.shard());
        shard.subscribe(&topic, session);
        Some(topic)
    }

    /// Removes a subscriber; `None` if it is none.
    pub(crate) fn unsubscribe(&self, session: &Session, topic: &str) -> Option<Topic> {
        let shard = &self.shared.shards[session.shard()];
        let topic = shard.unsubscribe(topic, session)?;
        let mut directory = self.shared.directory.lock();
        directory.unsubscribe(&topic, session.shard());
        Some(topic)
    }

    /// Bytes of events that are accepted and not yet on their way: the most of any thread.
    /// Publishers wait while this is above [`Limits::backlog_len_max`](crate::Limits::backlog_len_max).
    pub fn backlog_len(&self) -> usize {
        let shards = self.shared.shards.iter();
        let lens = shards.map(|shard| shard.mailbox.backlog.len());
        lens.max().unwrap_or(0)
    }

    /// How many topics have subscribers.
    pub fn topic_count(&self) -> usize {
        self.shared.directory.lock().len()
    }

    /// The topics that have subscribers, and how many each has.
    pub fn topics(&self) -> Vec<(Arc<str>, u64)> {
        self.shared.directory.lock().topics()
    }

    /// The topics that have the most subscribers, at most so many.
    pub(crate) fn largest_topics(&self, count_max: usize) -> Vec<(Topic, u64)> {
        self.shared.directory.lock().largest(count_max)
    }

    /// The sessions for which most waits, at most so many, with how much, in bytes.
    pub(crate) fn longest_outboxes(&self, count_max: usize) -> Vec<(Session, u64)> {
        let shards = self.shared.shards.iter();
        let waiting = shards.flat_map(|shard| shard.waiting_sessions());
        let waiting = waiting.map(|(session, waiting)| (session, waiting.len));
        // Bytes that wait in TLS are not counted.
        let mut waiting: Vec<_> = waiting.filter(|(_, len)| *len > 0).collect();
        waiting.sort_by_key(|(_, len)| std::cmp::Reverse(*len));
        waiting.truncate(count_max);
        waiting
    }

    /// Events times browsers that they went to, since the start.
    pub(crate) fn delivery_count(&self) -> u64 {
        let shards = self.shared.shards.iter();
        shards.map(|shard| shard.fan_out.deliveries.get()).sum()
    }

    /// Copies a topic's events to an operator; `None` if enough others watch.
    pub(crate) fn watch(&self, topic: &str, len_max: usize, max: usize) -> Option<Watcher> {
        self.shared.watchers.watch(topic, len_max, max)
    }

    /// How many browsers are subscribed to a topic.
    pub fn subscriber_count(&self, topic: &str) -> u64 {
        self.shared.directory.lock().subscribers(topic)
    }

    /// The sessions that are subscribed to a topic.
    pub fn subscribers(&self, topic: &str) -> Vec<Session> {
        let mut subscribers = Vec::new();
        for shard in &self.shared.shards {
            let of_shard = shard.subscribers(topic);
            subscribers.extend(of_shard.iter().map(|ById(session)| session.clone()));
        }
        subscribers
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        let shards = self.shared.shards.iter();
        shards.map(|shard| shard.session_count()).sum()
    }

    /// Every session.
    pub fn sessions(&self) -> Vec<Session> {
        let shards = self.shared.shards.iter();
        shards.flat_map(|shard| shard.sessions()).collect()
    }

    /// The session with this id.
    pub fn session(&self, id: SessionId) -> Option<Session> {
        let mut shards = self.shared.shards.iter();
        shards.find_map(|shard| shard.session(id))
    }
}
