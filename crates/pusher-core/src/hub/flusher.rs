//! The fan-out of one shard: gathers what was published in this turn of the event loop, topic by
//! topic, and writes it to every subscriber with one write.
//!
//! A topic with many subscribers is written in slices, in turn with the others, and the event loop
//! goes round in between: nobody waits for a large topic. What is published to a topic while it is
//! being written waits for its next round, so that its order stays.

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
use crate::connection::{Common, Optional};
use crate::connection::{Topic, share};
use crate::stats::{Counters, FanOut};

/// Writes to sockets before the event loop goes round again: about 1 ms.
const SENDS_A_TURN: usize = 128;

/// Writes for one topic before the next topic's turn.
const SENDS_A_SLICE: usize = 64;

/// So many bytes take about as long as another write.
const SEND_LEN: usize = 16 * 1024;

/// Connections that come from memory together, before they are written to.
const FETCHED_AHEAD: usize = 8;

/// Frames of a topic are put together up to this length, in bytes.
const GATHERED_LEN_MAX: usize = 64 * 1024;

/// Works until it is dropped. Must be a task of its own: then its turn comes after everything else
/// that was ready in this turn of the event loop, which may publish too.
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
    /// Taken from the mailbox; empty but for its memory.
    deliveries: Vec<Delivery>,
    /// To be written, by topic.
    gathered: IndexMap<Topic, Gathered, RandomState>,
    /// Being written, in turn.
    jobs: VecDeque<Job>,
    /// The jobs' topics: each has at most one.
    busy: HashSet<Topic, RandomState>,
}

/// What one topic's subscribers are to get.
#[derive(Debug, Default)]
struct Gathered {
    parts: Vec<Part>,
    len: usize,
}

/// What becomes one write.
#[derive(Debug)]
struct Part {
    frames: Frames,
    events: u64,
    recipients: Option<Arc<Recipients>>,
}

#[derive(Debug)]
enum Frames {
    /// A single event, as it came.
    One(Bytes),
    /// Several, put together.
    Many(BytesMut),
}

/// One write.
#[derive(Debug)]
struct Batch {
    frames: Bytes,
    events: u64,
    recipients: Option<Arc<Recipients>>,
}

/// One topic's round: these frames to these subscribers.
#[derive(Debug)]
struct Job {
    topic: Topic,
    /// If its events may be left out for those who are slow.
    optional: Option<Optional>,
    batches: Vec<Batch>,
    len: usize,
    subscribers: Arc<Sessions>,
    next: usize,
}

impl Flusher {
    fn is_idle(&self) -> bool {
        self.gathered.is_empty() && self.jobs.is_empty()
    }

    /// Takes over what the mailbox has.
    fn take(&mut self, shard: &Shard) {
        shard.mailbox.take_into(&mut self.deliveries);
        for delivery in self.deliveries.drain(..) {
            let gathered = self.gathered.entry(delivery.topic).or_default();
            gathered.add(delivery.frame, delivery.recipients);
        }
    }

    /// Writes for about one turn of the event loop.
    fn flush_some(&mut self, shard: &Shard) {
        self.start_jobs(shard);
        let mut sends_left = SENDS_A_TURN;
        while let Some(mut job) = self.jobs.pop_front() {
            let sends = job.run(SENDS_A_SLICE.min(sends_left), &shard.fan_out);
            if job.is_done() {
                self.busy.remove(&job.topic);
                shard.mailbox.backlog.remove(job.len);
            } else {
                self.jobs.push_back(job);
            }
            sends_left -= sends;
            if sends_left == 0 {
                return;
            }
        }
    }

    /// Starts the round of every topic whose last round is over.
    fn start_jobs(&mut self, shard: &Shard) {
        let busy = &mut self.busy;
        let startable = self
            .gathered
            .extract_if(.., |topic, _| busy.insert(topic.clone()));
        for (topic, gathered) in startable {
            let common = shard.connections();
            let freeze = |part: Part| part.freeze(&common.counters);
            self.jobs.push_back(Job {
                subscribers: shard.subscribers(&topic),
                optional: optional(common, &topic),
                topic,
                len: gathered.len,
                batches: gathered.parts.into_iter().map(freeze).collect(),
                next: 0,
            });
        }
    }
}

impl Gathered {
    fn add(&mut self, frame: Bytes, recipients: Option<Arc<Recipients>>) {
        self.len += frame.len();
        if let Some(last) = self.parts.last_mut()
            && last.recipients.is_none()
            && recipients.is_none()
            && last.frames.len() + frame.len() <= GATHERED_LEN_MAX
        {
            last.frames.append(&frame);
            last.events += 1;
            return;
        }
        self.parts.push(Part {
            frames: Frames::One(frame),
            events: 1,
            recipients,
        });
    }
}

impl Part {
    fn freeze(self, counters: &Arc<Counters>) -> Batch {
        Batch {
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
                share(frames, capacity, counters)
            }
        }
    }
}

impl Job {
    fn is_done(&self) -> bool {
        self.next == self.subscribers.len()
    }

    /// Has the next connections fetched from memory all at once. Each system call waits for what is
    /// on its way from there, so one after the other they would take longer.
    fn fetch_ahead(&self) {
        let next = self.next..(self.next + FETCHED_AHEAD).min(self.subscribers.len());
        for ById(session) in self.subscribers.get_range(next).into_iter().flatten() {
            session.connection().fetch();
        }
    }

    /// Serves the next subscribers with at most about `sends_max` writes; returns how many, or as
    /// many as would have taken as long.
    fn run(&mut self, sends_max: usize, fan_out: &FanOut) -> usize {
        let mut sends = 0;
        let (mut deliveries, mut bytes) = (0, 0);
        while let Some(ById(session)) = self.subscribers.get_index(self.next)
            && sends < sends_max
        {
            if self.next.is_multiple_of(FETCHED_AHEAD) {
                self.fetch_ahead();
            }
            for batch in &self.batches {
                let recipients = batch.recipients.as_ref();
                if recipients.is_none_or(|r| r.include(session.id())) {
                    match &self.optional {
                        None => session.connection().send(&batch.frames),
                        Some(optional) => {
                            session.connection().send_optional(&batch.frames, optional);
                        }
                    }
                    sends += 1 + batch.frames.len() / SEND_LEN;
                    deliveries += batch.events;
                    bytes += batch.frames.len() as u64;
                }
            }
            self.next += 1;
        }
        fan_out.deliveries.add(deliveries);
        fan_out.bytes.add(bytes);
        sends.min(sends_max)
    }
}

/// What a topic's events are to those who are slow, if they may be left out.
fn optional(common: &Common, topic: &Topic) -> Option<Optional> {
    match slow_policy_of(&common.live.options().slow_policies, topic) {
        SlowPolicy::Disconnect => None,
        policy => Some(Optional {
            topic: topic.clone(),
            policy,
        }),
    }
}
