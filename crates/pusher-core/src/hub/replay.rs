//! Reads from the log for the sessions of one shard.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use pusher_proto::{Position, event_stream};

use super::Hub;
use super::log::{Entry, Read};
use super::readers::Next;
use super::shard::Shard;
use super::subscribers::Progress;
use super::writes::{Framed, append_frame, append_ping, write_cost};
use crate::connection::{Dialect, Session, Topic, counted_bytes};

/// About how many bytes of the log are read for one session before it is the next session's turn.
const CHUNK_LEN: usize = 64 * 1024;

/// Most recent chunks that are kept, and most bytes of them, except for the last one. Pages that come back together have
/// missed the same events of a few topics.
const RECENT_MAX: usize = 128;
const RECENT_LEN_MAX: usize = 8 * 1024 * 1024;

/// Reads from the log, and remembers the last chunks.
pub(super) struct Replay {
    hub: Hub,
    recent: VecDeque<Chunk>,
    /// Bytes of all recent chunks.
    recent_len: usize,
}

/// Some events in the form of one dialect.
#[derive(Debug, Clone)]
struct Chunk {
    topics: Topics,
    dialect: Dialect,
    epoch: u64,
    /// Sequence number of the first event. Every session whose next event is this one can use the chunk.
    first: u64,
    /// The chunk has all events up to this sequence number. There are none between the last event and this one.
    last: u64,
    events: u64,
    bytes: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Topics {
    One(Topic),
    Several(Arc<[Topic]>),
}

impl Topics {
    fn as_slice(&self) -> &[Topic] {
        match self {
            Self::One(topic) => std::slice::from_ref(topic),
            Self::Several(topics) => topics,
        }
    }
}

impl Replay {
    pub(super) fn new(hub: Hub) -> Self {
        Self {
            hub,
            recent: VecDeque::new(),
            recent_len: 0,
        }
    }

    /// Frees the recent chunks.
    pub(super) fn rest(&mut self) {
        self.recent = VecDeque::new();
        self.recent_len = 0;
    }

    /// Reads for the next sessions, with about `writes_max` writes at most.
    pub(super) fn run(&mut self, shard: &Shard, writes_max: usize) {
        let mut writes = 0;
        while writes < writes_max
            && let Some((session, next)) = shard.readers.next()
        {
            // If the outbox is not empty, the session's task continues when it is.
            if session.connection().is_open_and_empty() {
                writes += write_cost(self.read_for(shard, &session, next));
            }
        }
        shard.readers.end_turn();
    }

    /// Reads a chunk for a session. Returns its length.
    fn read_for(&mut self, shard: &Shard, session: &Session, next: Next) -> usize {
        match next {
            Next::Topic(topic) => self.read_topic(shard, session, topic),
            Next::Stream {
                topics,
                after,
                reports,
            } => self.read_stream(shard, session, topics, after, reports),
        }
    }

    fn read_topic(&mut self, shard: &Shard, session: &Session, topic: Topic) -> usize {
        let progress = shard.progress(&topic, session);
        let Some(Progress { after, .. }) = progress.filter(|progress| progress.is_reading) else {
            // The session has unsubscribed.
            shard.readers.topic_was_read(session, &topic, true);
            shard.readers.enqueue(session);
            return 0;
        };
        let Some((chunk, has_more)) = self.chunk(Topics::One(topic.clone()), session, after) else {
            self.hub.end_with_gap(session, &topic, after);
            return 0;
        };
        let progress = Progress {
            after: chunk.last,
            is_reading: has_more,
        };
        shard.set_progress(&topic, session, progress);
        shard.readers.topic_was_read(session, &topic, !has_more);
        self.send(shard, session, &chunk);
        chunk.bytes.len()
    }

    fn read_stream(
        &mut self,
        shard: &Shard,
        session: &Session,
        topics: Arc<[Topic]>,
        after: u64,
        reports: bool,
    ) -> usize {
        let topics = match &*topics {
            [topic] => Topics::One(topic.clone()),
            _ => Topics::Several(topics),
        };
        let Some((chunk, has_more)) = self.chunk(topics.clone(), session, after) else {
            self.hub.end_with_gap(session, &topics.as_slice()[0], after);
            return 0;
        };
        shard.readers.stream_was_read(session, chunk.last, has_more);
        self.send_stream(shard, session, &chunk, has_more);
        if reports && !has_more {
            let position = event_stream::position(self.hub.position_of(chunk.last));
            session.connection().send(&position.into());
        }
        chunk.bytes.len()
    }

    fn send(&self, shard: &Shard, session: &Session, chunk: &Chunk) {
        self.count(shard, chunk);
        self.hub.count_replayed(chunk.events);
        let connection = session.connection();
        if connection.dialect() == Dialect::WampResumed && chunk.events > 0 {
            connection.expect_pong();
        }
        connection.send_chunk(&chunk.bytes);
        shard.readers.enqueue(session);
    }

    /// New events of a stream are no replay, so they do not count as one.
    fn send_stream(&self, shard: &Shard, session: &Session, chunk: &Chunk, has_more: bool) {
        self.count(shard, chunk);
        session.connection().send_chunk(&chunk.bytes);
        if has_more {
            shard.readers.enqueue(session);
        }
    }

    fn count(&self, shard: &Shard, chunk: &Chunk) {
        shard.fan_out.deliveries.add(chunk.events);
        shard.fan_out.bytes.add(chunk.bytes.len() as u64);
    }

    /// Returns the next events for a session, and whether there are more. `None` if events are missing.
    fn chunk(&mut self, topics: Topics, session: &Session, after: u64) -> Option<(Chunk, bool)> {
        let dialect = session.connection().dialect();
        // Pages that have missed the same events still present different positions.
        let (first, epoch) = self.hub.first_after(topics.as_slice(), after);
        let is_same = |chunk: &&Chunk| {
            (chunk.epoch, chunk.first, chunk.dialect) == (epoch, first, dialect)
                && chunk.topics == topics
        };
        if let Some(chunk) = self.recent.iter().find(is_same) {
            let (has_more, _) = self.hub.has_events_after(topics.as_slice(), chunk.last);
            return Some((chunk.clone(), has_more));
        }
        let (read, end) = self.hub.read(topics.as_slice(), after, CHUNK_LEN);
        let Read::Entries { entries, has_more } = read else {
            return None;
        };
        let chunk = Chunk {
            dialect,
            epoch: end.epoch,
            first: entries.first().map_or(0, |first| first.sequence),
            last: match entries.last() {
                Some(last) if has_more => last.sequence,
                // A client of a shared log may be ahead of this server.
                _ => end.sequence.max(after),
            },
            events: entries.len() as u64,
            bytes: self.encode(&topics, &entries, session, end.epoch),
            topics,
        };
        let is_for_all = !entries.iter().any(|entry| entry.is_restricted());
        // Only chunks with events: others cost nothing.
        if is_for_all && !entries.is_empty() {
            self.remember(chunk.clone());
        }
        Some((chunk, has_more))
    }

    fn remember(&mut self, chunk: Chunk) {
        self.recent_len += chunk.bytes.len();
        self.recent.push_front(chunk);
        while (self.recent.len() > RECENT_MAX || self.recent_len > RECENT_LEN_MAX)
            && self.recent.len() > 1
            && let Some(oldest) = self.recent.pop_back()
        {
            self.recent_len -= oldest.bytes.len();
        }
    }

    fn encode(
        &self,
        topics: &Topics,
        entries: &[Arc<Entry>],
        session: &Session,
        epoch: u64,
    ) -> Bytes {
        let dialect = session.connection().dialect();
        let mut bytes = Vec::with_capacity(CHUNK_LEN.min(entries.len() * 1024));
        for entry in entries.iter().filter(|entry| entry.is_for(session.id())) {
            match dialect {
                Dialect::EventStream => {
                    let sequence = entry.sequence;
                    let position = Position { epoch, sequence };
                    let topic = match topics {
                        Topics::One(_) => None,
                        Topics::Several(_) => Some(&*entry.topic),
                    };
                    event_stream::append_event(&mut bytes, position, topic, entry.event());
                }
                Dialect::Channels if let Some(form) = entry.channels() => {
                    let messages = form.iter().filter(|one| one.is_for(session.id()));
                    messages.for_each(|message| bytes.extend_from_slice(message.frame()));
                }
                _ => append_frame(&mut bytes, &Framed::from(&**entry), dialect),
            }
        }
        if let Some(last) = entries.last()
            && dialect == Dialect::WampResumed
        {
            append_ping(&mut bytes, &last.topic, last.sequence);
        }
        let capacity = bytes.capacity();
        counted_bytes(bytes, capacity, self.hub.counters())
    }
}
