//! The positions of clients that speak WAMP v1 and have a resume value: the query `resume` of their address.
//!
//! Such a client cannot say what it has. Instead the server pings behind events, and the pong confirms everything
//! before it, through any proxy. After a loss the client connects to the same address, and continues behind the last
//! confirmed event of each topic.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use pusher_proto::Position;
use siphasher::sip128::SipHasher13;

use super::since::Since;
use crate::connection::Session;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Time for which the positions of an ended session are kept.
const MEMORY_MS: u64 = 2 * 60 * 1000;

/// Most ended sessions whose positions are kept. The oldest are forgotten first.
const ENDED_MAX: usize = 100_000;

/// Most topics of ended sessions, all together.
const ENDED_TOPICS_MAX: usize = 1_000_000;

/// Most topics of an ended session whose positions are kept. A client with more is told of gaps when it comes back.
const ENDED_TOPICS_OF_ONE_MAX: usize = 1000;

/// Most topics of an open session, those included that it has unsubscribed from.
const TOPICS_MAX: usize = 20_000;

/// Stands for the position of a topic that the client has unsubscribed from. It is above all sequence numbers.
const UNSUBSCRIBED: u64 = u64::MAX;

/// Stands for the position of a topic with a gap, until the client has confirmed that it was told.
const GAP: u64 = u64::MAX - 1;

/// The positions of all clients with a resume value.
#[derive(Debug, Default)]
pub(crate) struct Resumes {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Key, Arc<Resume>, RandomState>,
    /// The ended sessions with the times of their ends in ms, oldest first. Some may have come back.
    ended: VecDeque<(u64, Arc<Resume>)>,
    /// Topics of all ended sessions.
    ended_topics: usize,
    /// Sessions that began, ended, subscribed or unsubscribed since they were saved. `None` if nobody saves them.
    listed: Option<Vec<Arc<Resume>>>,
}

/// A hash of the resume value. Values are random, so two clients have different ones.
pub(crate) type Key = (u64, u64);

/// The parameters of a client's address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResumeRequest {
    /// The resume value.
    pub(crate) value: String,
    /// Where the subscriptions of an unknown client begin: the position that the page got from its site.
    pub(crate) since: Since,
}

/// Sessions whose positions are to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsaved {
    /// Those that began, ended, subscribed or unsubscribed.
    Listed,
    /// Also those that have confirmed events.
    Changed,
    All,
}

/// The confirmed positions of one session.
#[derive(Debug)]
pub(crate) struct Resume {
    pub(super) key: Key,
    /// Number of the client's session: one more than that of its last one.
    pub(super) number: u32,
    /// The positions have changed since they were saved.
    is_changed: AtomicBool,
    /// The session is in the list of those to save soon.
    is_listed: AtomicBool,
    /// `None` after the session has ended: its socket must close.
    session: Mutex<Option<Session>>,
    pub(super) confirmed: Mutex<Confirmed>,
}

/// The positions of a client.
#[derive(Debug, Clone)]
pub(super) struct Confirmed {
    /// Topics as their marks, and the sequence numbers up to which the client has their events.
    pub(super) topics: HashMap<u64, u64, RandomState>,
    /// Where subscriptions to other topics begin.
    pub(super) since: Since,
}

/// Returns the number that stands for a topic in pings.
pub(crate) fn topic_mark(topic: &str) -> u64 {
    hash(topic).0
}

/// Hashes a text. All versions of this program have the same hash.
fn hash(text: &str) -> Key {
    let hash = SipHasher13::new().hash(text.as_bytes());
    (hash.h1, hash.h2)
}

impl ResumeRequest {
    pub(super) fn key(&self) -> Key {
        hash(&self.value)
    }
}

impl Resumes {
    /// Begins a session with a resume value. It takes over the positions of the last session with this value, and ends
    /// that session if it is still open: its client has lost it.
    pub(crate) fn begin(&self, request: &ResumeRequest, session: &Session) -> Arc<Resume> {
        self.begin_with(request.key(), request.since, session)
    }

    pub(super) fn begin_with(&self, key: Key, since: Since, session: &Session) -> Arc<Resume> {
        let mut state = self.state.lock();
        let last = state.known.remove(&key);
        let confirmed = last.as_ref().map(|last| last.confirmed.lock().clone());
        let resume = Arc::new(Resume {
            key,
            number: last
                .as_ref()
                .map_or(0, |last| last.number)
                .saturating_add(1),
            is_changed: AtomicBool::new(false),
            is_listed: AtomicBool::new(false),
            session: Mutex::new(Some(session.clone())),
            confirmed: Mutex::new(confirmed.unwrap_or_else(|| Confirmed {
                topics: HashMap::default(),
                since,
            })),
        });
        state.known.insert(key, resume.clone());
        state.list(&resume);
        drop(state);
        if let Some(session) = last.and_then(|last| last.session.lock().take()) {
            session.connection().drop_all();
        }
        resume
    }

    /// Ends a session. Keeps its positions if the client may come back.
    pub(crate) fn end(&self, resume: &Arc<Resume>, may_come_back: bool, now_ms: u64) {
        resume.session.lock().take();
        let mut state = self.state.lock();
        let known = state.known.get(&resume.key);
        if known.is_some_and(|known| Arc::ptr_eq(known, resume)) {
            if may_come_back {
                state.ended_topics += resume.confirmed.lock().shrink();
                state.ended.push_back((now_ms, resume.clone()));
                state.list(resume);
            } else {
                state.known.remove(&resume.key);
            }
        }
        state.forget_before(now_ms.saturating_sub(MEMORY_MS));
    }

    /// Records that the log has begun a new epoch: no client knows a position of it.
    pub(super) fn begin_epoch(&self) {
        let known: Vec<_> = self.state.lock().known.values().cloned().collect();
        for resume in known {
            resume.confirmed.lock().forget();
        }
    }

    /// Records the positions of a session that has ended at another node, unless a later one is known here.
    pub(super) fn put(&self, key: Key, number: u32, confirmed: Confirmed) {
        let mut state = self.state.lock();
        if state
            .known
            .get(&key)
            .is_some_and(|known| known.number >= number)
        {
            return;
        }
        let resume = Arc::new(Resume {
            key,
            number,
            is_changed: AtomicBool::new(false),
            is_listed: AtomicBool::new(false),
            session: Mutex::new(None),
            confirmed: Mutex::new(confirmed),
        });
        // The client's session begins at once. Otherwise `forget_before` would have to know it.
        state.known.insert(key, resume);
    }

    /// Records the positions of a session that has ended, for as long as its client may come back.
    pub(super) fn put_ended(&self, key: Key, number: u32, confirmed: Confirmed, now_ms: u64) {
        self.put(key, number, confirmed);
        let mut state = self.state.lock();
        if let Some(resume) = state.known.get(&key).cloned() {
            state.ended_topics += resume.confirmed.lock().shrink();
            state.ended.push_back((now_ms, resume));
        }
    }

    /// Returns the number of a client's last session, or 0.
    pub(super) fn session_number(&self, key: Key) -> u32 {
        let state = self.state.lock();
        state.known.get(&key).map_or(0, |known| known.number)
    }

    /// Records that a session has subscribed or unsubscribed.
    pub(crate) fn list(&self, resume: &Arc<Resume>) {
        // Also if it is listed: the save that takes it from the list may be under way, and have taken the last change.
        resume.change();
        // Only the first change since the last save needs the lock.
        if !resume.is_listed.load(Ordering::Acquire) {
            self.state.lock().list(resume);
        }
    }

    /// Takes the sessions to save. The first call takes all.
    pub(super) fn take(&self, wanted: Unsaved) -> Vec<Arc<Resume>> {
        let mut state = self.state.lock();
        let listed = state.listed.replace(Vec::new());
        let mut taken = match listed.filter(|_| wanted == Unsaved::Listed) {
            Some(listed) => listed,
            None => state.known.values().cloned().collect(),
        };
        drop(state);
        taken.retain(|resume| {
            resume.is_listed.store(false, Ordering::Release);
            resume.is_changed.swap(false, Ordering::AcqRel) || wanted == Unsaved::All
        });
        taken
    }

    /// Returns the number of values whose positions are known.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().known.len()
    }
}

impl State {
    fn list(&mut self, resume: &Arc<Resume>) {
        resume.change();
        if !resume.is_listed.swap(true, Ordering::AcqRel)
            && let Some(listed) = &mut self.listed
        {
            listed.push(resume.clone());
        }
    }

    /// Forgets the sessions that ended before a time, and the oldest ones beyond the limits.
    fn forget_before(&mut self, oldest_ms: u64) {
        while let Some((ended_ms, _)) = self.ended.front()
            && (*ended_ms < oldest_ms
                || self.ended.len() > ENDED_MAX
                || self.ended_topics > ENDED_TOPICS_MAX)
            && let Some((_, resume)) = self.ended.pop_front()
        {
            self.ended_topics -= resume.confirmed.lock().topics.len();
            let known = self.known.get(&resume.key);
            if known.is_some_and(|known| Arc::ptr_eq(known, &resume)) {
                self.known.remove(&resume.key);
            }
        }
    }
}

impl Confirmed {
    /// Limits the memory for an ended session. Returns the number of its topics.
    fn shrink(&mut self) -> usize {
        if self.topics.len() > ENDED_TOPICS_OF_ONE_MAX {
            self.topics = HashMap::default();
            self.since = Since::Unknown;
        }
        self.topics.len()
    }

    /// Returns no positions. The client is told of gaps.
    pub(super) fn unknown() -> Self {
        Self {
            topics: HashMap::default(),
            since: Since::Unknown,
        }
    }

    /// Forgets all positions. The client is told of gaps.
    pub(super) fn forget(&mut self) {
        for known in self
            .topics
            .values_mut()
            .filter(|known| **known != UNSUBSCRIBED)
        {
            *known = GAP;
        }
        self.since = Since::Unknown;
    }

    fn unsubscribe(&mut self, topic: &str) {
        let mark = topic_mark(topic);
        match self.since {
            // Then it is the same as an unknown topic.
            Since::Now => self.topics.remove(&mark),
            _ => self.topics.insert(mark, UNSUBSCRIBED),
        };
        if self.topics.len() > TOPICS_MAX {
            self.topics.retain(|_, known| *known != UNSUBSCRIBED);
            self.since = Since::Unknown;
        }
    }
}

impl Resume {
    /// Returns the hash of the resume value.
    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// Returns where a subscription begins. `at` returns the position behind a sequence number.
    pub(crate) fn since(&self, topic: &str, at: impl FnOnce(u64) -> Position) -> Since {
        let confirmed = self.confirmed.lock();
        match confirmed.topics.get(&topic_mark(topic)) {
            Some(&UNSUBSCRIBED) => Since::Now,
            Some(&GAP) => Since::Unknown,
            Some(&sequence) => Since::Position(at(sequence)),
            None => confirmed.since,
        }
    }

    /// Records where a subscription begins. After a gap, the next connection hears of a gap again until this one
    /// confirms something of the topic.
    pub(crate) fn subscribe(&self, topic: &str, after: u64, has_gap: bool) {
        let known = if has_gap { GAP } else { after };
        let mut confirmed = self.confirmed.lock();
        confirmed.topics.insert(topic_mark(topic), known);
    }

    pub(crate) fn unsubscribe(&self, topic: &str) {
        self.confirmed.lock().unsubscribe(topic);
    }

    fn change(&self) {
        // A swap, so that this call is before the swap of a save, or sees that the save has emptied the list.
        self.is_changed.swap(true, Ordering::AcqRel);
    }

    /// Records the answer to a ping: the client has the events of the topic with this mark, up to `sequence`.
    pub(crate) fn confirm(&self, mark: u64, sequence: u64) {
        self.change();
        if let Some(known) = self.confirmed.lock().topics.get_mut(&mark) {
            *known = match *known {
                GAP => sequence,
                known => sequence.max(known),
            };
        }
    }
}
