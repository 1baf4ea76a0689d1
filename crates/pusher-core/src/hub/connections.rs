//! Lists connections for operators.
//!
//! Nothing is kept for these lists: each one visits all sessions, and the topics of their shards.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::slice;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Hub;
use super::shard::Shard;
use super::subscribers::Subscribers;
use crate::connection::{OriginId, Session, SessionId, Topic};

/// Topics and their subscribers that are visited while the lock of a shard's topics is held. A single topic may have more
/// subscribers.
const VISITS_CHUNK: usize = if cfg!(test) { 2 } else { 1024 };

/// Most topics of a connection in a list.
const TOPICS_MAX: usize = 20;

/// The connections that match a search.
#[derive(Debug)]
pub(crate) struct ConnectionList {
    /// Number of all connections that have a session.
    pub(crate) total: usize,
    /// Number of those that match.
    pub(crate) matching: usize,
    /// Those with the longest queues first, then the oldest.
    pub(crate) connections: Vec<ListedConnection>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct ListedConnection {
    pub(crate) session: Session,
    /// The page's origin, if it is known.
    pub(crate) origin: Option<Arc<str>>,
    /// How long the session is open, in seconds, if that is known.
    pub(crate) age_s: Option<u64>,
    /// Bytes in its outbox.
    pub(crate) queued_len: u64,
    /// The first [`TOPICS_MAX`] of its topics, sorted.
    pub(crate) topics: BTreeSet<Topic>,
    pub(crate) topic_count: usize,
}

/// The text to look for, in lower case, and the connections that have it in a topic or as origin.
struct Search {
    text: String,
    origins: HashSet<OriginId>,
    subscribers: HashSet<SessionId, RandomState>,
}

/// The indices of listed connections.
type Indices = HashMap<SessionId, usize, RandomState>;

impl Hub {
    /// Returns at most `limit` connections that have a text in their address, id, protocol, origin or a topic. The case of
    /// ASCII letters does not matter.
    pub(crate) fn connections(&self, text: &str, limit: usize, now_ms: u64) -> ConnectionList {
        let search = Search::new(text, self.shards());
        let mut list = ConnectionList {
            total: self.session_count(),
            matching: 0,
            connections: Vec::new(),
        };
        for shard in self.shards() {
            for chunk in shard.chunks(|session| search.matches(session)) {
                list.matching += chunk.len();
                let chunk = chunk.into_iter();
                list.connections
                    .extend(chunk.map(|session| ListedConnection::new(session, now_ms)));
                list.connections.sort_by_key(ListedConnection::order);
                list.connections.truncate(limit);
            }
        }
        for listed in &mut list.connections {
            listed.origin = listed.session.connection().origin_text();
        }
        for shard in self.shards() {
            list.add_topics(shard);
        }
        list
    }
}

impl Search {
    fn new(text: &str, shards: &[Arc<Shard>]) -> Self {
        let mut search = Self {
            text: text.to_ascii_lowercase(),
            origins: HashSet::default(),
            subscribers: HashSet::default(),
        };
        if search.text.is_empty() {
            return search;
        }
        // All shards share one table.
        if let Some(shard) = shards.first() {
            let origins = &shard.connections().origins;
            search.origins = origins.matching(|origin| search.is_in(origin));
        }
        for shard in shards {
            let mut topics = shard.topic_names();
            topics.retain(|topic| search.is_in(topic));
            shard.visit(&topics, |_, subscribers| {
                let ids = subscribers.sessions().map(Session::id);
                search.subscribers.extend(ids);
                subscribers.len()
            });
        }
        search
    }

    fn is_in(&self, text: &str) -> bool {
        text.to_ascii_lowercase().contains(&self.text)
    }

    fn matches(&self, session: &Session) -> bool {
        let (id, connection) = (session.id(), session.connection());
        self.text.is_empty()
            || self.subscribers.contains(&id)
            || connection
                .origin()
                .is_some_and(|origin| self.origins.contains(&origin))
            || self.is_in(connection.dialect().name())
            || self.is_in(&connection.peer().to_string())
            || self.is_in(&id.to_string())
    }
}

impl ConnectionList {
    /// Adds the topics of the connections of one shard.
    fn add_topics(&mut self, shard: &Shard) {
        let listed = self.connections.iter().enumerate();
        let of_shard = listed.filter(|(_, listed)| listed.session.shard() == shard.index());
        let indices: Indices = of_shard
            .map(|(index, listed)| (listed.session.id(), index))
            .collect();
        if indices.is_empty() {
            return;
        }
        shard.visit(&shard.topic_names(), |topic, subscribers| {
            // Visits the smaller set.
            if subscribers.len() < indices.len() {
                let listed = subscribers
                    .sessions()
                    .filter_map(|it| indices.get(&it.id()));
                for index in listed {
                    self.connections[*index].add(topic);
                }
                subscribers.len()
            } else {
                for index in indices.values() {
                    let listed = &mut self.connections[*index];
                    if subscribers.contains(&listed.session) {
                        listed.add(topic);
                    }
                }
                indices.len()
            }
        });
    }
}

impl ListedConnection {
    fn new(session: Session, now_ms: u64) -> Self {
        Self {
            origin: None,
            age_s: session.connection().age_s(now_ms),
            queued_len: session.connection().outbox_totals().len,
            session,
            topics: BTreeSet::new(),
            topic_count: 0,
        }
    }

    /// Those whose age is unknown are the oldest: other processes have opened them.
    fn order(&self) -> (Reverse<u64>, Reverse<u64>, SessionId) {
        let age_s = self.age_s.unwrap_or(u64::MAX);
        (Reverse(self.queued_len), Reverse(age_s), self.session.id())
    }

    fn add(&mut self, topic: &Topic) {
        self.topic_count += 1;
        self.topics.insert(topic.clone());
        if self.topics.len() > TOPICS_MAX {
            self.topics.pop_last();
        }
    }
}

impl Shard {
    fn topic_names(&self) -> Vec<Topic> {
        self.topics.lock().keys().cloned().collect()
    }

    /// Visits topics. `visit` returns the number of subscribers that it has visited. Releases the lock after each
    /// [`VISITS_CHUNK`], so that events can be sent in between.
    fn visit(&self, topics: &[Topic], mut visit: impl FnMut(&Topic, &Subscribers) -> usize) {
        let mut topics = topics.iter();
        while !topics.as_slice().is_empty() {
            self.visit_chunk(&mut topics, &mut visit);
        }
    }

    fn visit_chunk(
        &self,
        topics: &mut slice::Iter<'_, Topic>,
        visit: &mut impl FnMut(&Topic, &Subscribers) -> usize,
    ) {
        let known = self.topics.lock();
        let mut visits = 0;
        while visits < VISITS_CHUNK
            && let Some(topic) = topics.next()
        {
            visits += 1 + known.get(topic).map_or(0, |found| visit(topic, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shard::tests::TestShard;
    use super::super::subscribers::Progress;
    use super::*;

    const PROGRESS: Progress = Progress {
        after: 0,
        is_reading: false,
    };

    #[tokio::test]
    async fn lock_is_held_for_a_chunk_of_topics_and_subscribers() {
        let sessions = TestShard::new();
        let shard = sessions.shard();
        let [one, two] = [false, false].map(|has_outbox| sessions.add(has_outbox));
        let topics = ["none", "none", "a", "b", "none"].map(Topic::from);
        for (topic, session) in [(2, &one), (2, &two), (3, &one)] {
            shard.subscribe(&topics[topic], session, PROGRESS);
        }
        let mut left = topics.iter();
        let mut lens = Vec::new();
        while !left.as_slice().is_empty() {
            shard.visit_chunk(&mut left, &mut |_, found| found.len());
            lens.push(left.as_slice().len());
        }
        assert_eq!(lens, [3, 2, 1, 0]);
        let list = sessions.context.hub.connections("", 10, 0);
        let connections = list.connections.iter();
        let counts = connections.map(|listed| (listed.session.id(), listed.topic_count));
        let expected = [(one.id(), 2), (two.id(), 1)];
        assert_eq!(counts.collect::<HashMap<_, _>>(), expected.into());
    }
}
