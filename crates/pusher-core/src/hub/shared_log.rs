//! A log that several servers share.
//!
//! With one, the hub gives events no sequence numbers of its own. A publish waits in a queue until the room `nodes` has
//! appended it to the shared log. The event reaches this server's subscribers when it comes back from there, as those of
//! all other servers do, so all servers have the same order. The hub's own log has the events that came back: it is the
//! recent part of the shared log, and all readers read from it.

use std::sync::Arc;

use pusher_proto::Position;

use super::Hub;
use super::log::{CLOCK_START_MS, Log};
use super::mailbox::Delivery;
use super::recipients::Recipients;
use super::shared_log_queue::SharedLogQueue;
use crate::connection::Topic;

/// Sequence numbers that a client's position may be ahead of this server: another server has read the shared log
/// further. A new epoch begins much further ahead.
pub(super) const AHEAD_MAX: u64 = 1 << 20;

/// An event of the shared log.
#[derive(Debug)]
pub(crate) struct SharedEvent<'a> {
    pub(crate) sequence: u64,
    pub(crate) topic: &'a str,
    /// One JSON value.
    pub(crate) event: &'a str,
    pub(crate) recipients: Option<Recipients>,
    /// Time since the publish, in ms.
    pub(crate) age_ms: u64,
}

impl Hub {
    /// Returns the queue of publishes to the shared log. `None` if the server has a log of its own.
    pub(crate) fn shared_log(&self) -> Option<&Arc<SharedLogQueue>> {
        self.shared.shared_log.as_ref()
    }

    /// Delivers an event of the shared log, and keeps it for readers. The caller must have given all events before it, or
    /// have called [`restart_log`](Self::restart_log).
    pub(crate) fn append_shared(&self, event: SharedEvent<'_>) {
        let SharedEvent {
            sequence,
            topic,
            event,
            recipients,
            age_ms,
        } = event;
        let at_ms = self.log_ms().saturating_sub(age_ms.min(CLOCK_START_MS));
        let prepared = self.prepare(topic, event, recipients, at_ms);
        let mut ordered = self.shared.ordered.lock();
        if !ordered.is_closed {
            ordered.log.move_to(sequence - 1);
            self.place(&mut ordered, topic, prepared);
        }
    }

    /// Records that the shared log has a sequence number without an event.
    pub(crate) fn skip_shared(&self, sequence: u64) {
        self.shared.ordered.lock().log.move_to(sequence);
    }

    /// Begins a log behind a position, without the events before it. Tells all subscribers of a gap.
    ///
    /// If sequence numbers go back, that cannot be told within a session: then all sessions end, and the pages are told
    /// when they come back.
    pub(crate) fn restart_log(&self, position: Position) {
        let Position { epoch, sequence } = position;
        let goes_back = {
            let mut ordered = self.shared.ordered.lock();
            if ordered.is_closed {
                // The log stands still, so entries are missing only here.
                return;
            }
            let goes_back = sequence < ordered.log.position().sequence;
            ordered.log = Log::new(epoch);
            ordered.log.continue_from(epoch, sequence, sequence);
            for (topic, shards) in ordered.directory.all_destinations() {
                for shard in shards {
                    let delivery = Delivery::gap(topic.clone(), position);
                    self.shared.shards[shard].mailbox.put(delivery);
                }
            }
            goes_back
        };
        self.shared.resumes.begin_epoch();
        if goes_back {
            for session in self.sessions() {
                session.connection().end_for_restart();
            }
        }
    }

    /// Whether a client's position may be one that another server has read, and this one has not yet.
    pub(super) fn may_be_ahead(&self, position: Position, end: Position) -> bool {
        self.shared.shared_log.is_some()
            && position.epoch == end.epoch
            && position.sequence > end.sequence
            && position.sequence - end.sequence <= AHEAD_MAX
    }

    /// Returns the topics whose numbers of subscribers have changed since the last call, with these numbers. `is_full`
    /// returns all topics.
    pub(crate) fn changed_topics(&self, is_full: bool) -> Vec<(Topic, u64)> {
        self.shared.ordered.lock().directory.take_changed(is_full)
    }
}
