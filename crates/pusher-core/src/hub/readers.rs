//! The sessions of one shard that read from the log: those that have missed events, slow consumers, and event streams.
//!
//! The flusher reads for them, a chunk for each in turn, so a session that reads much does not delay the others. A
//! session waits in the queue only while its outbox is empty. Its own task puts it back when it has sent everything.
//!
//! A session that subscribes while the disk still has to write an event before its subscription is *early*. It gets into
//! the queue when that event is settled. Otherwise it could read without this event and then take itself for up to date.

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
    queue: Queue,
    /// The early sessions with the sequence numbers that they wait for, which grow.
    early: VecDeque<(u64, SessionId)>,
    /// The flusher reads for sessions that it has taken from the queue.
    is_busy: bool,
}

/// The sessions to read for. Those of one kind are served in order, and both kinds in turn, so new events of event
/// streams do not wait for thousands of pages that come back.
#[derive(Debug, Default)]
struct Queue {
    behind: VecDeque<SessionId>,
    up_to_date: VecDeque<SessionId>,
    /// The last one was taken from `behind`.
    was_behind: bool,
}

#[derive(Debug)]
struct Reader {
    session: Session,
    source: Source,
    is_queued: bool,
    /// The last sequence number that it waits for, if it is early.
    early_for: Option<u64>,
    /// Whether it has missed events. An event stream that has read everything has not.
    is_behind: bool,
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
    /// Makes a session read a topic from the log, as soon as the event with the sequence number `unsettled` is settled.
    pub(super) fn add_topic(&self, session: &Session, topic: &Topic, unsettled: Option<u64>) {
        let mut state = self.state.lock();
        let reader = state.reader(session, || Source::Topics(IndexSet::default()));
        if let Source::Topics(topics) = &mut reader.source {
            topics.insert(topic.clone());
        }
        session.connection().set_reads_log(true);
        state.enqueue_after(session, unsettled);
    }

    /// Makes a session read topics as an event stream, as soon as the event with the sequence number `unsettled` is settled.
    pub(super) fn add_stream(
        &self,
        session: &Session,
        topics: Arc<[Topic]>,
        after: u64,
        unsettled: Option<u64>,
    ) {
        let mut state = self.state.lock();
        state.reader(session, || Source::Stream {
            topics,
            after,
            reports: false,
        });
        session.connection().set_reads_log(true);
        state.enqueue_after(session, unsettled);
    }

    /// Returns the sequence number that the next early session waits for.
    pub(super) fn next_early(&self) -> Option<u64> {
        let state = self.state.lock();
        state.early.front().map(|&(unsettled, _)| unsettled)
    }

    /// Puts the early sessions into the queue whose events are settled.
    pub(super) fn admit(&self, is_settled: impl Fn(u64) -> bool) {
        let mut state = self.state.lock();
        while let Some((unsettled, id)) = state.early.pop_front_if(|(first, _)| is_settled(*first))
        {
            state.admit(unsettled, id);
        }
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

    /// Returns the sequence number up to which an event stream has read.
    pub(super) fn stream_after(&self, session: &Session) -> Option<u64> {
        match self.state.lock().readers.get(&session.id())?.source {
            Source::Stream { after, .. } => Some(after),
            Source::Topics(_) => None,
        }
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
                state.has_read()
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
        while let Some(id) = state.queue.pop() {
            // The session may have ended.
            let Some(reader) = state.readers.get_mut(&id) else {
                continue;
            };
            reader.is_queued = false;
            if reader.early_for.is_some() {
                continue;
            }
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
        if state.has_read() {
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
    pub(super) fn stream_was_read(&self, session: &Session, until: u64, has_more: bool) {
        let mut state = self.state.lock();
        let reader = state.readers.get_mut(&session.id());
        if let Some(Reader {
            source: Source::Stream { after, .. },
            is_behind,
            ..
        }) = reader
        {
            *after = until;
            *is_behind = has_more;
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
            early_for: None,
            is_behind: true,
        })
    }

    /// Whether there is nothing to read for any session whose outbox is empty.
    fn has_read(&self) -> bool {
        self.queue.is_empty() && self.early.is_empty() && !self.is_busy
    }

    fn enqueue_after(&mut self, session: &Session, unsettled: Option<u64>) {
        let Some(unsettled) = unsettled else {
            return self.enqueue(session);
        };
        if let Some(reader) = self.readers.get_mut(&session.id()) {
            reader.early_for = Some(unsettled);
            self.early.push_back((unsettled, session.id()));
        }
    }

    /// Ends the wait of a session, unless it waits for a later event, too.
    fn admit(&mut self, unsettled: u64, id: SessionId) {
        let reader = self.readers.get_mut(&id);
        if let Some(reader) = reader.filter(|reader| reader.early_for == Some(unsettled)) {
            reader.early_for = None;
            let session = reader.session.clone();
            self.enqueue(&session);
        }
    }

    fn enqueue(&mut self, session: &Session) {
        let reader = self.readers.get_mut(&session.id());
        if let Some(reader) = reader.filter(|reader| !reader.is_queued) {
            reader.is_queued = true;
            self.queue.push(session.id(), reader.is_behind);
        }
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.behind.is_empty() && self.up_to_date.is_empty()
    }

    fn push(&mut self, id: SessionId, is_behind: bool) {
        match is_behind {
            true => self.behind.push_back(id),
            false => self.up_to_date.push_back(id),
        }
    }

    fn pop(&mut self) -> Option<SessionId> {
        self.was_behind =
            !self.behind.is_empty() && (!self.was_behind || self.up_to_date.is_empty());
        match self.was_behind {
            true => self.behind.pop_front(),
            false => self.up_to_date.pop_front(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_served_in_turn() {
        let ids: Vec<_> = (0..6).map(|_| SessionId::random().unwrap()).collect();
        let mut queue = Queue::default();
        for &id in &ids[..4] {
            queue.push(id, true);
        }
        assert_eq!(queue.pop(), Some(ids[0]));
        queue.push(ids[4], false);
        queue.push(ids[5], false);
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, [ids[4], ids[1], ids[5], ids[2], ids[3]]);
        assert!(queue.is_empty());
    }
}
