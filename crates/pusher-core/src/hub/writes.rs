//! The bytes of a round: its events in the form of one dialect.

use std::sync::Arc;

use bytes::Bytes;
use pusher_proto::Position;
use pusher_proto::wamp::{PingMark, gap, gap_event, marked_ping, numbered_event_frame, text_frame};

use super::event_frame::EventFrame;
use super::log::Entry;
use super::mailbox::Delivery;
use super::recipients::Recipients;
use super::resumes::topic_mark;
use crate::connection::{
    Dialect, Session, append_channels_frame, append_wamp2_frame, counted_bytes, deflate_frames,
};
use crate::stats::Counters;

/// Bytes that take about as long as one more write.
const WRITE_COST_LEN: usize = 16 * 1024;

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

impl TopicWrite {
    pub(super) fn is_for(&self, session: &Session) -> bool {
        let recipients = self.recipients.as_ref();
        recipients.is_none_or(|recipients| recipients.include(session.id()))
    }

    /// Returns the number of short writes that take about as long.
    pub(super) fn cost(&self) -> usize {
        write_cost(self.frames.len())
    }
}

/// Returns the number of short writes that take about as long as `len` bytes.
pub(super) fn write_cost(len: usize) -> usize {
    1 + len / WRITE_COST_LEN
}

/// The form in which the events of a round are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) dialect: Dialect,
    /// A ping behind each write makes the client confirm the events. Not if they may be dropped.
    pub(super) has_pings: bool,
    /// Texts of at least this length are compressed.
    pub(super) compression_len_min: Option<usize>,
}

/// Returns the writes of some events of one topic in one form. Event streams have none: they read from the log.
pub(super) fn writes(events: &[Delivery], form: Form, counters: &Arc<Counters>) -> Vec<TopicWrite> {
    let mut writes = plain_writes(events, form, counters);
    if let Some(len_min) = form.compression_len_min {
        for TopicWrite { frames, .. } in &mut writes {
            if let Some(deflated) = deflate_frames(frames, len_min) {
                let capacity = deflated.capacity();
                *frames = counted_bytes(deflated, capacity, counters);
            }
        }
    }
    writes
}

fn plain_writes(events: &[Delivery], form: Form, counters: &Arc<Counters>) -> Vec<TopicWrite> {
    let Form { dialect, .. } = form;
    let mut writes = Vec::new();
    let mut rest = events;
    while dialect != Dialect::EventStream
        && let Some(first) = rest.first()
    {
        let (group, others) = rest.split_at(group_len(rest));
        rest = others;
        if let (Dialect::Channels, Some(messages)) = (dialect, &first.channels) {
            writes.extend(messages.iter().map(|message| TopicWrite {
                frames: counted(message.frame(), counters),
                events: 1,
                first: first.sequence,
                recipients: message.recipients().cloned(),
                has_history: first.has_history,
            }));
            continue;
        }
        if first.gap.is_some() && !dialect.knows_gaps() {
            // Its clients know no gaps.
            continue;
        }
        let frames = frames(group, form, counters);
        if frames.is_empty() {
            continue;
        }
        writes.push(TopicWrite {
            frames,
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
/// [`COALESCED_LEN_MAX`]. At least one. Events with a form of their own in the Channels protocol are alone.
fn group_len(events: &[Delivery]) -> usize {
    let Some((first, others)) = events.split_first() else {
        return 0;
    };
    if first.recipients.is_some() || first.gap.is_some() || first.channels.is_some() {
        return 1;
    }
    let mut len = first.frame.len();
    let fits = |event: &&Delivery| {
        len += event.frame.len();
        event.recipients.is_none()
            && event.gap.is_none()
            && event.channels.is_none()
            && event.has_history == first.has_history
            && len <= COALESCED_LEN_MAX
    };
    1 + others.iter().take_while(fits).count()
}

/// Returns the frames of some events as one buffer. A single event of WAMP v1 without a ping is not copied: all shards
/// share it.
fn frames(events: &[Delivery], form: Form, counters: &Arc<Counters>) -> Bytes {
    let Form {
        dialect, has_pings, ..
    } = form;
    if let ([event], Dialect::Wamp | Dialect::WampResumed, false) = (events, dialect, has_pings)
        && event.gap.is_none()
    {
        return event.frame.bytes().clone();
    }
    if let [
        Delivery {
            topic,
            gap: Some(position),
            ..
        },
    ] = events
    {
        return gap_frames(topic, *position, form).into();
    }
    let len = events.iter().map(|event| event.frame.len()).sum::<usize>();
    let mut frames = Vec::with_capacity(len + events.len() * NUMBER_LEN_MAX);
    for event in events {
        append_frame(&mut frames, &Framed::from(event), dialect);
    }
    if let Some(last) = events.last()
        && has_pings
    {
        append_ping(&mut frames, &last.topic, last.sequence);
    }
    let capacity = frames.capacity();
    counted_bytes(frames, capacity, counters)
}

fn counted(frame: &Bytes, counters: &Arc<Counters>) -> Bytes {
    counted_bytes(frame.clone(), frame.len(), counters)
}

fn gap_frames(topic: &str, position: Position, form: Form) -> Vec<u8> {
    match form.dialect {
        Dialect::WampResumed if form.has_pings => marked_gap(topic, position),
        Dialect::WampResumed => gap_event(topic, position),
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

/// An event of a topic, from the fan-out or the log.
pub(super) struct Framed<'a> {
    topic: &'a str,
    frame: &'a EventFrame,
    sequence: u64,
}

impl<'a> From<&'a Delivery> for Framed<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            topic: &delivery.topic,
            frame: &delivery.frame,
            sequence: delivery.sequence,
        }
    }
}

impl<'a> From<&'a Entry> for Framed<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            topic: &entry.topic,
            frame: entry.frame(),
            sequence: entry.sequence,
        }
    }
}

/// Appends an event in one of the dialects of WebSocket connections.
pub(super) fn append_frame(out: &mut Vec<u8>, event: &Framed<'_>, dialect: Dialect) {
    let Framed {
        topic,
        frame,
        sequence,
    } = *event;
    match dialect {
        Dialect::Pushd1 => numbered_event_frame(out, frame.bytes(), sequence),
        Dialect::Channels => append_channels_frame(out, topic, frame.event()),
        Dialect::Wamp2 => append_wamp2_frame(out, topic, sequence, frame.event()),
        _ => out.extend_from_slice(frame.bytes()),
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::wamp::event_frame;

    use super::*;

    #[test]
    fn clients_are_told_of_a_gap_also_where_no_ping_confirms_events() {
        let position = Position {
            epoch: 1,
            sequence: 2,
        };
        let gap = Delivery::gap("t".into(), position);
        let event = Delivery {
            frame: EventFrame::new(event_frame("t", "1"), 1),
            gap: None,
            ..gap.clone()
        };
        let dialect = Dialect::WampResumed;
        for (has_pings, told) in [
            (false, gap_event("t", position)),
            (true, marked_gap("t", position)),
        ] {
            let form = Form {
                dialect,
                has_pings,
                compression_len_min: None,
            };
            let written = |delivery: &Delivery| {
                let writes = writes(std::slice::from_ref(delivery), form, &Arc::default());
                assert_eq!(writes.len(), 1);
                writes[0].frames.to_vec()
            };
            assert_eq!(written(&gap), told);
            let mut expected = event_frame("t", "1");
            if has_pings {
                append_ping(&mut expected, "t", 2);
            }
            assert_eq!(written(&event), expected);
        }
    }
}
