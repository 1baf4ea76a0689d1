//! The log: the last events of all topics, in memory, in the order of their sequence numbers.
//!
//! The log is behind the directory's lock, so an event gets its sequence number, its place in the log and its places in
//! the mailboxes in one step.
//!
//! # Complete or gap
//! A reader that has everything of a topic up to a sequence number gets all later events, or a gap: never a part. Each
//! topic has a watermark, the sequence number of its last dropped event. The log is complete for a reader whose number
//! is at or above the watermark.

mod busiest;
mod entry;
mod handed_over;
#[cfg(test)]
mod tests;
mod topic_log;
mod watermarks;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;
use pusher_proto::Position;

use crate::config::{Limits, LiveOptions};
use crate::connection::Topic;
use crate::stats::Gap;
use topic_log::TopicLog;
use watermarks::Watermarks;

pub(super) use entry::{Entry, NewEvent};

/// Watermarks that are kept for topics without events in the log.
const WATERMARKS_MAX: usize = 20_000;

/// Time of the start of the server on the log's clock, in ms. Events of the last run are older.
pub(super) const CLOCK_START_MS: u64 = 1 << 40;

/// Items of `order` beyond twice the entries, before the stale ones are removed. Unit tests reach it with 0.
const STALE_SLACK: usize = if cfg!(test) { 0 } else { 1024 };

#[derive(Debug)]
pub(super) struct Log {
    epoch: u64,
    /// Sequence number of the newest event. 0 before the first one.
    top: u64,
    /// The log has no events up to this sequence number, because it began behind it.
    begin: u64,
    topics: HashMap<Topic, TopicLog, RandomState>,
    /// Topic and sequence number of every entry, oldest first. May have items of entries that are dropped already.
    order: VecDeque<(u64, Topic)>,
    /// Number of entries.
    count: usize,
    /// Bytes of all entries.
    len: usize,
    watermarks: Watermarks,
}

/// The answer to a reader.
#[derive(Debug)]
pub(super) enum Read {
    /// The next events, oldest first.
    Entries {
        entries: Vec<Arc<Entry>>,
        /// The log has more events of the topic behind these.
        has_more: bool,
    },
    /// Events are missing.
    Gap,
}

/// Figures of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogTotals {
    pub(crate) events: u64,
    pub(crate) len: u64,
    /// Time since the oldest event was published, in ms. 0 if there is none.
    pub(crate) age_ms: u64,
}

impl Log {
    pub(super) fn new(epoch: u64) -> Self {
        Self::with_watermarks_max(epoch, WATERMARKS_MAX)
    }

    fn with_watermarks_max(epoch: u64, watermarks_max: usize) -> Self {
        Self {
            epoch,
            top: 0,
            begin: 0,
            topics: HashMap::default(),
            order: VecDeque::new(),
            count: 0,
            len: 0,
            watermarks: Watermarks::new(watermarks_max),
        }
    }

    /// Returns the end of the log.
    pub(super) fn position(&self) -> Position {
        self.at(self.top)
    }

    /// Returns the position behind a sequence number.
    pub(super) fn at(&self, sequence: u64) -> Position {
        Position {
            epoch: self.epoch,
            sequence,
        }
    }

    /// Takes the next sequence number for an event that is not kept, because its topic has no history.
    pub(super) fn skip(&mut self) -> u64 {
        self.top += 1;
        self.top
    }

    /// Moves on to a sequence number: those up to it are used.
    pub(super) fn move_to(&mut self, sequence: u64) {
        self.top = sequence;
    }

    /// Drops what new options do not allow. If they change which topics have history, all positions before now are a gap
    /// for topics without events in the log: one of them may have had events that were not kept.
    pub(super) fn apply(&mut self, before: &LiveOptions, now: &LiveOptions, now_ms: u64) {
        let topics: Vec<Topic> = self.topics.keys().cloned().collect();
        for topic in &topics {
            match now.has_history(topic) {
                true => self.drop_beyond_of(topic, &now.limits),
                false => self.drop_topic(topic),
            }
        }
        self.drop_beyond(now_ms, &now.limits);
        if now.history_selection() != before.history_selection() {
            self.watermarks.forget(self.top);
        }
    }

    /// Appends an event, and drops the oldest ones beyond the limits. Returns its entry, and whether the log keeps it: an
    /// event that is longer than a limit is dropped at once.
    pub(super) fn append(
        &mut self,
        topic: &Topic,
        event: NewEvent,
        limits: &Limits,
    ) -> (Arc<Entry>, bool) {
        self.top += 1;
        let now_ms = event.at_ms;
        let entry = self.push(topic, event, limits);
        self.drop_beyond(now_ms, limits);
        // The newest event is dropped last.
        (entry, self.topics.contains_key(topic))
    }

    /// Appends an event of the last run.
    pub(super) fn restore(
        &mut self,
        sequence: u64,
        topic: &Topic,
        event: NewEvent,
        limits: &Limits,
    ) {
        self.top = sequence;
        self.push(topic, event, limits);
        self.drop_beyond(CLOCK_START_MS, limits);
    }

    /// Appends the newest event, and drops the oldest ones of its topic beyond the limits.
    fn push(&mut self, topic: &Topic, event: NewEvent, limits: &Limits) -> Arc<Entry> {
        let entry = Arc::new(Entry::new(self.top, topic, event));
        self.len += entry.len();
        self.count += 1;
        self.order.push_back((self.top, topic.clone()));
        let log = match self.topics.get_mut(topic) {
            Some(log) => log,
            None => {
                let dropped = self.watermarks.take(topic);
                let log = TopicLog::new(dropped);
                self.topics.entry(topic.clone()).or_insert(log)
            }
        };
        log.push(entry.clone());
        self.drop_beyond_of(topic, limits);
        entry
    }

    /// Continues the log of the last run, which used sequence numbers up to `top`. Positions before `complete_after` are
    /// a gap.
    pub(super) fn continue_from(&mut self, epoch: u64, top: u64, complete_after: u64) {
        self.epoch = epoch;
        self.top = top;
        self.begin = complete_after;
        for log in self.topics.values_mut() {
            log.raise_watermark(complete_after);
        }
        self.watermarks.raise_floor(complete_after);
    }

    /// Returns the shared copy of a topic's name, if the log has events of the topic.
    pub(super) fn known_topic(&self, topic: &str) -> Option<&Topic> {
        self.topics.get_key_value(topic).map(|(topic, _)| topic)
    }

    /// Drops the events that are too old, or too many.
    pub(super) fn drop_beyond(&mut self, now_ms: u64, limits: &Limits) {
        let age_max_ms = u64::try_from(limits.history_age_max.as_millis()).unwrap_or(u64::MAX);
        let oldest_ms = now_ms.saturating_sub(age_max_ms);
        while let Some((sequence, topic)) = self.order.front() {
            let log = self.topics.get_mut(topic);
            let oldest = log.and_then(|log| log.oldest());
            let is_stale = oldest.is_none_or(|oldest| oldest.sequence != *sequence);
            let is_beyond = self.len > limits.history_len_max
                || oldest.is_some_and(|oldest| oldest.at_ms < oldest_ms);
            if !is_stale && !is_beyond {
                break;
            }
            if let Some((_, topic)) = self.order.pop_front()
                && !is_stale
            {
                self.drop_oldest_of(&topic);
            }
        }
        if self.has_many_stale() {
            self.remove_stale();
        }
    }

    fn has_many_stale(&self) -> bool {
        self.order.len() > 2 * self.count + STALE_SLACK
    }

    /// Drops the oldest events of a topic beyond the limits of one topic.
    fn drop_beyond_of(&mut self, topic: &Topic, limits: &Limits) {
        let (events_max, len_max) = (
            limits.history_topic_events_max,
            limits.history_topic_len_max,
        );
        let is_beyond = |log: &TopicLog| log.is_beyond(events_max, len_max);
        while self.topics.get(topic).is_some_and(is_beyond) {
            self.drop_oldest_of(topic);
        }
    }

    fn drop_oldest_of(&mut self, topic: &Topic) {
        let Some(log) = self.topics.get_mut(topic) else {
            return;
        };
        if let Some(dropped) = log.drop_oldest() {
            self.len -= dropped.len();
            self.count -= 1;
        }
        self.forget_if_empty(topic);
    }

    /// Keeps only the watermark of a topic without entries.
    fn forget_if_empty(&mut self, topic: &str) {
        if self.topics.get(topic).is_some_and(TopicLog::is_empty)
            && let Some((topic, log)) = self.topics.remove_entry(topic)
        {
            self.watermarks.put(&topic, log.watermark());
        }
    }

    /// Drops all events of a topic. Positions before now are a gap for it.
    fn drop_topic(&mut self, topic: &str) {
        if let Some((topic, log)) = self.topics.remove_entry(topic) {
            self.len -= log.len();
            self.count -= log.count();
            self.watermarks.put(&topic, self.top);
        }
    }

    /// Removes the items of `order` whose entries are dropped.
    fn remove_stale(&mut self) {
        let topics = &self.topics;
        self.order.retain(|(sequence, topic)| {
            let log = topics.get(topic);
            let oldest = log.and_then(TopicLog::oldest);
            oldest.is_some_and(|oldest| oldest.sequence <= *sequence)
        });
    }

    /// Returns the sequence number of a client's position. Fails if the log does not have every event of the topic behind
    /// it.
    pub(super) fn complete_after(&self, topic: &str, position: Position) -> Result<u64, Gap> {
        let Position { epoch, sequence } = position;
        match () {
            () if epoch != self.epoch => Err(Gap::Epoch),
            () if sequence > self.top => Err(Gap::Ahead),
            () if sequence < self.watermark(topic) => Err(Gap::Forgotten),
            () => Ok(sequence),
        }
    }

    /// Returns the sequence number of the last dropped event of a topic, or a greater one if it is not known.
    fn watermark(&self, topic: &str) -> u64 {
        match self.topics.get(topic) {
            Some(log) => log.watermark(),
            None => self.watermarks.get(topic),
        }
    }

    /// Returns the greatest watermark of some topics.
    pub(super) fn watermark_of_all(&self, topics: &[String]) -> u64 {
        let watermarks = topics.iter().map(|topic| self.watermark(topic));
        watermarks.max().unwrap_or(0)
    }

    /// Returns why a reader that is behind a sequence number has a gap.
    pub(super) fn gap_behind(&self, after: u64) -> Gap {
        match after < self.begin {
            true => Gap::SharedLog,
            false => Gap::Slow,
        }
    }

    /// Whether events of a topic behind a sequence number were dropped.
    pub(super) fn has_gap(&self, topic: &str, after: u64) -> bool {
        after < self.watermark(topic)
    }

    /// Returns the events of a topic behind a sequence number, oldest first.
    pub(super) fn after(&self, topic: &str, after: u64) -> impl Iterator<Item = &Arc<Entry>> {
        let log = self.topics.get(topic).into_iter();
        log.flat_map(move |log| log.after(after))
    }

    /// Returns the number of events of a topic behind a sequence number.
    pub(super) fn count_after(&self, topic: &str, after: u64) -> u64 {
        let log = self.topics.get(topic);
        log.map_or(0, |log| log.after(after).len() as u64)
    }

    /// Returns the sequence number before the last `count` events of a topic.
    pub(super) fn before_last(&self, topic: &str, count: usize) -> u64 {
        let log = self.topics.get(topic);
        log.and_then(|log| log.before_last(count))
            .unwrap_or(self.top)
    }

    /// Whether the topic has, or had, events behind a sequence number.
    pub(super) fn has_after(&self, topic: &str, after: u64) -> bool {
        let log = self.topics.get(topic);
        let newest = log.and_then(TopicLog::newest);
        newest.is_some_and(|newest| newest.sequence > after) || self.watermark(topic) > after
    }

    /// Returns events of a topic behind a sequence number, oldest first: frames of about `len_max` bytes, and at least
    /// one if there is any.
    pub(super) fn read(&self, topic: &str, after: u64, len_max: usize) -> Read {
        if self.has_gap(topic, after) {
            return Read::Gap;
        }
        let mut entries = Vec::new();
        let mut len = 0;
        if let Some(log) = self.topics.get(topic) {
            for entry in log.after(after) {
                if len >= len_max {
                    return Read::Entries {
                        entries,
                        has_more: true,
                    };
                }
                len += entry.frame().len();
                entries.push(entry.clone());
            }
        }
        Read::Entries {
            entries,
            has_more: false,
        }
    }

    /// Like [`read`](Self::read), for several topics together, in the order of the sequence numbers.
    pub(super) fn read_several(&self, topics: &[Topic], after: u64, len_max: usize) -> Read {
        if topics.iter().any(|topic| self.has_gap(topic, after)) {
            return Read::Gap;
        }
        let logs = topics.iter().filter_map(|topic| self.topics.get(topic));
        let mut sources: Vec<_> = logs.map(|log| log.after(after).peekable()).collect();
        // The next sequence number of each topic, the lowest on top, and the index of its source.
        let mut heads: BinaryHeap<_> = sources
            .iter_mut()
            .enumerate()
            .filter_map(|(index, source)| Some(Reverse((source.peek()?.sequence, index))))
            .collect();
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        let mut len = 0;
        while let Some(Reverse((_, index))) = heads.pop() {
            if len >= len_max {
                return Read::Entries {
                    entries,
                    has_more: true,
                };
            }
            let source = &mut sources[index];
            if let Some(entry) = source.next() {
                len += entry.frame().len();
                entries.push(entry.clone());
            }
            if let Some(next) = source.peek() {
                heads.push(Reverse((next.sequence, index)));
            }
        }
        Read::Entries {
            entries,
            has_more: false,
        }
    }

    pub(super) fn totals(&self, now_ms: u64) -> LogTotals {
        // `drop_beyond` has removed stale items from the front.
        let front = self.order.front();
        let log = front.and_then(|(_, topic)| self.topics.get(topic));
        let oldest = log.and_then(TopicLog::oldest);
        LogTotals {
            events: self.count as u64,
            len: self.len as u64,
            age_ms: oldest.map_or(0, |oldest| now_ms.saturating_sub(oldest.at_ms)),
        }
    }
}
