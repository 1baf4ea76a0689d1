//! The hub's log: where a subscription begins, and what its readers get.

use std::sync::Arc;

use pusher_proto::Position;

use super::Hub;
use super::log::{CLOCK_START_MS, Entry, LogTotals, Read};
use crate::config::LiveOptions;
use crate::connection::{Session, Topic};
use crate::stats::{Counters, Gap};

/// Events of a topic, as a program reads them.
#[derive(Debug)]
pub(crate) struct TopicHistory {
    /// Where the next request continues.
    pub(crate) position: Position,
    /// False if events are missing.
    pub(crate) is_complete: bool,
    /// Sequence numbers and events, oldest first.
    pub(crate) events: Vec<(u64, String)>,
}

impl Hub {
    /// Returns the end of the log: the position behind the newest event.
    pub fn position(&self) -> Position {
        self.shared.ordered.lock().log.position()
    }

    /// Returns the position behind a sequence number.
    pub(crate) fn position_of(&self, sequence: u64) -> Position {
        self.shared.ordered.lock().log.at(sequence)
    }

    /// Makes an event stream read from the log, and then send its position. So it also moves on while other topics have
    /// events, and the log does not forget where it is.
    pub(crate) fn report_position(&self, session: &Session) {
        let shard = &self.shared.shards[session.shard()];
        shard.readers.report_position(session);
        shard.mailbox.wake();
    }

    /// Continues to read from the log for a session that has sent everything.
    pub(crate) fn continue_reading(&self, session: &Session) {
        let shard = &self.shared.shards[session.shard()];
        shard.readers.enqueue(session);
        shard.mailbox.wake();
    }

    /// Returns up to `limit` events of a topic behind `since`, or from the oldest one.
    pub(crate) fn history(
        &self,
        topic: &str,
        since: Option<Position>,
        limit: usize,
    ) -> TopicHistory {
        let ordered = self.shared.ordered.lock();
        let log = &ordered.log;
        let has_history = self.shared.live.options().has_history(topic);
        let known = since.map(|since| match has_history || since == log.position() {
            true => log.complete_after(topic, since),
            false => Err(Gap::NoHistory),
        });
        let oldest = log.before_last(topic, usize::MAX);
        let after = known.and_then(Result::ok).unwrap_or(oldest);
        let until = self.settled_until(&ordered);
        let is_settled = |entry: &&Arc<Entry>| entry.sequence <= until;
        let settled = || log.after(topic, after).take_while(is_settled);
        let entries: Vec<_> = settled().take(limit).cloned().collect();
        let last = match settled().nth(limit) {
            Some(_) => entries.last().map_or(after, |entry| entry.sequence),
            None => log.position().sequence.min(until.max(after)),
        };
        let position = log.at(last);
        drop(ordered);
        let text = |event: &[u8]| String::from_utf8_lossy(event).into_owned();
        TopicHistory {
            position,
            is_complete: !matches!(known, Some(Err(_))),
            events: entries
                .iter()
                .map(|entry| (entry.sequence, text(entry.event())))
                .collect(),
        }
    }

    /// Replaces the options that can change while the server runs.
    pub(crate) fn set_options(&self, options: LiveOptions) {
        let now_ms = self.log_ms();
        // One lock for both: an event either has the old options, and the log knows it, or has the new ones.
        let mut ordered = self.shared.ordered.lock();
        let before = self.shared.live.set(options);
        let now = self.shared.live.options();
        ordered.log.apply(&before, &now, now_ms);
        let selection = now.history_selection();
        if let Some(disk) = &self.shared.disk
            && selection != before.history_selection()
        {
            disk.change_selection(selection);
        }
        drop(ordered);
        if now.private_topics != before.private_topics || now.presence != before.presence {
            for session in self.sessions() {
                session.connection().recheck();
            }
        }
    }

    /// Drops the events that are too old.
    pub(crate) fn drop_old_events(&self) {
        let now_ms = self.log_ms();
        let limits = self.shared.live.limits();
        self.shared.ordered.lock().log.drop_beyond(now_ms, &limits);
    }

    pub(crate) fn log_totals(&self) -> LogTotals {
        let now_ms = self.log_ms();
        self.shared.ordered.lock().log.totals(now_ms)
    }

    /// Reads about `len_max` bytes of events of some topics, behind a sequence number. Returns the end of the log, too.
    /// Events that may not be shown to browsers yet are behind this end.
    pub(super) fn read(&self, topics: &[Topic], after: u64, len_max: usize) -> (Read, Position) {
        let ordered = self.shared.ordered.lock();
        let log = &ordered.log;
        let until = self.settled_until(&ordered);
        let mut read = match topics {
            // A reload of the options has switched off the history, so later events may be missing.
            _ if !self.have_history(topics) => Read::Gap,
            [topic] => log.read(topic, after, len_max),
            _ => log.read_several(topics, after, len_max),
        };
        if let Read::Entries { entries, has_more } = &mut read
            && let unsettled @ 1.. = entries
                .iter()
                .rev()
                .take_while(|entry| entry.sequence > until)
                .count()
        {
            entries.truncate(entries.len() - unsettled);
            *has_more = false;
        }
        let end = log.at(log.position().sequence.min(until));
        (read, end)
    }

    /// Returns whether some topics have events behind a sequence number, and the end of the log.
    pub(super) fn has_events_after(&self, topics: &[Topic], after: u64) -> (bool, Position) {
        let log = &self.shared.ordered.lock().log;
        let has_more = topics.iter().any(|topic| log.has_after(topic, after));
        // Without history, the next read has a gap.
        (has_more || !self.have_history(topics), log.position())
    }

    /// Returns the sequence number of the next event of some topics behind a sequence number, and the epoch. 0 if there is
    /// none, or if events before it are missing.
    pub(super) fn first_after(&self, topics: &[Topic], after: u64) -> (u64, u64) {
        let log = &self.shared.ordered.lock().log;
        if !self.have_history(topics) || topics.iter().any(|topic| log.has_gap(topic, after)) {
            return (0, log.position().epoch);
        }
        let firsts = topics.iter().filter_map(|topic| {
            let first = log.after(topic, after).next()?;
            Some(first.sequence)
        });
        (firsts.min().unwrap_or(0), log.position().epoch)
    }

    fn have_history(&self, topics: &[Topic]) -> bool {
        let options = self.shared.live.options();
        topics.iter().all(|topic| options.has_history(topic))
    }

    /// Ends a session for which the log no longer has the events behind a sequence number. The browser can connect again.
    pub(super) fn end_with_gap(&self, session: &Session, topic: &Topic, after: u64) {
        let (reason, position) = {
            let log = &self.shared.ordered.lock().log;
            (log.gap_behind(after), log.position())
        };
        self.shared.counters.gaps.count(reason);
        if reason == Gap::Slow {
            session.connection().count_slow_reader();
        }
        session.connection().end_with_gap(topic, position);
    }

    pub(super) fn count_replayed(&self, events: u64) {
        self.shared.counters.events_replayed.add(events);
    }

    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// Returns the time of the log's clock, in ms.
    pub(super) fn log_ms(&self) -> u64 {
        let elapsed_ms = self.shared.started.elapsed().as_millis();
        CLOCK_START_MS + u64::try_from(elapsed_ms).unwrap_or(u64::MAX / 2)
    }
}
