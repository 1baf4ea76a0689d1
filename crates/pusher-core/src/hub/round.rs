//! One round of a topic: the same events to all its subscribers.

use std::sync::Arc;

use smallvec::SmallVec;

use super::batch::{BATCH_MAX, Batches};
use super::mailbox::Delivery;
use super::sessions::{ById, Sessions};
use super::shard::Shard;
use super::subscribers::RoundSubscribers;
use super::writes::{Form, TopicWrite, writes};
use crate::config::{LiveOptions, SlowPolicy, slow_policy_of};
use crate::connection::{Behind, Dialect, DropPolicy, Encoding, OverflowRule, Session, Topic};
use crate::stats::{FanOut, Gap};

/// Fewest subscribers for which a batch is faster than single sends.
const BATCH_MIN: usize = 4;

/// Connections whose cache lines are prefetched together.
const PREFETCH_COUNT: usize = 8;

#[derive(Debug)]
pub(super) struct Round {
    pub(super) topic: Topic,
    /// Bytes that the round removes from the backlog.
    pub(super) len: usize,
    /// Set if events of the topic may be dropped for slow consumers.
    drop_policy: Option<DropPolicy>,
    /// Shortest text that is compressed, in bytes.
    compression_len_min: Option<usize>,
    rows: Vec<Row>,
}

/// The live subscribers with one encoding. Rows are served from the last to the first.
#[derive(Debug)]
struct Row {
    encoding: Encoding,
    writes: Vec<TopicWrite>,
    subscribers: Arc<Sessions>,
    /// Index of the next subscriber.
    next: usize,
}

impl Round {
    /// Begins a round with some events of a topic, oldest first, of `len` bytes together.
    pub(super) fn begin(shard: &Shard, topic: Topic, events: &[Delivery], len: usize) -> Self {
        let sequence = |event: Option<&Delivery>| event.map_or(0, |event| event.sequence);
        let (first, last) = (sequence(events.first()), sequence(events.last()));
        let common = shard.connections();
        let RoundSubscribers { live, late } = shard.begin_round(&topic, first, last);
        let (drop_policy, compression_len_min) = {
            let options = common.live.options();
            (drop_policy(&options, &topic), options.compression_len_min)
        };
        let mut round = Self {
            rows: Vec::with_capacity(live.len()),
            drop_policy,
            compression_len_min,
            topic,
            len,
        };
        for (encoding, subscribers) in live {
            round.rows.push(Row {
                encoding,
                writes: writes(events, round.form_of(encoding), &common.counters),
                subscribers,
                next: 0,
            });
        }
        for (session, after) in late {
            let missing = events.partition_point(|event| event.sequence <= after);
            let form = round.form_of(session.connection().encoding());
            let writes = writes(&events[missing..], form, &common.counters);
            round.write_all(shard, &writes, &session);
        }
        round
    }

    /// Returns the form in which events are written to the sessions with an encoding.
    fn form_of(&self, encoding: Encoding) -> Form {
        let Encoding {
            dialect,
            may_compress,
        } = encoding;
        Form {
            dialect,
            has_pings: dialect == Dialect::WampResumed && self.drop_policy.is_none(),
            compression_len_min: self.compression_len_min.filter(|_| may_compress),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes to the next subscribers, with about `writes_max` writes at most. Returns the number of writes, where a
    /// large write counts as several ([`TopicWrite::cost`]).
    pub(super) fn run(&mut self, shard: &Shard, batches: &mut Batches, writes_max: usize) -> usize {
        let mut count = 0;
        while count < writes_max
            && let Some(mut row) = self.rows.pop()
        {
            count += self.run_row(shard, batches, &mut row, writes_max - count);
            if row.next < row.subscribers.len() {
                self.rows.push(row);
            }
        }
        count.min(writes_max)
    }

    fn run_row(
        &self,
        shard: &Shard,
        batches: &mut Batches,
        row: &mut Row,
        writes_max: usize,
    ) -> usize {
        // After the round began, sessions may have unsubscribed, or fallen behind.
        let is_unchanged = shard.is_unchanged(&self.topic, row.encoding, &row.subscribers);
        let is_live = |session: &Session| is_unchanged || shard.is_live(&self.topic, session);
        let mut deliveries = Deliveries::default();
        let count = self.run_batch(shard, batches, row, writes_max, is_live, &mut deliveries);
        let count = count
            .unwrap_or_else(|| self.run_writes(shard, row, writes_max, is_live, &mut deliveries));
        deliveries.count(&shard.fan_out);
        count
    }

    /// Writes to each subscriber with system calls of its own.
    fn run_writes(
        &self,
        shard: &Shard,
        row: &mut Row,
        writes_max: usize,
        is_live: impl Fn(&Session) -> bool,
        deliveries: &mut Deliveries,
    ) -> usize {
        let mut count = 0;
        while count < writes_max
            && let Some(session) = next(&row.subscribers, &mut row.next)
        {
            if !is_live(session) {
                continue;
            }
            if row.encoding.dialect == Dialect::EventStream {
                shard.readers.enqueue(session);
                count += 1;
                continue;
            }
            count += self.write(shard, &row.writes, session, deliveries);
        }
        count
    }

    /// Writes to several subscribers with one system call. `None` if that is not possible.
    fn run_batch(
        &self,
        shard: &Shard,
        batches: &mut Batches,
        row: &mut Row,
        writes_max: usize,
        is_live: impl Fn(&Session) -> bool,
        deliveries: &mut Deliveries,
    ) -> Option<usize> {
        let [write] = &*row.writes else {
            return None;
        };
        if write.events == 0 || row.subscribers.len() - row.next < BATCH_MIN {
            return None;
        }
        let mut batch = batches.begin()?;
        // Chosen before the first outbox is locked, because `is_live` takes a lock.
        let mut sessions: SmallVec<[&Session; BATCH_MAX]> = SmallVec::new();
        let mut count = 0;
        while count < writes_max
            && let Some(session) = next(&row.subscribers, &mut row.next)
        {
            if write.is_for(session) && is_live(session) {
                count += write.cost();
                sessions.push(session);
            }
        }
        let mut settle = |session: &Session, sent| {
            self.settle(shard, session, write, sent, deliveries);
        };
        let rule = self.overflow_rule(write);
        for session in sessions {
            if !batch.add(session, &write.frames, rule) {
                batch.submit(&mut settle);
                let sent = session.connection().send_events(&write.frames, rule);
                settle(session, sent);
            }
        }
        batch.submit(&mut settle);
        Some(count)
    }

    /// Writes outside a row.
    fn write_all(&self, shard: &Shard, writes: &[TopicWrite], session: &Session) {
        let mut deliveries = Deliveries::default();
        self.write(shard, writes, session, &mut deliveries);
        deliveries.count(&shard.fan_out);
    }

    fn write(
        &self,
        shard: &Shard,
        writes: &[TopicWrite],
        session: &Session,
        deliveries: &mut Deliveries,
    ) -> usize {
        let connection = session.connection();
        let mut count = 0;
        for write in writes.iter().filter(|write| write.is_for(session)) {
            if write.events == 0 && connection.is_open() {
                shard.connections().counters.gaps.count(Gap::SharedLog);
            }
            let sent = connection.send_events(&write.frames, self.overflow_rule(write));
            if !self.settle(shard, session, write, sent, deliveries) {
                return count;
            }
            count += write.cost();
        }
        count
    }

    /// Returns the rule for the bytes that a socket does not accept.
    fn overflow_rule<'a>(&'a self, write: &TopicWrite) -> OverflowRule<'a> {
        match &self.drop_policy {
            // A gap: not droppable. The connection may end, because its client cannot be told within a session.
            _ if write.events == 0 => OverflowRule::Queue,
            Some(policy) => OverflowRule::Drop(policy),
            None if write.has_history => OverflowRule::ReadLog {
                topic: &self.topic,
                first: write.first,
            },
            None => OverflowRule::Queue,
        }
    }

    /// Takes the result of a write. Returns whether the session still gets its events from the fan-out.
    fn settle(
        &self,
        shard: &Shard,
        session: &Session,
        write: &TopicWrite,
        sent: Result<(), Behind>,
        deliveries: &mut Deliveries,
    ) -> bool {
        if let Err(behind) = sent {
            shard.fall_behind(session, &behind);
            return false;
        }
        let connection = session.connection();
        if self.form_of(connection.encoding()).has_pings {
            connection.expect_pong();
        }
        deliveries.events += write.events;
        deliveries.bytes += write.frames.len() as u64;
        true
    }
}

/// Returns the subscriber at `index`, and increments `index`. Prefetches the cache lines of the next connections: together
/// their cache misses overlap. One by one, each would stall before its own write.
fn next<'a>(subscribers: &'a Sessions, index: &mut usize) -> Option<&'a Session> {
    let ById(session) = subscribers.get_index(*index)?;
    if index.is_multiple_of(PREFETCH_COUNT) {
        let range = *index..(*index + PREFETCH_COUNT).min(subscribers.len());
        for ById(session) in subscribers.get_range(range).into_iter().flatten() {
            session.connection().prefetch();
        }
    }
    *index += 1;
    Some(session)
}

/// Deliveries that are not counted yet.
#[derive(Default)]
struct Deliveries {
    events: u64,
    bytes: u64,
}

impl Deliveries {
    fn count(self, fan_out: &FanOut) {
        fan_out.deliveries.add(self.events);
        fan_out.bytes.add(self.bytes);
    }
}

/// Returns the drop policy of a topic, or `None` if all its events must arrive.
fn drop_policy(options: &LiveOptions, topic: &Topic) -> Option<DropPolicy> {
    match slow_policy_of(&options.slow_policies, topic) {
        SlowPolicy::Disconnect => None,
        policy => Some(DropPolicy {
            topic: topic.clone(),
            policy,
        }),
    }
}
