//! The bytes of a round: its events in the form of one dialect.

use std::sync::Arc;

use bytes::Bytes;
use pusher_proto::Position;
use pusher_proto::wamp::{PingMark, gap, gap_event, marked_ping, numbered_event_frame, text_frame};

use super::mailbox::Delivery;
use super::recipients::Recipients;
use super::resumes::topic_mark;
use crate::connection::{Dialect, counted_bytes};
use crate::stats::Counters;

/// Longest write that is made of several frames, in bytes.
const COALESCED_LEN_MAX: usize = 64 * 1024;

/// One write to each subscriber, or to each of the recipients.
#[derive(Debug)]
pub(super) struct TopicWrite {
    pub(super) frames: Bytes,
    pub(super) events: u64,
    /// Sequence number of the first event.
    pub(super) first: u64,
    pub(super) recipients: Option<Arc<Recipients>>,
    /// A slow consumer can read the events from the log.
    pub(super) has_history: bool,
}

/// Returns the writes of some events of one topic for one dialect. Event streams have none: they read from the log.
pub(super) fn writes(
    events: &[Delivery],
    dialect: Dialect,
    counters: &Arc<Counters>,
) -> Vec<TopicWrite> {
    let mut writes = Vec::new();
    let mut rest = events;
    while dialect != Dialect::EventStream
        && let Some(first) = rest.first()
    {
        let (group, others) = rest.split_at(group_len(rest));
        rest = others;
        if first.gap.is_some() && dialect == Dialect::Wamp {
            // Its clients know no gaps.
            continue;
        }
        writes.push(TopicWrite {
            frames: frames(group, dialect, counters),
            events: if first.gap.is_some() {
                0
            } else {
                group.len() as u64
            },
            first: first.sequence,
            recipients: first.recipients.clone(),
            has_history: first.has_history,
        });
    }
    writes
}

/// Returns the number of events at the start that fit in one write: those for all subscribers, up to
/// [`COALESCED_LEN_MAX`]. At least one.
fn group_len(events: &[Delivery]) -> usize {
    let Some((first, others)) = events.split_first() else {
        return 0;
    };
    if first.recipients.is_some() || first.gap.is_some() {
        return 1;
    }
    let mut len = first.frame.len();
    let fits = |event: &&Delivery| {
        len += event.frame.len();
        event.recipients.is_none()
            && event.gap.is_none()
            && event.has_history == first.has_history
            && len <= COALESCED_LEN_MAX
    };
    1 + others.iter().take_while(fits).count()
}

/// Returns the frames of some events as one buffer. A single event of WAMP v1 is not copied: all shards share it.
fn frames(events: &[Delivery], dialect: Dialect, counters: &Arc<Counters>) -> Bytes {
    if let ([event], Dialect::Wamp) = (events, dialect) {
        return event.frame.clone();
    }
    if let [
        Delivery {
            topic,
            gap: Some(position),
            ..
        },
    ] = events
    {
        return gap_frames(topic, *position, dialect).into();
    }
    let len = events.iter().map(|event| event.frame.len()).sum::<usize>();
    let mut frames = Vec::with_capacity(len + events.len() * NUMBER_LEN_MAX);
    for event in events {
        append_frame(&mut frames, &event.frame, event.sequence, dialect);
    }
    if let Some(last) = events.last()
        && dialect == Dialect::WampResumed
    {
        append_ping(&mut frames, &last.topic, last.sequence);
    }
    let capacity = frames.capacity();
    counted_bytes(frames, capacity, counters)
}

fn gap_frames(topic: &str, position: Position, dialect: Dialect) -> Vec<u8> {
    match dialect {
        Dialect::WampResumed => marked_gap(topic, position),
        _ => text_frame(&gap(topic, position)),
    }
}

/// Appends a ping behind events. The pong confirms that the client has them.
pub(super) fn append_ping(out: &mut Vec<u8>, topic: &str, sequence: u64) {
    let topic = topic_mark(topic);
    out.extend_from_slice(&marked_ping(PingMark { topic, sequence }));
}

/// Returns the message that events of a topic are missing, and a ping behind it.
pub(crate) fn marked_gap(topic: &str, position: Position) -> Vec<u8> {
    let mut frames = gap_event(topic, position);
    append_ping(&mut frames, topic, position.sequence);
    frames
}

/// Most bytes that a sequence number adds to a frame: its digits, a comma, and a longer header.
const NUMBER_LEN_MAX: usize = 25;

/// Appends an event in WAMP v1 or `pushd.1`. `frame` is its frame in WAMP v1.
pub(super) fn append_frame(out: &mut Vec<u8>, frame: &[u8], sequence: u64, dialect: Dialect) {
    match dialect {
        Dialect::Pushd1 => numbered_event_frame(out, frame, sequence),
        _ => out.extend_from_slice(frame),
    }
}
