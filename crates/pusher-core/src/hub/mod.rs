//! The hub: accepts a publish, gives it a sequence number, and passes it to every shard that has subscribers.
//!
//! ```text
//! publish -> log (sequence number), directory (shards) -> mailbox of each shard -> flusher -> sockets
//!                                                  sessions that have missed events <- log
//! ```
//!
//! One lock, that of log and directory, makes sure that the events of a topic leave in the order of their sequence
//! numbers, and that a subscription begins between two events. It is held for a few hundred nanoseconds.
//!
//! # Lock order
//! A thread that holds one of these locks may only take locks further to the right:
//!
//! ```text
//! Presence::topics -> Presence::unshared, Presence::taken_over, Presence::changes
//! Presence::topics, KnownIds::state -> Shared::ordered -> Mailbox::deliveries
//!                                                      -> the state of the disk's queue
//!                                                      -> Watchers::list -> Watch::queue
//! Resumes::state -> Resume::confirmed
//! Tickets::revocations -> Tickets::held
//! Shard::sessions -> Connection::outbox -> TLS session
//! Shard::sessions -> Origins
//! ```
//!
//! - [`KnownIds::publish_once`] holds its lock while it publishes.
//! - [`Hub::publish_unwritten`] fills mailboxes and watchers under the lock `Shared::ordered`.
//! - `Shard::topics` and `Readers::state` are held together with none of them: `subscribe` and `unsubscribe` lock them
//!   and `Shared::ordered` one after the other.
//! - A batch holds several `Connection::outbox`, each by `try_lock`, and waits for no lock (`batch.rs`).
//! - No lock is held across an await.

mod backlog;
#[cfg_attr(not(target_os = "linux"), path = "no_batch.rs")]
mod batch;
mod channels_form;
mod connections;
mod directory;
mod disk;
mod event_counts;
mod event_frame;
mod flusher;
mod handed_over;
mod handed_over_resumes;
mod history;
mod known_ids;
mod log;
mod log_start;
mod mailbox;
mod place;
mod publish;
mod publish_error;
mod publish_request;
mod readers;
mod recipients;
mod replay;
mod resumes;
mod round;
mod saved_resumes;
mod sessions;
mod shard;
mod shared_log;
mod shared_log_queue;
mod since;
mod stats;
mod subscribe;
mod subscribers;
mod watchers;
mod writes;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::config::{Limits, Live};
use crate::connection::{Common, Origins, Session, SessionId, Topic};
use crate::stats::{Counters, PeerLog};
use crate::tickets::Tickets;
use directory::Directory;
use disk::Disk;
use event_counts::EventCounts;
use log::Log;

pub(crate) use channels_form::{ChannelsForm, ChannelsMessage};
pub(crate) use connections::{ConnectionList, ListedConnection};
pub(crate) use directory::ChangeReader;
pub(crate) use flusher::run as run_flusher;
pub(crate) use history::TopicHistory;
pub(crate) use known_ids::KnownIds;
pub(crate) use log_start::{KnownId, LogStart};
pub(crate) use publish::Accepted;
pub use publish_error::PublishError;
pub(crate) use publish_request::Publish;
pub use recipients::Recipients;
pub(crate) use resumes::{Resume, ResumeRequest, Resumes, Unsaved};
pub(crate) use saved_resumes::SavedResume;
pub(crate) use shard::Shard;
pub(crate) use shared_log::SharedEvent;
pub(crate) use shared_log_queue::{SharedLogQueue, SharedPublish};
pub(crate) use since::Since;
pub(crate) use subscribe::Subscription;
pub(crate) use subscribers::Progress;
pub(crate) use watchers::{WatchItem, Watcher, Watchers};
pub(crate) use writes::marked_gap;

/// Publishes events, and lists topics, subscribers and sessions. Cheap to clone, and usable from any thread.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// See the lock order in the module's documentation.
    ordered: Mutex<Ordered>,
    /// Beginning of the log's clock.
    started: Instant,
    disk: Option<Disk>,
    /// Why there is no `disk` although the options want one.
    disk_failure: Option<String>,
    /// Publishes that wait for the log that the server shares with others. `None` if its log is its own.
    shared_log: Option<Arc<SharedLogQueue>>,
    shards: Box<[Arc<Shard>]>,
    live: Arc<Live>,
    counters: Arc<Counters>,
    watchers: Arc<Watchers>,
    resumes: Resumes,
    tickets: Tickets,
    /// Events of presence that came from the shared log.
    presence_events: EventCounts,
}

/// Figures of one topic.
#[derive(Debug)]
pub(crate) struct TopicTotals {
    pub(crate) topic: Topic,
    pub(crate) subscribers: u64,
    /// Events of the topic in the log.
    pub(crate) log_events: u64,
    /// Events per second in the last seconds, as the log has them. 0 for a topic without history.
    pub(crate) events_per_s: f64,
}

/// The state that a publish and a subscription change in one step.
#[derive(Debug)]
struct Ordered {
    directory: Directory,
    log: Log,
    is_closed: bool,
}

impl Ordered {
    fn totals(&self, topic: Topic, now_ms: u64, limits: &Limits) -> TopicTotals {
        TopicTotals {
            subscribers: self.directory.subscribers(&topic),
            log_events: self.log.count_after(&topic, 0),
            events_per_s: self.log.events_per_s(&topic, now_ms, limits),
            topic,
        }
    }
}

impl Hub {
    pub(crate) fn new(
        shards: usize,
        live: Arc<Live>,
        counters: Arc<Counters>,
        browser_log: &Arc<PeerLog>,
        start: LogStart,
        tickets: Tickets,
    ) -> Self {
        let origins = Arc::<Origins>::default();
        let new_shard = |shard| {
            Arc::new(Shard::new(Common {
                shard,
                live: live.clone(),
                origins: origins.clone(),
                counters: counters.clone(),
                browser_log: browser_log.clone(),
            }))
        };
        Self {
            shared: Arc::new(Shared {
                ordered: Mutex::new(Ordered {
                    directory: Directory::new(shards),
                    log: start.log,
                    is_closed: false,
                }),
                started: Instant::now(),
                disk: start.disk,
                disk_failure: start.failure,
                shared_log: start.is_shared.then(Arc::default),
                shards: (0..shards).map(new_shard).collect(),
                live,
                counters,
                watchers: Arc::default(),
                resumes: Resumes::default(),
                tickets,
                presence_events: EventCounts::default(),
            }),
        }
    }

    /// Returns why events are in memory only, although the options want them on disk. `None` if all is well.
    pub(crate) fn disk_failure(&self) -> Option<String> {
        let failure = self.shared.disk.as_ref().and_then(Disk::failure);
        failure.or_else(|| self.shared.disk_failure.clone())
    }

    /// Writes the end of the log to disk. No event may follow: see [`close`](Self::close).
    pub(crate) async fn end_log(&self) {
        if let Some(disk) = &self.shared.disk {
            disk.end(self.position().sequence).await;
        }
    }

    /// Finds out whether the disk answers. To be called about once a second.
    pub(crate) fn check_disk(&self) {
        if let Some(disk) = &self.shared.disk {
            disk.check();
        }
    }

    /// Returns the tickets of all sessions.
    pub(crate) fn tickets(&self) -> &Tickets {
        &self.shared.tickets
    }

    /// Returns the positions of clients with a resume value.
    pub(crate) fn resumes(&self) -> &Resumes {
        &self.shared.resumes
    }

    /// Whether the backlog of every shard is below its limit, and those of the shared log and the disk, too.
    pub(crate) fn has_room(&self) -> bool {
        let max = self.shared.live.limits().backlog_len_max;
        let shared_log = self.shared_log().map_or(0, |shared_log| shared_log.len());
        let disk = self.shared.disk.as_ref();
        self.backlog_len().max(shared_log) < max && disk.is_none_or(|disk| disk.has_room(max))
    }

    /// Waits until the backlogs are below their limit. The flushers reduce them without waiting for any browser, so a
    /// slow consumer cannot delay this. A slow disk can, and a shared log that is away.
    pub(crate) async fn room(&self) {
        let max = self.shared.live.limits().backlog_len_max;
        if let Some(shared_log) = self.shared_log() {
            shared_log.below(max).await;
        }
        if let Some(disk) = &self.shared.disk {
            disk.room(max).await;
        }
        self.backlogs_below(max).await;
    }

    /// Waits until the backlogs of all shards are below their limit.
    pub(crate) async fn room_for_delivery(&self) {
        let max = self.shared.live.limits().backlog_len_max;
        self.backlogs_below(max).await;
    }

    async fn backlogs_below(&self, max: usize) {
        for shard in &self.shared.shards {
            shard.mailbox.backlog.below(max).await;
        }
    }

    /// Refuses all further events.
    pub(crate) fn close(&self) {
        self.shared.ordered.lock().is_closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.ordered.lock().is_closed
    }

    /// Waits until all published events are written to sockets or queued in outboxes, except those that sessions read from
    /// the log.
    pub(crate) async fn delivered(&self) {
        self.backlogs_below(1).await;
    }

    /// Waits for [`delivered`](Self::delivered), and until the sessions that read from the log have read it, except slow
    /// consumers.
    pub(crate) async fn flushed(&self) {
        self.delivered().await;
        for shard in &self.shared.shards {
            shard.readers.queue_is_empty().await;
        }
    }

    pub(crate) fn shards(&self) -> &[Arc<Shard>] {
        &self.shared.shards
    }

    /// Removes a subscriber. Returns `None` if the session is not subscribed.
    pub(crate) fn unsubscribe(&self, session: &Session, topic: &str) -> Option<Topic> {
        let shard = &self.shared.shards[session.shard()];
        let topic = shard.unsubscribe(topic, session)?;
        let mut ordered = self.shared.ordered.lock();
        ordered.directory.unsubscribe(&topic, session.shard());
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
        self.shared.ordered.lock().directory.len()
    }

    /// Returns the topics that have subscribers, and their numbers of subscribers.
    pub fn topics(&self) -> Vec<(Arc<str>, u64)> {
        self.shared.ordered.lock().directory.topics_with("")
    }

    /// Returns the topics with this prefix that have subscribers, and their numbers of subscribers.
    pub(crate) fn topics_with(&self, prefix: &str) -> Vec<(Topic, u64)> {
        self.shared.ordered.lock().directory.topics_with(prefix)
    }

    /// Returns the topics whose numbers of subscribers have changed since the reader's last call, with these numbers.
    /// `is_full` returns all topics.
    pub(crate) fn changed_topics(&self, reader: ChangeReader, is_full: bool) -> Vec<(Topic, u64)> {
        let mut ordered = self.shared.ordered.lock();
        ordered.directory.take_changed(reader, is_full)
    }

    /// Forgets the changes for a reader until its next call.
    pub(crate) fn stop_changes(&self, reader: ChangeReader) {
        self.shared.ordered.lock().directory.stop_changes(reader);
    }

    /// Returns the `n` topics with the most subscribers, largest first.
    pub(crate) fn largest_topics(&self, n: usize) -> Vec<TopicTotals> {
        let (now_ms, limits) = (self.log_ms(), self.shared.live.limits());
        let ordered = self.shared.ordered.lock();
        let largest = ordered.directory.largest(n).into_iter();
        largest
            .map(|(topic, _)| ordered.totals(topic, now_ms, &limits))
            .collect()
    }

    /// Returns the `n` topics of the log that had the most events in the last seconds, the busiest first.
    pub(crate) fn busiest_topics(&self, n: usize) -> Vec<TopicTotals> {
        let (now_ms, limits) = (self.log_ms(), self.shared.live.limits());
        let ordered = self.shared.ordered.lock();
        let busiest = ordered.log.busiest(n, now_ms, &limits).into_iter();
        busiest
            .map(|topic| ordered.totals(topic, now_ms, &limits))
            .collect()
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
        self.shared.ordered.lock().directory.subscribers(topic)
    }

    /// Returns the subscribers of a topic.
    pub fn subscribers(&self, topic: &str) -> Vec<Session> {
        let mut subscribers = Vec::new();
        for shard in &self.shared.shards {
            subscribers.extend(shard.subscribers(topic));
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
