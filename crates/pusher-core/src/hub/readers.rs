//! The sessions of one shard that read from the log: those that have missed events, slow consumers, and event streams.
//!
//! The flusher reads for them, a chunk for each in turn, so a session that reads much does not delay the others. A
//! session waits in the queue only while its outbox is empty. Its own task puts it back when it has sent everything.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::connection::{Session, SessionId, Topic};

#[derive(Debug, Default)]
pub(super) struct Readers {
    state: Mutex<State>,
    /// Notified when the queue is empty, and all that was read is sent.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    readers: HashMap<SessionId, Reader, RandomState>,
    /// The sessions to read for, in order.
    queue: VecDeque<SessionId>,
    /// The flusher reads for sessions that it has taken from the queue.
    is_busy: bool,
}

#[derive(Debug)]
struct Reader {
    session: Session,
    source: Source,
    is_queued: bool,
}

/// The part of the log that a session reads.
#[derive(Debug)]
enum Source {
    /// Topics of a WAMP session, one after the other. The shard knows the progress of each.
    Topics(IndexSet<Topic, RandomState>),
    /// All topics of an event stream together, behind a sequence number.
    Stream {
        topics: Arc<[Topic]>,
        after: u64,
        /// The stream sends its position after the next read.
        reports: bool,
    },
}

/// The next part of the log to read for a session.
#[derive(Debug)]
pub(super) enum Next {
    Topic(Topic),
    Stream {
        topics: Arc<[Topic]>,
        after: u64,
        reports: bool,
    },
}

impl Readers {
    /// Makes a session read a topic from the log.
    pub(super) fn add_topic(&self, session: &Session, topic: &Topic) {
        let mut state = self.state.lock();
        let reader = state.reader(session, || Source::Topics(IndexSet::default()));
        if let Source::Topics(topics) = &mut reader.source {
            topics.insert(topic.clone());
        }
        session.connection().set_reads_log(true);
        state.enqueue(session);
    }

    /// Makes a session read topics as an event stream.
    pub(super) fn add_stream(&self, session: &Session, topics: Arc<[Topic]>, after: u64) {
        let mut state = self.state.lock();
        state.reader(session, || Source::Stream {
            topics,
            after,
            reports: false,
        });
        session.connection().set_reads_log(true);
        state.enqueue(session);
    }

    /// Puts an event stream into the queue. It sends its position after that read.
    pub(super) fn report_position(&self, session: &Session) {
        let mut state = self.state.lock();
        let reader = state.readers.get_mut(&session.id());
        if let Some(Reader {
            source: Source::Stream { reports, .. },
            ..
        }) = reader
        {
            *reports = true;
        }
        state.enqueue(session);
    }

    /// Puts a session into the queue, if it reads from the log.
    pub(super) fn enqueue(&self, session: &Session) {
        self.state.lock().enqueue(session);
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().readers.len()
    }

    /// Waits until there is nothing to read for any session whose outbox is empty.
    pub(super) async fn queue_is_empty(&self) {
        loop {
            // Created before the check: `notify_waiters` only wakes futures that exist already.
            let emptied = self.emptied.notified();
            let is_empty = {
                let state = self.state.lock();
                state.queue.is_empty() && !state.is_busy
            };
            if is_empty {
                return;
            }
            emptied.await;
        }
    }

    pub(super) fn has_queue(&self) -> bool {
        !self.state.lock().queue.is_empty()
    }

    /// Takes the next session from the queue.
    pub(super) fn next(&self) -> Option<(Session, Next)> {
        let mut state = self.state.lock();
        while let Some(id) = state.queue.pop_front() {
            // The session may have ended.
            let Some(reader) = state.readers.get_mut(&id) else {
                continue;
            };
            reader.is_queued = false;
            let next = match &mut reader.source {
                Source::Stream {
                    topics,
                    after,
                    reports,
                } => Next::Stream {
                    topics: topics.clone(),
                    after: *after,
                    reports: std::mem::take(reports),
                },
                Source::Topics(topics) => match topics.first() {
                    Some(topic) => Next::Topic(topic.clone()),
                    None => continue,
                },
            };
            let session = reader.session.clone();
            state.is_busy = true;
            return Some((session, next));
        }
        None
    }

    /// Records that everything is sent that was read.
    pub(super) fn end_turn(&self) {
        let mut state = self.state.lock();
        state.is_busy = false;
        if state.queue.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Records that a session has read a chunk of a topic. If it has read everything, it no longer reads the topic.
    pub(super) fn topic_was_read(&self, session: &Session, topic: &Topic, is_done: bool) {
        let mut state = self.state.lock();
        let Some(reader) = state.readers.get_mut(&session.id()) else {
            return;
        };
        let Source::Topics(topics) = &mut reader.source else {
            return;
        };
        topics.swap_remove(topic);
        if !is_done {
            // Behind the others.
            topics.insert(topic.clone());
        } else if topics.is_empty() {
            state.readers.remove(&session.id());
            session.connection().set_reads_log(false);
        }
    }

    /// Records how far an event stream has read.
    pub(super) fn stream_was_read(&self, session: &Session, until: u64) {
        let mut state = self.state.lock();
        let reader = state.readers.get_mut(&session.id());
        if let Some(Reader {
            source: Source::Stream { after, .. },
            ..
        }) = reader
        {
            *after = until;
        }
    }

    pub(super) fn remove(&self, session: &Session) {
        if session.connection().reads_log() {
            self.state.lock().readers.remove(&session.id());
        }
    }
}

impl State {
    fn reader(&mut self, session: &Session, source: impl FnOnce() -> Source) -> &mut Reader {
        let reader = self.readers.entry(session.id());
        reader.or_insert_with(|| Reader {
            session: session.clone(),
            source: source(),
            is_queued: false,
        })
    }

    fn enqueue(&mut self, session: &Session) {
        let reader = self.readers.get_mut(&session.id());
        if let Some(reader) = reader.filter(|reader| !reader.is_queued) {
            reader.is_queued = true;
            self.queue.push_back(session.id());
        }
    }
}
