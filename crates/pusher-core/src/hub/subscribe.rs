//! Begins subscriptions at an exact position of the log.

use std::sync::Arc;

use pusher_proto::Position;

use super::Hub;
use super::log::Entry;
use super::since::Since;
use super::subscribers::Progress;
use crate::connection::{Session, Topic};
use crate::stats::Gap;

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

impl Hub {
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
                // Then the events up to `since` are skipped when they arrive here.
                Since::Position(since) if self.may_be_ahead(since, position) => Ok(since.sequence),
                Since::Position(since) if has_history || since == position => {
                    log.complete_after(topic, since)
                }
                Since::Position(_) => Err(Gap::NoHistory),
                Since::Unknown => Err(Gap::Malformed),
                Since::Now => Ok(log.before_last(topic, replay)),
            };
            self.count_recovery(since, after);
            let is_recovered = after.is_ok();
            let after = after.unwrap_or(position.sequence);
            let position = log.at(after.max(position.sequence));
            let entries = log.after(topic, after);
            let is_sent = |entry: &&Arc<Entry>| entry.is_for(session.id());
            Subscription {
                replayed: entries.filter(is_sent).count() as u64,
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
            let unsettled = self.newest_unsettled();
            shard
                .readers
                .add_topic(session, &subscription.topic, unsettled);
            shard.mailbox.wake();
        }
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
                Since::Position(since) if self.may_be_ahead(since, position) => Ok(since.sequence),
                Since::Position(since) => {
                    let mut gaps = topics
                        .iter()
                        .filter_map(|topic| log.complete_after(topic, since).err());
                    gaps.next().map_or(Ok(since.sequence), Err)
                }
                Since::Unknown => Err(Gap::Malformed),
                Since::Now => {
                    let topic_names = topics;
                    let topics = topics.iter().zip(&replays);
                    let begins = topics.map(|(topic, &count)| log.before_last(topic, count));
                    let begin = begins.min().unwrap_or(position.sequence);
                    // Events before a watermark are gone, so the stream cannot begin there.
                    Ok(begin.max(log.watermark_of_all(topic_names)))
                }
            };
            self.count_recovery(since, after);
            let begin = after.map_or(position, |after| log.at(after));
            let directory = &mut ordered.directory;
            let subscribe = |topic: &String| directory.subscribe(topic, session.shard());
            let subscription = StreamSubscription {
                topics: topics.iter().map(subscribe).collect(),
                begin,
                has_gap: after.is_err(),
            };
            (subscription, position)
        };
        let StreamSubscription { topics, begin, .. } = &subscription;
        let progress = Progress {
            after: end.sequence,
            is_reading: false,
        };
        for topic in &**topics {
            shard.subscribe(topic, session, progress);
        }
        let unsettled = self.newest_unsettled();
        shard
            .readers
            .add_stream(session, topics.clone(), begin.sequence, unsettled);
        shard.mailbox.wake();
        subscription
    }

    fn count_recovery(&self, since: Since, begin: Result<u64, Gap>) {
        match begin {
            _ if since == Since::Now => {}
            Ok(_) => self.shared.counters.recovered.add(1),
            Err(gap) => self.shared.counters.gaps.count(gap),
        }
    }
}
