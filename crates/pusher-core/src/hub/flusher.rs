//! The fan-out of one shard.
//!
//! The flusher collects the events that were published in this turn of the event loop, by topic, and writes the events
//! of a topic to each subscriber with one write.
//!
//! It writes a topic with many subscribers in slices, in turn with other topics, and yields to the event loop between
//! them. So a large topic delays neither other topics nor other tasks. Events that are published to a topic while a
//! round of it runs wait for the next round, so every subscriber gets the events of a topic in order.
//!
//! It also reads from the log for sessions that have missed events, some in each turn: see [`replay`](super::replay).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::Hub;
use super::batch::Batches;
use super::mailbox::Delivery;
use super::replay::Replay;
use super::round::Round;
use super::shard::Shard;
use crate::config::IoUring;
use crate::connection::Topic;

/// Writes before the flusher yields to the event loop. They take about 1 ms.
const WRITES_PER_TURN: usize = 128;

/// Writes for one topic before it is the next topic's turn.
const WRITES_PER_SLICE: usize = 64;

/// Writes for sessions that read from the log, in each turn. They take less than 1 ms, so new events of other topics do
/// not wait for long while many pages come back at once.
const REPLAY_WRITES_PER_TURN: usize = 64;

/// Runs the fan-out of a shard. Never returns.
///
/// It must be a task of its own. The event loop then runs it after the other tasks that were ready, so one round
/// collects the events of all of them.
pub(crate) async fn run(hub: Hub, shard: Arc<Shard>, io_uring: IoUring) {
    let mut flusher = Flusher {
        batches: Batches::open(io_uring),
        ..Flusher::default()
    };
    let mut replay = Replay::new(hub.clone());
    loop {
        flusher.turn(&hub, &shard, &mut replay);
        if !flusher.is_idle() || shard.readers.has_queue() {
            tokio::task::yield_now().await;
        } else if let Some(unsettled) = flusher.next_unsettled(&shard) {
            tokio::select! {
                () = hub.settled(unsettled) => {}
                () = shard.mailbox.arrived() => {}
            }
        } else {
            replay.rest();
            shard.mailbox.arrived().await;
        }
    }
}

#[derive(Debug, Default)]
struct Flusher {
    /// The mailbox's buffer is swapped with this one. Between two calls it is empty, unless an event in it is not settled.
    /// It keeps its capacity.
    deliveries: Vec<Delivery>,
    /// The last event of `deliveries` that has to be settled first.
    unsettled: Option<u64>,
    /// Events for the next round of their topic.
    pending: IndexMap<Topic, PendingTopic, RandomState>,
    /// Rounds under way, in the order of their next turn.
    rounds: VecDeque<Round>,
    /// The topics of `rounds`. Each topic has at most one round, which keeps its events in order.
    busy: HashSet<Topic, RandomState>,
    batches: Batches,
}

/// The events for the next round of one topic.
#[derive(Debug, Default)]
struct PendingTopic {
    events: Vec<Delivery>,
    /// Bytes that the round removes from the backlog.
    len: usize,
}

impl Flusher {
    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.rounds.is_empty()
    }

    /// Writes for one turn of the event loop.
    fn turn(&mut self, hub: &Hub, shard: &Shard, replay: &mut Replay) {
        self.take(hub, shard);
        self.start_rounds(shard);
        self.run_rounds(shard);
        shard.readers.admit(|sequence| hub.is_settled(sequence));
        replay.run(shard, REPLAY_WRITES_PER_TURN);
    }

    /// Returns an event that has to be settled before the deliveries, or a reader, can go on.
    fn next_unsettled(&self, shard: &Shard) -> Option<u64> {
        let early = shard.readers.next_early();
        self.unsettled.into_iter().chain(early).min()
    }

    /// Moves all deliveries from the mailbox to their topics, as soon as their events are settled.
    fn take(&mut self, hub: &Hub, shard: &Shard) {
        self.take_settled(hub);
        if self.deliveries.is_empty() {
            shard.mailbox.take_into(&mut self.deliveries);
            let mut deliveries = self.deliveries.iter().rev();
            let last = deliveries.find(|delivery| delivery.has_history);
            self.unsettled = last.map(|last| last.sequence);
            self.take_settled(hub);
        }
    }

    fn take_settled(&mut self, hub: &Hub) {
        if self.unsettled.is_some_and(|last| !hub.is_settled(last)) {
            return;
        }
        self.unsettled = None;
        for delivery in self.deliveries.drain(..) {
            let pending = match self.pending.get_mut(&delivery.topic) {
                Some(pending) => pending,
                None => self.pending.entry(delivery.topic.clone()).or_default(),
            };
            pending.len += delivery.frame.len();
            pending.events.push(delivery);
        }
    }

    /// Starts a round of every pending topic, except topics whose last round still runs.
    fn start_rounds(&mut self, shard: &Shard) {
        let busy = &mut self.busy;
        let startable = self
            .pending
            .extract_if(.., |topic, _| busy.insert(topic.clone()));
        for (topic, PendingTopic { events, len }) in startable {
            self.rounds
                .push_back(Round::begin(shard, topic, &events, len));
        }
    }

    fn run_rounds(&mut self, shard: &Shard) {
        let mut writes_left = WRITES_PER_TURN;
        while let Some(mut round) = self.rounds.pop_front() {
            let writes = round.run(shard, &mut self.batches, WRITES_PER_SLICE.min(writes_left));
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
}
