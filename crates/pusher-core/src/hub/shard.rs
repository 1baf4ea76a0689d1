//! One shard: the sessions that one thread serves, and the topics they are subscribed to.
//!
//! Only the shard's own thread subscribes, unsubscribes and fans out; its locks are for whoever
//! looks in from outside.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use parking_lot::Mutex;

use super::Topic;
use super::mailbox::Mailbox;
use crate::connection::Common;
use crate::session::{Session, SessionId};
use crate::stats::{FanOut, Waiting};

/// See the module.
#[derive(Debug)]
pub(crate) struct Shard {
    connections: Arc<Common>,
    topics: Mutex<HashMap<Topic, Subscribers, RandomState>>,
    sessions: Mutex<HashMap<SessionId, Session, RandomState>>,
    pub(super) mailbox: Mailbox,
    pub(super) fan_out: FanOut,
}

/// In a row for the fan-out, and removable at once for a browser that leaves.
type Subscribers = IndexSet<Subscriber, RandomState>;

/// A session, told from others by its id.
#[derive(Debug)]
struct Subscriber(Session);

impl PartialEq for Subscriber {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for Subscriber {}

impl Hash for Subscriber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl indexmap::Equivalent<Subscriber> for SessionId {
    fn equivalent(&self, subscriber: &Subscriber) -> bool {
        *self == subscriber.0.id()
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
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.connections.shard
    }

    pub(crate) fn connections(&self) -> &Arc<Common> {
        &self.connections
    }

    pub(crate) fn add_session(&self, session: &Session) {
        self.sessions.lock().insert(session.id(), session.clone());
    }

    pub(crate) fn remove_session(&self, session: &Session) {
        self.sessions.lock().remove(&session.id());
    }

    pub(super) fn is_subscribed(&self, topic: &str, session: &Session) -> bool {
        let topics = self.topics.lock();
        let subscribers = topics.get(topic);
        subscribers.is_some_and(|subscribers| subscribers.contains(&session.id()))
    }

    pub(super) fn subscribe(&self, topic: &Topic, session: &Session) {
        let mut topics = self.topics.lock();
        let subscribers = topics.entry(topic.clone()).or_default();
        subscribers.insert(Subscriber(session.clone()));
    }

    /// The topic, if the session was subscribed to it.
    pub(super) fn unsubscribe(&self, topic: &str, session: &Session) -> Option<Topic> {
        let mut topics = self.topics.lock();
        let topic = topics.get_key_value(topic)?.0.clone();
        let subscribers = topics.get_mut(&topic)?;
        let was_there = subscribers.swap_remove(&session.id());
        if subscribers.is_empty() {
            topics.remove(&topic);
        }
        was_there.then_some(topic)
    }

    /// Appends the topic's subscribers as they are now.
    pub(super) fn subscribers_into(&self, topic: &str, subscribers: &mut Vec<Session>) {
        let topics = self.topics.lock();
        if let Some(known) = topics.get(topic) {
            subscribers.extend(known.iter().map(|Subscriber(session)| session.clone()));
        }
    }

    pub(super) fn session_count(&self) -> usize {
        self.sessions.lock().len()
    }

    /// What waits in the outboxes.
    pub(super) fn waiting(&self) -> Waiting {
        let mut waiting = Waiting::default();
        for session in self.sessions.lock().values() {
            waiting += session.connection().waiting();
        }
        waiting
    }

    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().values().cloned().collect()
    }

    pub(super) fn session(&self, id: SessionId) -> Option<Session> {
        self.sessions.lock().get(&id).cloned()
    }
}
