//! One shard: the sessions that one thread serves, and the topics they are subscribed to.
//!
//! Only the shard's own thread subscribes, unsubscribes and fans out; its locks are for whoever
//! looks in from outside.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use parking_lot::Mutex;

use super::Topic;
use super::mailbox::Mailbox;
use crate::session::{Session, SessionId};

/// See the module.
#[derive(Debug)]
pub(crate) struct Shard {
    index: usize,
    topics: Mutex<HashMap<Topic, Subscribers, RandomState>>,
    sessions: Mutex<HashMap<SessionId, Session, RandomState>>,
    pub(super) mailbox: Mailbox,
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
    pub(super) fn new(index: usize) -> Self {
        Self {
            index,
            topics: Mutex::default(),
            sessions: Mutex::default(),
            mailbox: Mailbox::default(),
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
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

    pub(crate) fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().values().cloned().collect()
    }

    pub(super) fn session(&self, id: SessionId) -> Option<Session> {
        self.sessions.lock().get(&id).cloned()
    }
}
