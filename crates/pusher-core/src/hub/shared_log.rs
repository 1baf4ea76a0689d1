//! A log that several servers share.
//!
//! With one, the hub gives events no sequence numbers of its own. A publish waits in a queue until the room `nodes` has
//! appended it to the shared log. The event reaches this server's subscribers when it comes back from there, as those of
//! all other servers do, so all servers have the same order. The hub's own log has the events that came back: it is the
//! recent part of the shared log, and all readers read from it.

use std::sync::Arc;

use pusher_proto::{PRESENCE_PREFIX, Position};

use super::Hub;
use super::channels_form::ChannelsForm;
use super::log::{CLOCK_START_MS, Log};
use super::mailbox::Delivery;
use super::recipients::Recipients;
use super::shared_log_queue::SharedLogQueue;
use crate::tickets::REVOKED_TOPIC;

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
    /// `None` if the form in the Channels protocol is made of the event alone.
    pub(crate) channels: Option<ChannelsForm>,
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
            channels,
        } = event;
        if topic == REVOKED_TOPIC {
            self.revoked_elsewhere(event);
        }
        if let Some(topic) = topic.strip_prefix(PRESENCE_PREFIX) {
            self.shared.presence_events.add(topic);
        }
        let at_ms = self.log_ms().saturating_sub(age_ms.min(CLOCK_START_MS));
        let mut prepared = self.prepare(topic, event, recipients, at_ms);
        prepared.set_channels(channels);
        let mut ordered = self.shared.ordered.lock();
        if !ordered.is_closed {
            ordered.log.move_to(sequence - 1);
            self.place(&mut ordered, topic, prepared, None);
        }
    }

    /// Returns a number that changes with each event of a topic's presence that comes from the shared log.
    pub(crate) fn presence_events(&self, topic: &str) -> u64 {
        self.shared.presence_events.get(topic)
    }

    fn revoked_elsewhere(&self, event: &str) {
        let tickets = &self.shared.tickets;
        let revoked = serde_json::from_str(event).map(|revocation| tickets.revoke(&revocation));
        match revoked {
            Ok(Ok(_)) => {}
            Ok(Err(full)) => tracing::error!("{full}"),
            Err(error) => tracing::error!(%error, "the shared log has a malformed revocation"),
        }
    }

    /// Records that the shared log has a sequence number without an event.
    pub(crate) fn skip_shared(&self, sequence: u64) {
        self.shared.ordered.lock().log.move_to(sequence);
    }

    /// Begins a log behind a position, without the events before it. Tells all subscribers of a gap.
    ///
    /// Within a session, only a jump of the sequence numbers tells of a gap. If they go back, or a new epoch goes on at the
    /// same number, all sessions end, and the pages are told when they come back.
    pub(crate) fn restart_log(&self, position: Position) {
        let Position { epoch, sequence } = position;
        let must_end = {
            let mut ordered = self.shared.ordered.lock();
            if ordered.is_closed {
                // The log stands still, so entries are missing only here.
                return;
            }
            let end = ordered.log.position();
            let goes_on = sequence == end.sequence && epoch != end.epoch && sequence > 0;
            let must_end = sequence < end.sequence || goes_on;
            ordered.log = Log::new(epoch);
            ordered.log.continue_from(epoch, sequence, sequence);
            for (topic, shards) in ordered.directory.all_destinations() {
                for shard in shards {
                    let delivery = Delivery::gap(topic.clone(), position);
                    self.shared.shards[shard].mailbox.put(delivery);
                }
            }
            must_end
        };
        self.shared.resumes.begin_epoch();
        if must_end {
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{LogStart, Publish, PublishError};
    use super::*;
    use crate::config::{Live, LiveOptions};
    use crate::stats::{Counters, PeerLog, Source};
    use crate::tickets::Tickets;

    const EPOCH: u64 = 7;

    fn at(sequence: u64) -> Position {
        Position {
            epoch: EPOCH,
            sequence,
        }
    }

    /// A hub without sessions.
    fn hub(start: LogStart) -> Hub {
        let live = Arc::new(Live::new(LiveOptions::default()));
        let log = Arc::new(PeerLog::new());
        let counters = Arc::new(Counters::default());
        let tickets = Tickets::new(live.clone(), counters.clone(), log.clone(), None);
        Hub::new(1, live, counters, &log, start, tickets)
    }

    fn shared() -> Hub {
        let hub = hub(LogStart::shared());
        hub.restart_log(at(100));
        hub
    }

    fn append(hub: &Hub, sequence: u64) {
        hub.append_shared(SharedEvent {
            sequence,
            topic: "t",
            event: "1",
            recipients: None,
            age_ms: 0,
            channels: None,
        });
    }

    fn publish(event: &str) -> Publish<'_> {
        Publish {
            topic: "t",
            event,
            recipients: None,
            id: None,
            source: Source::Native,
        }
    }

    #[test]
    fn a_position_may_be_ahead_up_to_a_limit() {
        let hub = shared();
        let end = hub.position();
        for (sequence, may_be_ahead) in [
            (99, false),
            (100, false),
            (101, true),
            (100 + AHEAD_MAX, true),
            (101 + AHEAD_MAX, false),
        ] {
            assert_eq!(
                hub.may_be_ahead(at(sequence), end),
                may_be_ahead,
                "{sequence}"
            );
        }
        let other_epoch = Position {
            epoch: EPOCH + 1,
            sequence: 101,
        };
        assert!(!hub.may_be_ahead(other_epoch, end));
    }

    #[test]
    fn events_have_the_numbers_of_the_shared_log() {
        let hub = shared();
        append(&hub, 101);
        hub.skip_shared(102);
        append(&hub, 103);
        let history = hub.history("t", Some(at(100)), 10);
        assert!(history.is_complete);
        assert_eq!(history.position, at(103));
        assert_eq!(
            history.events,
            [(101, "1".to_owned()), (103, "1".to_owned())]
        );
        hub.restart_log(at(200));
        assert!(!hub.history("t", Some(at(103)), 10).is_complete);
    }

    #[test]
    fn a_closed_hub_neither_moves_nor_tells_of_gaps() {
        let hub = shared();
        hub.close();
        append(&hub, 101);
        hub.restart_log(at(200));
        assert_eq!(hub.position(), at(100));
        assert!(matches!(
            hub.accept(publish("1")),
            Err(PublishError::Ending)
        ));
    }

    #[test]
    fn publishes_are_taken_up_to_both_limits() {
        let hub = shared();
        assert!(matches!(
            hub.publish("t", "1"),
            Err(PublishError::SharedLog)
        ));
        let queue = hub.shared_log().unwrap();
        let receipts: Vec<_> = (0..4).map(|_| hub.accept(publish("12345"))).collect();
        assert!(receipts.iter().all(Result::is_ok));
        assert_eq!(queue.len(), 20);
        assert_eq!(queue.take(10, 14).len(), 2, "three would have 15 bytes");
        assert_eq!(queue.take(1, 100).len(), 1);
        assert_eq!(queue.take(10, 1).len(), 1, "one of any length");
        assert_eq!((queue.len(), queue.take(10, 10).len()), (0, 0));
    }

    #[test]
    fn publishes_expire_in_order() {
        let hub = shared();
        let queue = hub.shared_log().unwrap();
        let _receipts = [hub.accept(publish("1")), hub.accept(publish("2"))];
        let last = queue.take(2, 100).pop().unwrap().since;
        let _receipt = hub.accept(publish("3"));
        assert!(queue.take_expired(last).is_empty());
        let later = last + Duration::from_secs(3600);
        assert_eq!(queue.take_expired(later).len(), 1);
        assert!(queue.is_empty());
    }
}
