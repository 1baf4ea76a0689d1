//! One shard: the sessions that one thread serves, and the topics they are subscribed to.
//!
//! Only the shard's own thread subscribes, unsubscribes and fans out; its locks are for whoever
//! looks in from outside.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use parking_lot::Mutex;

use super::mailbox::Mailbox;
use crate::connection::Common;
use crate::connection::Topic;
use crate::connection::{Session, SessionId};
use crate::stats::{FanOut, Waiting};

/// Sessions that are visited while the lock is held. Few in tests, which need a socket for each.
const CHUNK: usize = if cfg!(test) { 2 } else { 1024 };

/// See the module.
#[derive(Debug)]
pub(crate) struct Shard {
    connections: Arc<Common>,
    /// A fan-out under way holds on to the subscribers that it began with: nothing is copied for
    /// it, unless somebody comes or goes meanwhile.
    topics: Mutex<HashMap<Topic, Arc<Sessions>, RandomState>>,
    sessions: Mutex<Sessions>,
    pub(super) mailbox: Mailbox,
    pub(super) fan_out: FanOut,
    /// When the event loop last went round, in milliseconds of the server's clock.
    beat_ms: AtomicU64,
}

/// In a row for the fan-out, and removable at once for a browser that leaves.
pub(super) type Sessions = IndexSet<ById, RandomState>;

/// A session, told from others by its id.
#[derive(Debug, Clone)]
pub(super) struct ById(pub(super) Session);

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl indexmap::Equivalent<ById> for SessionId {
    fn equivalent(&self, session: &ById) -> bool {
        *self == session.0.id()
    }
}

impl Shard {
    pub(super) fn new(connections: Common) -> Self {
        Self {
            connections: Arc::new(connections),
            topics: Mutex::default(),
            sessions: Mutex::default(),
            mailbox: Mailbox::default(),
            fan_out: FanOut::default(),
            beat_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.connections.shard
    }

    /// Notes that the event loop goes round.
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
        self.sessions.lock().swap_remove(&session.id());
    }

    pub(super) fn is_subscribed(&self, topic: &str, session: &Session) -> bool {
        let topics = self.topics.lock();
        let subscribers = topics.get(topic);
        subscribers.is_some_and(|subscribers| subscribers.contains(&session.id()))
    }

    pub(super) fn subscribe(&self, topic: &Topic, session: &Session) {
        let mut topics = self.topics.lock();
        let subscribers = topics.entry(topic.clone()).or_default();
        Arc::make_mut(subscribers).insert(ById(session.clone()));
    }

    /// The topic, if the session was subscribed to it.
    pub(super) fn unsubscribe(&self, topic: &str, session: &Session) -> Option<Topic> {
        let mut topics = self.topics.lock();
        let topic = topics.get_key_value(topic)?.0.clone();
        let subscribers = topics.get_mut(&topic)?;
        if !subscribers.contains(&session.id()) {
            return None;
        }
        if subscribers.len() == 1 {
            topics.remove(&topic);
        } else {
            Arc::make_mut(subscribers).swap_remove(&session.id());
        }
        Some(topic)
    }

    /// The topic's subscribers as they are now.
    pub(super) fn subscribers(&self, topic: &str) -> Arc<Sessions> {
        let topics = self.topics.lock();
        topics.get(topic).cloned().unwrap_or_default()
    }

    pub(crate) fn session_count(&self) -> usize {
        self.sessions.lock().len()
    }

    /// Sums up the contents of all outboxes.
    pub(super) fn waiting(&self) -> Waiting {
        let mut sum = Waiting::default();
        for (_, waiting) in self.waiting_sessions() {
            sum += waiting;
        }
        sum
    }

    /// Returns the sessions whose outbox is not empty, and what is in it.
    pub(super) fn waiting_sessions(&self) -> impl Iterator<Item = (Session, Waiting)> {
        let is_waiting = |session: &Session| session.connection().waiting().outboxes > 0;
        let sessions = self.chunks(is_waiting).flatten();
        sessions.map(|session| {
            let waiting = session.connection().waiting();
            (session, waiting)
        })
    }

    /// Visits all sessions, [`CHUNK`] at a time, and returns the `wanted` ones of each chunk. The lock is held only
    /// while a chunk is visited, so browsers can connect and leave between two chunks. If sessions end meanwhile, others
    /// change places and may be missed.
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
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use bytes::Bytes;
    use pusher_proto::wamp::Subprotocol;

    use super::*;
    use crate::application::Recipe;
    use crate::config::Options;
    use crate::connection::Connection;
    use crate::connection::Socket;
    use crate::connection::faults::{Call, Fault, Plan};
    use crate::context::Context;
    use crate::server::Server;

    const FRAME: &[u8] = b"12345";

    /// A server with one shard, and sessions that the test adds to it.
    struct TestShard {
        context: Arc<Context>,
        listener: TcpListener,
    }

    impl TestShard {
        fn new() -> Self {
            let mut options = Options::default();
            options.listen.clear();
            options.publish_listen.clear();
            options.shards = 1;
            Self {
                context: Server::bind(options, Recipe::default()).unwrap().context,
                listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            }
        }

        fn shard(&self) -> &Arc<Shard> {
            &self.context.hub.shards()[0]
        }

        fn add(&self, is_waiting: bool) {
            let stream = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let peer = SocketAddr::from(([127, 0, 0, 1], 1));
            let connection = Connection::new(
                SessionId::random().unwrap(),
                self.context.browser_permits.enter(peer).unwrap(),
                self.shard().connections().clone(),
                Socket::Plain(stream),
                Subprotocol::Wamp,
                0,
            );
            if is_waiting {
                Plan::at(Call::Write, 1, Fault::Blocks).begin();
                connection.send(&Bytes::from_static(FRAME));
                Plan::NOTHING.begin();
            }
            self.shard().add_session(&Session::new(connection));
        }
    }

    #[tokio::test]
    async fn outboxes_are_added_up_across_chunks() {
        let sessions = TestShard::new();
        for is_waiting in [true, false, false, false, true] {
            sessions.add(is_waiting);
        }
        let Waiting { outboxes, len } = sessions.shard().waiting();
        assert_eq!((outboxes, len), (2, 2 * FRAME.len() as u64));
    }

    #[tokio::test]
    async fn browsers_can_connect_while_outboxes_are_added_up() {
        let sessions = TestShard::new();
        for _ in 0..=CHUNK {
            sessions.add(true);
        }
        let mut waiting = sessions.shard().waiting_sessions();
        waiting.next().unwrap();
        assert!(sessions.shard().sessions.try_lock().is_some());
        sessions.add(true);
        assert_eq!(waiting.count(), CHUNK + 1, "with the new one");
    }
}
