//! The hub: accepts a publish, gives it a sequence number, and passes it to every shard that has subscribers.
//!
//! ```text
//! publish -> directory (sequence number, shards) -> mailbox of each shard -> flusher -> sockets
//! ```
//!
//! One lock, the directory's, makes sure that the events of a topic leave in the order of their sequence numbers. It is
//! held for a few hundred nanoseconds.
//!
//! # Lock order
//! A thread that holds one of these locks may only take locks further to the right:
//!
//! ```text
//! KnownIds::state -> Shared::directory -> Mailbox::deliveries
//!                                      -> Watchers::list -> Watch::queue
//! Shard::sessions -> Connection::outbox -> TLS session
//! ```
//!
//! - [`KnownIds::publish_once`] holds its lock while it publishes.
//! - [`Hub::publish_checked`] fills mailboxes and watchers under the directory's lock.
//! - `Shard::topics` is held together with none of them: `subscribe` and `unsubscribe` lock it and the directory one
//!   after the other.
//! - No lock is held across an await.

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
use crate::connection::{Common, Session, SessionId, Topic, counted_bytes};
use crate::stats::{Counters, PeerLog, Source};
use directory::Directory;
use mailbox::Delivery;
use shard::ById;

pub(crate) use flusher::run as run_flusher;
pub(crate) use known_ids::KnownIds;
pub use publish_error::PublishError;
pub use recipients::Recipients;
pub(crate) use shard::Shard;
pub(crate) use watchers::{WatchItem, Watcher, Watchers};

/// Publishes events, and lists topics, subscribers and sessions. Cheap to clone, and usable from any thread.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Orders the events of each topic. See the lock order in the module's documentation.
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
    /// Never waits. The receipt has the number of browsers that the event was queued for. Each of them gets the events
    /// of a topic in the order of the receipts' sequence numbers.
    pub fn publish(&self, topic: &str, event: &str) -> Result<Receipt, PublishError> {
        check_value(event)?;
        if !self.has_room() {
            return Err(PublishError::Overloaded);
        }
        self.publish_checked(topic, event, None, Source::Application)
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
        self.publish_checked(topic, event, Some(recipients), Source::Application)
    }

    /// Publishes an event that is known to be one JSON value, even if not [`has_room`](Self::has_room).
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
        let frame = counted_bytes(frame, capacity, counters);
        let recipients = recipients.map(Arc::new);
        let watched_event = self.shared.watchers.copy(topic, event);
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
        if let Some(event) = watched_event {
            self.shared.watchers.event(topic, receipt.sequence, &event);
        }
        Ok(receipt)
    }

    /// Whether the backlog of every shard is below its limit.
    pub(crate) fn has_room(&self) -> bool {
        self.backlog_len() < self.shared.live.limits().backlog_len_max
    }

    /// Waits until the backlogs are below their limit. The flushers reduce them without waiting for any browser, so a
    /// slow consumer cannot delay this.
    pub(crate) async fn room(&self) {
        let max = self.shared.live.limits().backlog_len_max;
        for shard in &self.shared.shards {
            shard.mailbox.backlog.below(max).await;
        }
    }

    /// Refuses all further events.
    pub(crate) fn close(&self) {
        self.shared.directory.lock().close();
    }

    /// Waits until all published events are written to sockets or queued in outboxes.
    pub(crate) async fn flushed(&self) {
        for shard in &self.shared.shards {
            shard.mailbox.backlog.below(1).await;
        }
    }

    pub(crate) fn shards(&self) -> &[Arc<Shard>] {
        &self.shared.shards
    }

    /// Adds a subscriber. Returns `None` if the session is subscribed already.
    pub(crate) fn subscribe(&self, session: &Session, topic: &str) -> Option<Topic> {
        let shard = &self.shared.shards[session.shard()];
        if shard.is_subscribed(topic, session) {
            return None;
        }
        // The directory first: an event whose receipt counts this subscriber is then delivered to it. The flusher
        // cannot run in between, because it runs on this thread.
        let topic = self
            .shared
            .directory
            .lock()
            .subscribe(topic, session.shard());
        shard.subscribe(&topic, session);
        Some(topic)
    }

    /// Removes a subscriber. Returns `None` if the session is not subscribed.
    pub(crate) fn unsubscribe(&self, session: &Session, topic: &str) -> Option<Topic> {
        let shard = &self.shared.shards[session.shard()];
        let topic = shard.unsubscribe(topic, session)?;
        let mut directory = self.shared.directory.lock();
        directory.unsubscribe(&topic, session.shard());
        Some(topic)
    }

    /// Returns the bytes of events that no socket or outbox has yet: the maximum of all shards.
    /// Publishers wait while this is above [`Limits::backlog_len_max`](crate::Limits::backlog_len_max).
    pub fn backlog_len(&self) -> usize {
        let shards = self.shared.shards.iter();
        let lens = shards.map(|shard| shard.mailbox.backlog.len());
        lens.max().unwrap_or(0)
    }

    /// Returns the number of topics that have subscribers.
    pub fn topic_count(&self) -> usize {
        self.shared.directory.lock().len()
    }

    /// Returns the topics that have subscribers, and their numbers of subscribers.
    pub fn topics(&self) -> Vec<(Arc<str>, u64)> {
        self.shared.directory.lock().topics()
    }

    /// Returns the `n` topics with the most subscribers, largest first.
    pub(crate) fn largest_topics(&self, n: usize) -> Vec<(Topic, u64)> {
        self.shared.directory.lock().largest(n)
    }

    /// Returns the `n` sessions with the largest outboxes, largest first, and their sizes in bytes.
    pub(crate) fn longest_outboxes(&self, n: usize) -> Vec<(Session, u64)> {
        let shards = self.shared.shards.iter();
        let sessions = shards.flat_map(|shard| shard.sessions_with_outbox());
        let sessions = sessions.map(|(session, totals)| (session, totals.len));
        // 0 bytes if a session only has bytes in its TLS state: they are not counted.
        let mut sessions: Vec<_> = sessions.filter(|(_, len)| *len > 0).collect();
        sessions.sort_by_key(|(_, len)| std::cmp::Reverse(*len));
        sessions.truncate(n);
        sessions
    }

    /// Returns the number of deliveries since the start: each event counts once per browser.
    pub(crate) fn delivery_count(&self) -> u64 {
        let shards = self.shared.shards.iter();
        shards.map(|shard| shard.fan_out.deliveries.get()).sum()
    }

    /// Starts to watch a topic, with a queue of `len_max` bytes. Returns `None` if there are `watchers_max` watchers
    /// already.
    pub(crate) fn watch(
        &self,
        topic: &str,
        len_max: usize,
        watchers_max: usize,
    ) -> Option<Watcher> {
        self.shared.watchers.watch(topic, len_max, watchers_max)
    }

    /// Returns the number of subscribers of a topic.
    pub fn subscriber_count(&self, topic: &str) -> u64 {
        self.shared.directory.lock().subscribers(topic)
    }

    /// Returns the subscribers of a topic.
    pub fn subscribers(&self, topic: &str) -> Vec<Session> {
        let mut subscribers = Vec::new();
        for shard in &self.shared.shards {
            let of_shard = shard.subscribers(topic);
            subscribers.extend(of_shard.iter().map(|ById(session)| session.clone()));
        }
        subscribers
    }

    /// Returns the number of sessions.
    pub fn session_count(&self) -> usize {
        let shards = self.shared.shards.iter();
        shards.map(|shard| shard.session_count()).sum()
    }

    /// Returns all sessions.
    pub fn sessions(&self) -> Vec<Session> {
        let shards = self.shared.shards.iter();
        shards.flat_map(|shard| shard.sessions()).collect()
    }

    /// Returns the session with this id.
    pub fn session(&self, id: SessionId) -> Option<Session> {
        let mut shards = self.shared.shards.iter();
        shards.find_map(|shard| shard.session(id))
    }
}
