//! The hub's log: where a subscription begins, and what its readers get.

use std::sync::Arc;

use pusher_proto::Position;

use super::Hub;
use super::log::{CLOCK_START_MS, LogTotals, Read};
use super::since::Since;
use super::subscribers::Progress;
use crate::config::LiveOptions;
use crate::connection::{Session, Topic};
use crate::stats::Counters;

/// A new subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) topic: Topic,
    /// The end of the log when the subscription began.
    pub(crate) position: Position,
    /// False if events before `position` are missing.
    pub(crate) is_recovered: bool,
    /// Number of events before `position` that are sent first.
    pub(crate) replayed: u64,
    /// Sequence number behind which the subscription begins.
    pub(crate) after: u64,
}

/// The topics of a new event stream, and its beginning.
#[derive(Debug)]
pub(crate) struct StreamSubscription {
    pub(crate) topics: Arc<[Topic]>,
    /// The stream has the events behind this position.
    pub(crate) begin: Position,
    /// Events before `begin` are missing.
    pub(crate) has_gap: bool,
}

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

    /// Adds a subscriber. It gets the events behind `since`, each once and in order. Returns `None` if the session is
    /// subscribed already.
    pub(crate) fn subscribe(
        &self,
        session: &Session,
        topic: &str,
        since: Since,
    ) -> Option<Subscription> {
        let shard = &self.shared.shards[session.shard()];
        if shard.is_subscribed(topic, session) {
            return None;
        }
        let (has_history, replay) = {
            let options = self.shared.live.options();
            (
                options.has_history(topic),
                options.replay_on_subscribe(topic),
            )
        };
        // One lock for both: an event is either before the subscription, or its receipt counts this subscriber.
        let subscription = {
            let mut ordered = self.shared.ordered.lock();
            let log = &ordered.log;
            let position = log.position();
            let after = match since {
                Since::Position(since) if has_history || since == position => {
                    log.complete_after(topic, since)
                }
                Since::Position(_) | Since::Unknown => None,
                Since::Now => Some(log.before_last(topic, replay)),
            };
            let is_recovered = after.is_some();
            let after = after.unwrap_or(position.sequence);
            Subscription {
                replayed: log.count_after(topic, after),
                topic: ordered.directory.subscribe(topic, session.shard()),
                position,
                is_recovered,
                after,
            }
        };
        let progress = Progress {
            after: subscription.after,
            is_reading: subscription.replayed > 0,
        };
        shard.subscribe(&subscription.topic, session, progress);
        if progress.is_reading {
            shard.readers.add_topic(session, &subscription.topic);
            shard.mailbox.wake();
        }
        self.count_recovery(since, subscription.is_recovered);
        Some(subscription)
    }

    /// Subscribes an event stream to topics. All its events come from the log, behind one position.
    pub(crate) fn open_stream(
        &self,
        session: &Session,
        topics: &[String],
        since: Since,
    ) -> StreamSubscription {
        let shard = &self.shared.shards[session.shard()];
        let replay = |topic: &String| self.shared.live.options().replay_on_subscribe(topic);
        let replays: Vec<_> = topics.iter().map(replay).collect();
        let (subscription, end) = {
            let mut ordered = self.shared.ordered.lock();
            let log = &ordered.log;
            let position = log.position();
            let after = match since {
                Since::Position(since) => {
                    let complete = |topic: &String| log.complete_after(topic, since).is_some();
                    topics.iter().all(complete).then_some(since.sequence)
                }
                Since::Unknown => None,
                Since::Now => {
                    let topics = topics.iter().zip(&replays);
                    topics
                        .map(|(topic, &count)| log.before_last(topic, count))
                        .min()
                }
            };
            let begin = after.map_or(position, |after| log.at(after));
            let directory = &mut ordered.directory;
            let subscribe = |topic: &String| directory.subscribe(topic, session.shard());
            let subscription = StreamSubscription {
                topics: topics.iter().map(subscribe).collect(),
                begin,
                has_gap: after.is_none(),
            };
            (subscription, position)
        };
        let StreamSubscription {
            topics,
            begin,
            has_gap,
        } = &subscription;
        let progress = Progress {
            after: end.sequence,
            is_reading: false,
        };
        for topic in &**topics {
            shard.subscribe(topic, session, progress);
        }
        shard
            .readers
            .add_stream(session, topics.clone(), begin.sequence);
        shard.mailbox.wake();
        self.count_recovery(since, !has_gap);
        subscription
    }

    fn count_recovery(&self, since: Since, is_recovered: bool) {
        match (since, is_recovered) {
            (Since::Now, _) => {}
            (_, true) => self.shared.counters.recovered.add(1),
            (_, false) => self.shared.counters.gaps.add(1),
        }
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
            false => None,
        });
        let oldest = log.before_last(topic, usize::MAX);
        let after = known.flatten().unwrap_or(oldest);
        let entries: Vec<_> = log.after(topic, after).take(limit).cloned().collect();
        let has_more = log.count_after(topic, after) > entries.len() as u64;
        let last = entries.last().map_or(after, |entry| entry.sequence);
        let position = match has_more {
            true => log.at(last),
            false => log.position(),
        };
        drop(ordered);
        let text = |event: &[u8]| String::from_utf8_lossy(event).into_owned();
        TopicHistory {
            position,
            is_complete: known != Some(None),
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
    pub(super) fn read(&self, topics: &[Topic], after: u64, len_max: usize) -> (Read, Position) {
        let log = &self.shared.ordered.lock().log;
        let read = match topics {
            // A reload of the options has switched off the history, so later events may be missing.
            _ if !self.have_history(topics) => Read::Gap,
            [topic] => log.read(topic, after, len_max),
            _ => log.read_several(topics, after, len_max),
        };
        (read, log.position())
    }

    /// Returns whether some topics have events behind a sequence number, and the end of the log.
    pub(super) fn has_events_after(&self, topics: &[Topic], after: u64) -> (bool, Position) {
        let log = &self.shared.ordered.lock().log;
        let has_more = topics.iter().any(|topic| log.has_after(topic, after));
        // Without history, the next read has a gap.
        (has_more || !self.have_history(topics), log.position())
    }

    fn have_history(&self, topics: &[Topic]) -> bool {
        let options = self.shared.live.options();
        topics.iter().all(|topic| options.has_history(topic))
    }

    /// Ends a session for which the log has no longer the events that it needs. The browser can connect again.
    pub(super) fn end_with_gap(&self, session: &Session, topic: &Topic) {
        self.shared.counters.gaps.add(1);
        session.connection().end_with_gap(topic, self.position());
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
