//! The fan-out of one shard.
//!
//! The flusher collects the events that were published in this turn of the event loop, by topic, and writes the events
//! of a topic to each subscriber with one write.
//!
//! It writes a topic with many subscribers in slices, in turn with other topics, and yields to the event loop between
//! them. So a large topic delays neither other topics nor other tasks. Events that are published to a topic while a
//! round of it runs wait for the next round, so every subscriber gets the events of a topic in order.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::mailbox::Delivery;
use super::recipients::Recipients;
use super::shard::Shard;
use super::shard::{ById, Sessions};
use crate::config::{SlowPolicy, slow_policy_of};
use crate::connection::{Common, DropPolicy, Topic, counted_bytes};
use crate::stats::{Counters, FanOut};

/// Writes before the flusher yields to the event loop. They take about 1 ms.
const WRITES_PER_TURN: usize = 128;

/// Writes for one topic before it is the next topic's turn.
const WRITES_PER_SLICE: usize = 64;

/// Bytes that take about as long as one more write. A large write counts as several.
const WRITE_COST_LEN: usize = 16 * 1024;

/// Connections whose cache lines are prefetched together.
const PREFETCH_COUNT: usize = 8;

/// Longest write that is made of several frames, in bytes.
const COALESCED_LEN_MAX: usize = 64 * 1024;

/// Runs the fan-out of a shard. Never returns.
///
/// It must be a task of its own. The event loop then runs it after the other tasks that were ready, so one round
/// collects the events of all of them.
pub(crate) async fn run(shard: Arc<Shard>) {
    let mut flusher = Flusher::default();
    loop {
        shard.mailbox.arrived().await;
        flusher.take(&shard);
        flusher.flush_some(&shard);
        while !flusher.is_idle() {
            tokio::task::yield_now().await;
            flusher.take(&shard);
            flusher.flush_some(&shard);
        }
    }
}

#[derive(Debug, Default)]
struct Flusher {
    /// The mailbox's buffer is swapped with this one. Empty between two calls, it keeps its capacity.
    deliveries: Vec<Delivery>,
    /// Events for the next round of their topic.
    pending: IndexMap<Topic, PendingTopic, RandomState>,
    /// Rounds under way, in the order of their next turn.
    rounds: VecDeque<Round>,
    /// The topics of `rounds`. Each topic has at most one round, which keeps its events in order.
    busy: HashSet<Topic, RandomState>,
}

/// The events for the next round of one topic.
#[derive(Debug, Default)]
struct PendingTopic {
    writes: Vec<PendingWrite>,
    /// Bytes that the round removes from the backlog.
    len: usize,
}

/// Frames that become one [`TopicWrite`].
#[derive(Debug)]
struct PendingWrite {
    frames: Frames,
    events: u64,
    recipients: Option<Arc<Recipients>>,
}

#[derive(Debug)]
enum Frames {
    /// One event. Not copied: all shards share the bytes.
    One(Bytes),
    /// Several events, copied into one buffer.
    Many(BytesMut),
}

/// One write to each subscriber, or to each of the recipients.
#[derive(Debug)]
struct TopicWrite {
    frames: Bytes,
    events: u64,
    recipients: Option<Arc<Recipients>>,
}

/// One round of a topic: the same writes to all its subscribers.
#[derive(Debug)]
struct Round {
    topic: Topic,
    /// Set if events of the topic may be dropped for slow consumers.
    drop_policy: Option<DropPolicy>,
    writes: Vec<TopicWrite>,
    len: usize,
    subscribers: Arc<Sessions>,
    /// Index of the next subscriber.
    next: usize,
}

impl Flusher {
    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.rounds.is_empty()
    }

    /// Moves all deliveries from the mailbox to their topics.
    fn take(&mut self, shard: &Shard) {
        shard.mailbox.take_into(&mut self.deliveries);
        for delivery in self.deliveries.drain(..) {
            let pending = self.pending.entry(delivery.topic).or_default();
            pending.add(delivery.frame, delivery.recipients);
        }
    }

    /// Writes for one turn of the event loop.
    fn flush_some(&mut self, shard: &Shard) {
        self.start_rounds(shard);
        let mut writes_left = WRITES_PER_TURN;
        while let Some(mut round) = self.rounds.pop_front() {
            let writes = round.run(WRITES_PER_SLICE.min(writes_left), &shard.fan_out);
            if round.is_done() {
                self.busy.remove(&round.topic);
                shard.mailbox.backlog.remove(round.len);
            } else {
                self.rounds.push_back(round);
            }
            writes_left -= writes;
            if writes_left == 0 {
                return;
            }
        }
    }

    /// Starts a round of every pending topic, except topics whose last round still runs.
    fn start_rounds(&mut self, shard: &Shard) {
        let busy = &mut self.busy;
        let startable = self
            .pending
            .extract_if(.., |topic, _| busy.insert(topic.clone()));
        for (topic, pending) in startable {
            let common = shard.connections();
            let freeze = |write: PendingWrite| write.freeze(&common.counters);
            self.rounds.push_back(Round {
                subscribers: shard.subscribers(&topic),
                drop_policy: drop_policy(common, &topic),
                topic,
                len: pending.len,
                writes: pending.writes.into_iter().map(freeze).collect(),
                next: 0,
            });
        }
    }
}

impl PendingTopic {
    /// Adds a frame to the last write, or as a write of its own if it goes to other recipients or does not fit.
    fn add(&mut self, frame: Bytes, recipients: Option<Arc<Recipients>>) {
        self.len += frame.len();
        if let Some(last) = self.writes.last_mut()
            && last.recipients.is_none()
            && recipients.is_none()
            && last.frames.len() + frame.len() <= COALESCED_LEN_MAX
        {
            last.frames.append(&frame);
            last.events += 1;
            return;
        }
        self.writes.push(PendingWrite {
            frames: Frames::One(frame),
            events: 1,
            recipients,
        });
    }
}

impl PendingWrite {
    fn freeze(self, counters: &Arc<Counters>) -> TopicWrite {
        TopicWrite {
            frames: self.frames.freeze(counters),
            events: self.events,
            recipients: self.recipients,
        }
    }
}

impl Frames {
    fn len(&self) -> usize {
        match self {
            Self::One(frame) => frame.len(),
            Self::Many(frames) => frames.len(),
        }
    }

    fn append(&mut self, frame: &[u8]) {
        if let Self::One(first) = self {
            // Twice the length, because more events probably follow.
            let mut frames = BytesMut::with_capacity(2 * (first.len() + frame.len()));
            frames.extend_from_slice(first);
            *self = Self::Many(frames);
        }
        if let Self::Many(frames) = self {
            frames.extend_from_slice(frame);
        }
    }

    fn freeze(self, counters: &Arc<Counters>) -> Bytes {
        match self {
            Self::One(frame) => frame,
            Self::Many(frames) => {
                let capacity = frames.capacity();
                counted_bytes(frames, capacity, counters)
            }
        }
    }
}

impl Round {
    fn is_done(&self) -> bool {
        self.next == self.subscribers.len()
    }

    /// Prefetches the cache lines of the next connections. Together their cache misses overlap. One by one, each would
    /// stall before its own system call.
    fn prefetch_next(&self) {
        let next = self.next..(self.next + PREFETCH_COUNT).min(self.subscribers.len());
        for ById(session) in self.subscribers.get_range(next).into_iter().flatten() {
            session.connection().prefetch();
        }
    }

    /// Writes to the next subscribers, with about `writes_max` writes at most. Returns the number of writes, where a
    /// large write counts as several ([`WRITE_COST_LEN`]).
    fn run(&mut self, writes_max: usize, fan_out: &FanOut) -> usize {
        let mut writes = 0;
        let (mut deliveries, mut bytes) = (0, 0);
        while let Some(ById(session)) = self.subscribers.get_index(self.next)
            && writes < writes_max
        {
            if self.next.is_multiple_of(PREFETCH_COUNT) {
                self.prefetch_next();
            }
            for write in &self.writes {
                let recipients = write.recipients.as_ref();
                if recipients.is_none_or(|r| r.include(session.id())) {
                    match &self.drop_policy {
                        None => session.connection().send(&write.frames),
                        Some(policy) => session.connection().send_droppable(&write.frames, policy),
                    }
                    writes += 1 + write.frames.len() / WRITE_COST_LEN;
                    deliveries += write.events;
                    bytes += write.frames.len() as u64;
                }
            }
            self.next += 1;
        }
        fan_out.deliveries.add(deliveries);
        fan_out.bytes.add(bytes);
        writes.min(writes_max)
    }
}

/// Returns the drop policy of a topic, or `None` if all its events must arrive.
fn drop_policy(common: &Common, topic: &Topic) -> Option<DropPolicy> {
    match slow_policy_of(&common.live.options().slow_policies, topic) {
        SlowPolicy::Disconnect => None,
        policy => Some(DropPolicy {
            topic: topic.clone(),
            policy,
        }),
    }
}
