//! The state of the hub as another process takes it over.

use std::sync::Arc;

use pusher_proto::{Position, Receipt, Stored};

use super::Hub;
use super::log_start::KnownId;
use super::subscribers::Progress;
use crate::connection::{KeptEvents, Session, Topic};
use crate::handover;

impl Hub {
    /// Returns up to which sequence number a subscriber has the events of a topic. The flushers must have delivered all
    /// events before. The subscriber must read the events `behind` from the log.
    pub(crate) fn progress(
        &self,
        session: &Session,
        topic: &Topic,
        behind: &[KeptEvents],
    ) -> Progress {
        let shard = &self.shared.shards[session.shard()];
        let up_to_date = Progress {
            after: self.position().sequence,
            is_reading: false,
        };
        // A subscriber that does not read from the log has every event of the topic.
        let progress = shard.progress(topic, session);
        let progress = progress.filter(|progress| progress.is_reading);
        let progress = progress.unwrap_or(up_to_date);
        let behind = behind.iter().filter(|events| events.topic == *topic);
        match behind.map(|events| events.first - 1).min() {
            Some(after) => Progress {
                after: after.min(progress.after),
                is_reading: true,
            },
            None => progress,
        }
    }

    /// Continues a subscription of another process.
    pub(crate) fn take_over(&self, session: &Session, topic: &str, progress: Progress) -> Topic {
        let shard = &self.shared.shards[session.shard()];
        let (topic, progress) = {
            let mut ordered = self.shared.ordered.lock();
            // This server may have published already.
            let has_missed = progress.after < ordered.log.position().sequence;
            let progress = Progress {
                is_reading: progress.is_reading || has_missed,
                ..progress
            };
            let topic = ordered.directory.subscribe(topic, session.shard());
            (topic, progress)
        };
        shard.subscribe(&topic, session, progress);
        if progress.is_reading {
            let unsettled = self.newest_unsettled();
            shard.readers.add_topic(session, &topic, unsettled);
            shard.mailbox.wake();
        }
        topic
    }

    /// Returns the sequence number up to which an event stream has read the log.
    pub(crate) fn stream_after(&self, session: &Session) -> Option<u64> {
        self.shared.shards[session.shard()]
            .readers
            .stream_after(session)
    }

    /// Continues an event stream of another process.
    pub(crate) fn take_over_stream(
        &self,
        session: &Session,
        topics: &[String],
        after: u64,
    ) -> Arc<[Topic]> {
        let shard = &self.shared.shards[session.shard()];
        let progress = Progress {
            after,
            is_reading: false,
        };
        let topics: Arc<[Topic]> = {
            let mut ordered = self.shared.ordered.lock();
            let directory = &mut ordered.directory;
            let subscribe = |topic: &String| directory.subscribe(topic, session.shard());
            topics.iter().map(subscribe).collect()
        };
        for topic in &*topics {
            shard.subscribe(topic, session, progress);
        }
        let unsettled = self.newest_unsettled();
        shard
            .readers
            .add_stream(session, topics.clone(), after, unsettled);
        shard.mailbox.wake();
        topics
    }

    /// Returns the events of the log. `None` if they are elsewhere: on disk or in Redis.
    pub(crate) fn hand_over_log(&self) -> Option<handover::Log> {
        let is_in_memory = self.shared.disk.is_none() && self.shared.shared_log.is_none();
        let now_ms = self.log_ms();
        is_in_memory.then(|| self.shared.ordered.lock().log.hand_over(now_ms))
    }
}

impl From<Position> for handover::Position {
    fn from(position: Position) -> Self {
        let Position { epoch, sequence } = position;
        Self { epoch, sequence }
    }
}

impl From<handover::Position> for Position {
    fn from(position: handover::Position) -> Self {
        let handover::Position { epoch, sequence } = position;
        Self { epoch, sequence }
    }
}

impl From<Receipt> for handover::Receipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            sequence: receipt.sequence,
            subscribers: receipt.subscribers,
            position: receipt.position.map(Into::into),
            stored: match receipt.stored {
                Stored::No => 0,
                Stored::Memory => 1,
                Stored::Written => 2,
                Stored::Synced => 3,
            },
            nodes: receipt.nodes,
        }
    }
}

impl From<handover::Receipt> for Receipt {
    fn from(receipt: handover::Receipt) -> Self {
        Self {
            sequence: receipt.sequence,
            subscribers: receipt.subscribers,
            position: receipt.position.map(Into::into),
            stored: match receipt.stored {
                3 => Stored::Synced,
                2 => Stored::Written,
                1 => Stored::Memory,
                _ => Stored::No,
            },
            nodes: receipt.nodes,
        }
    }
}

impl From<handover::KnownId> for KnownId {
    fn from(known: handover::KnownId) -> Self {
        Self {
            topic: known.topic,
            id: known.id,
            age_ms: known.age_ms,
            receipt: known.receipt.into(),
        }
    }
}
