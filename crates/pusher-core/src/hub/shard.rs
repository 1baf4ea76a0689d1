//! One shard: the sessions that one thread serves, and the topics they are subscribed to.
//!
//! Only the shard's own thread subscribes, unsubscribes and writes events. The locks are for calls from other threads,
//! such as [`Hub::sessions`](super::Hub::sessions), so they are rarely contended.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::mailbox::Mailbox;
use super::readers::Readers;
use super::sessions::{ById, Sessions};
use super::subscribers::{Progress, RoundSubscribers, Subscribers};
use crate::connection::{Common, Dialect, Encoding, KeptEvents, Session, SessionId, Topic};
use crate::stats::{FanOut, OutboxTotals};

/// Sessions that are visited while the lock is held. Tests need a socket for each session, so they use few.
const CHUNK: usize = if cfg!(test) { 2 } else { 1024 };

/// The sessions of one thread, and the state of its fan-out.
#[derive(Debug)]
pub(crate) struct Shard {
    connections: Arc<Common>,
    pub(super) topics: Mutex<HashMap<Topic, Subscribers, RandomState>>,
    sessions: Mutex<Sessions>,
    /// Notified when the last session has ended.
    emptied: Notify,
    /// The sessions that read from the log.
    pub(super) readers: Readers,
    pub(super) mailbox: Mailbox,
    pub(super) fan_out: FanOut,
    /// Time of the shard's last heartbeat, in ms of the server's clock.
    beat_ms: AtomicU64,
}

impl Shard {
    pub(super) fn new(connections: Common) -> Self {
        Self {
            connections: Arc::new(connections),
            topics: Mutex::default(),
            sessions: Mutex::default(),
            emptied: Notify::new(),
            readers: Readers::default(),
            mailbox: Mailbox::default(),
            fan_out: FanOut::default(),
            beat_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.connections.shard
    }

    /// Records that the event loop is running.
    pub(crate) fn beat(&self, now_ms: u64) {
        self.beat_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn beat_ms(&self) -> u64 {
        self.beat_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> &Arc<Common> {
        &self.connections
    }

    pub(crate) fn add_session(&self, session: &Session) {
        self.sessions.lock().insert(ById(session.clone()));
    }

    pub(crate) fn remove_session(&self, session: &Session) {
        let is_empty = {
            let mut sessions = self.sessions.lock();
            sessions.swap_remove(&session.id());
            sessions.is_empty()
        };
        self.readers.remove(session);
        if is_empty {
            self.emptied.notify_waiters();
        }
    }

    /// Waits until there are no sessions.
    pub(crate) async fn until_empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.session_count() == 0 {
                return;
            }
            emptied.await;
        }
    }

    pub(crate) fn is_subscribed(&self, topic: &str, session: &Session) -> bool {
        let topics = self.topics.lock();
        let subscribers = topics.get(topic);
        subscribers.is_some_and(|subscribers| subscribers.contains(session))
    }

    /// Adds a subscriber that has all events up to `progress`. An event stream reads all its events from the log; the
    /// fan-out only tells it that there are some.
    pub(super) fn subscribe(&self, topic: &Topic, session: &Session, progress: Progress) {
        let mut topics = self.topics.lock();
        let subscribers = topics.entry(topic.clone()).or_default();
        match session.connection().dialect() {
            Dialect::EventStream => subscribers.add_live(session),
            _ => subscribers.add_waiting(session, progress),
        }
    }

    /// Removes a subscriber. Returns the topic, or `None` if the session was not subscribed to it.
    pub(super) fn unsubscribe(&self, topic: &str, session: &Session) -> Option<Topic> {
        let mut topics = self.topics.lock();
        let topic = topics.get_key_value(topic)?.0.clone();
        let subscribers = topics.get_mut(&topic)?;
        let was_subscribed = subscribers.remove(session);
        if subscribers.is_empty() {
            topics.remove(&topic);
        }
        was_subscribed.then_some(topic)
    }

    /// Returns the subscribers of a round with the events from `first` to `last`.
    pub(super) fn begin_round(&self, topic: &Topic, first: u64, last: u64) -> RoundSubscribers {
        let mut topics = self.topics.lock();
        let subscribers = topics.get_mut(topic);
        subscribers.map_or_else(RoundSubscribers::default, |subscribers| {
            subscribers.begin_round(first, last)
        })
    }

    /// Whether `sessions` are still all live subscribers of a topic.
    pub(super) fn is_unchanged(
        &self,
        topic: &Topic,
        encoding: Encoding,
        sessions: &Arc<Sessions>,
    ) -> bool {
        let topics = self.topics.lock();
        let live = topics
            .get(topic)
            .and_then(|subscribers| subscribers.live_set(encoding));
        live.is_some_and(|live| Arc::ptr_eq(live, sessions))
    }

    pub(super) fn is_live(&self, topic: &Topic, session: &Session) -> bool {
        let topics = self.topics.lock();
        let subscribers = topics.get(topic);
        subscribers.is_some_and(|subscribers| subscribers.is_live(session))
    }

    /// Makes a slow subscriber read events from the log.
    pub(super) fn fall_behind(&self, session: &Session, behind: &[KeptEvents]) {
        for KeptEvents { topic, first } in behind {
            if let Some(subscribers) = self.topics.lock().get_mut(topic) {
                subscribers.fall_behind(session, first - 1);
            }
            self.readers.add_topic(session, topic, None);
        }
    }

    /// Returns the events that a waiting subscriber of a topic has. `None` if the session is no waiting subscriber.
    pub(super) fn progress(&self, topic: &Topic, session: &Session) -> Option<Progress> {
        self.topics.lock().get(topic)?.progress(session)
    }

    pub(super) fn set_progress(&self, topic: &Topic, session: &Session, progress: Progress) {
        if let Some(subscribers) = self.topics.lock().get_mut(topic) {
            subscribers.set_progress(session, progress);
        }
    }

    /// Returns the topic's subscribers at this moment.
    pub(super) fn subscribers(&self, topic: &str) -> Vec<Session> {
        let topics = self.topics.lock();
        let subscribers = topics.get(topic).into_iter();
        let sessions = subscribers.flat_map(|subscribers| subscribers.sessions());
        sessions.cloned().collect()
    }

    pub(crate) fn session_count(&self) -> usize {
        self.sessions.lock().len()
    }

    /// Sums up the contents of all outboxes.
    pub(super) fn outbox_totals(&self) -> OutboxTotals {
        let mut sum = OutboxTotals::default();
        for (_, totals) in self.sessions_with_outbox() {
            sum += totals;
        }
        sum
    }

    /// Returns the sessions that have bytes to send, and the size of their outboxes.
    pub(super) fn sessions_with_outbox(&self) -> impl Iterator<Item = (Session, OutboxTotals)> {
        let has_outbox = |session: &Session| session.connection().outbox_totals().outboxes > 0;
        let sessions = self.chunks(has_outbox).flatten();
        sessions.map(|session| {
            let totals = session.connection().outbox_totals();
            (session, totals)
        })
    }

    /// Visits all sessions, [`CHUNK`] at a time, and returns the `wanted` ones of each chunk.
    ///
    /// The lock is held only while a chunk is visited, so browsers can connect and leave between two chunks. If a
    /// session ends in between, another one takes its index and may be missed.
    pub(crate) fn chunks(
        &self,
        wanted: impl Fn(&Session) -> bool,
    ) -> impl Iterator<Item = Vec<Session>> {
        let starts = (0..).step_by(CHUNK);
        let starts = starts.take_while(|start| *start < self.session_count());
        starts.map(move |start| self.chunk(start, &wanted))
    }

    fn chunk(&self, start: usize, wanted: impl Fn(&Session) -> bool) -> Vec<Session> {
        let sessions = self.sessions.lock();
        let end = (start + CHUNK).min(sessions.len());
        let chunk = sessions.get_range(start..end);
        let chunk = chunk.into_iter().flat_map(|chunk| chunk.iter());
        let wanted = chunk.filter(|ById(session)| wanted(session));
        wanted.map(|ById(session)| session.clone()).collect()
    }

    pub(super) fn sessions(&self) -> Vec<Session> {
        let sessions = self.sessions.lock();
        sessions
            .iter()
            .map(|ById(session)| session.clone())
            .collect()
    }

    pub(super) fn session(&self, id: SessionId) -> Option<Session> {
        let sessions = self.sessions.lock();
        sessions.get(&id).map(|ById(session)| session.clone())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use bytes::Bytes;

    use super::*;
    use crate::application::Recipe;
    use crate::config::Options;
    use crate::connection::faults::{FaultPlan, SocketCall, SocketFault};
    use crate::connection::{Connection, Socket};
    use crate::context::Context;
    use crate::server::Server;

    const FRAME: &[u8] = b"12345";

    /// A server with one shard, and sessions that the test adds to it.
    pub(in crate::hub) struct TestShard {
        pub(in crate::hub) context: Arc<Context>,
        listener: TcpListener,
    }

    impl TestShard {
        pub(in crate::hub) fn new() -> Self {
            let mut options = Options::default();
            options.listen.clear();
            options.publish_listen.clear();
            options.shards = 1;
            Self {
                context: Server::bind(options, Recipe::default()).unwrap().context,
                listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            }
        }

        pub(in crate::hub) fn shard(&self) -> &Arc<Shard> {
            &self.context.hub.shards()[0]
        }

        pub(in crate::hub) fn add(&self, has_outbox: bool) -> Session {
            let stream = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let connection = Connection::new(
                SessionId::random().unwrap(),
                self.context.browser_permits.enter(peer).unwrap(),
                self.shard().connections().clone(),
                Socket::Plain(stream),
                Encoding::plain(Dialect::Wamp),
                None,
                0,
            );
            if has_outbox {
                FaultPlan::at(SocketCall::Write, 1, SocketFault::Blocks).begin();
                connection.send(&Bytes::from_static(FRAME));
                FaultPlan::NOTHING.begin();
            }
            let session = Session::new(connection);
            self.shard().add_session(&session);
            session
        }
    }

    #[tokio::test]
    async fn outbox_totals_cover_all_chunks() {
        let sessions = TestShard::new();
        for has_outbox in [true, false, false, false, true] {
            sessions.add(has_outbox);
        }
        let OutboxTotals { outboxes, len } = sessions.shard().outbox_totals();
        assert_eq!((outboxes, len), (2, 2 * FRAME.len() as u64));
    }

    #[tokio::test]
    async fn browsers_can_connect_between_two_chunks() {
        let sessions = TestShard::new();
        for _ in 0..=CHUNK {
            sessions.add(true);
        }
        let mut iterator = sessions.shard().sessions_with_outbox();
        iterator.next().unwrap();
        assert!(sessions.shard().sessions.try_lock().is_some());
        sessions.add(true);
        assert_eq!(iterator.count(), CHUNK + 1, "includes the new session");
    }
}
