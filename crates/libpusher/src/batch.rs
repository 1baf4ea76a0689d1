//! Events that are published together.

use std::iter;
use std::ops::Range;

use crate::encode::{Message, WaitOptions, add_id, encode};
use crate::error::Error;
use crate::event::Event;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use crate::random_id::RandomId;

/// Bytes that are written before their answers are read. The answers to one chunk must fit in the socket's
/// buffers: otherwise both sides could block, each waiting for the other to read.
const CHUNK_LEN_MAX: usize = 64 * 1024;

/// Events for [`Publisher::publish_batch`](crate::Publisher::publish_batch), checked and encoded
/// when they are added.
#[derive(Debug, Default)]
pub struct Batch {
    /// Encoded messages, in order. Their request numbers begin at 1.
    messages: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The offset at which its message ends.
    end: usize,
    has_id: bool,
    wait: WaitOptions,
}

impl Batch {
    /// Most events that a batch holds.
    pub const EVENTS_MAX: usize = BATCH_EVENTS_MAX;

    /// Largest batch in bytes: events, topics, ids and the encoding around them.
    pub const BYTES_MAX: usize = BATCH_BYTES_MAX;

    /// Returns an empty batch.
    pub const fn new() -> Self {
        Self {
            messages: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Adds an event.
    ///
    /// # Errors
    /// The caller's mistakes, and [`Error::BatchFull`]. The batch is unchanged then.
    pub fn push(&mut self, event: &Event<'_>) -> Result<(), Error> {
        let start = self.messages.len();
        let request = self.entries.len() as u64 + 1;
        encode(&mut self.messages, request, event)?;
        if self.entries.len() == Self::EVENTS_MAX || self.messages.len() > Self::BYTES_MAX {
            self.messages.truncate(start);
            return Err(Error::BatchFull);
        }
        self.entries.push(Entry {
            end: self.messages.len(),
            has_id: event.id.is_some(),
            wait: WaitOptions::of(event),
        });
        Ok(())
    }

    /// Returns a copy in which every event has an id: its own or a random one.
    pub(crate) fn with_ids(&self) -> Self {
        let mut copy = Self::new();
        for (message, entry) in self.messages().zip(&self.entries) {
            copy.messages.extend_from_slice(message.text);
            if !entry.has_id {
                add_id(&mut copy.messages, &RandomId::new());
            }
            copy.entries.push(Entry {
                end: copy.messages.len(),
                has_id: true,
                ..*entry
            });
        }
        copy
    }

    /// The messages of all events.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let text = &self.messages[start..entry.end];
            start = entry.end;
            Message {
                text,
                wait: entry.wait,
            }
        })
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the batch has no events.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Splits the batch into chunks, each with its request numbers. A chunk is written with one `write`.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = (Range<u64>, &[u8])> {
        let (mut sent, mut start) = (0, 0);
        iter::from_fn(move || {
            let (count, end) =
                next_chunk(self.entries[sent..].iter().map(|entry| entry.end), start)?;
            let first = sent as u64 + 1;
            let chunk = (first..first + count as u64, &self.messages[start..end]);
            (sent, start) = (sent + count, end);
            Some(chunk)
        })
    }
}

/// Returns the number of messages in the next chunk and the offset at which it ends, or `None` at the end.
/// `start` is the offset of the first message, `ends` has the offset at which each message ends.
pub(crate) fn next_chunk(
    mut ends: impl Iterator<Item = usize>,
    start: usize,
) -> Option<(usize, usize)> {
    // A message longer than a chunk is a chunk of its own.
    let first = ends.next()?;
    let others = ends.take_while(|end| end - start <= CHUNK_LEN_MAX);
    Some(others.fold((1, first), |(count, _), end| (count + 1, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_id_is_added_to_events_without_one() {
        let mut batch = Batch::new();
        for id in [None, Some("mine"), None] {
            let event = Event {
                id,
                latest: true,
                ttl_s: Some(7),
                ..Event::new("猫", "[1]\n")
            };
            batch.push(&event).unwrap();
        }
        let copy = batch.with_ids();
        let mut ids = Vec::new();
        for message in copy.messages() {
            let id = message.with(|event| {
                assert_eq!((event.topic, event.json), ("猫", "[1]"));
                assert_eq!((event.latest, event.ttl_s), (true, Some(7)));
                event.id.unwrap().to_owned()
            });
            ids.push(id);
        }
        assert_eq!((ids.len(), &*ids[1]), (3, "mine"));
        assert!(ids[0].len() == 32 && ids[2].len() == 32 && ids[0] != ids[2]);
        assert_eq!(
            copy.chunks().map(|(requests, _)| requests).next(),
            Some(1..4)
        );
    }

    #[test]
    fn chunks_are_whole_messages_up_to_a_length() {
        let ends = [10, CHUNK_LEN_MAX, CHUNK_LEN_MAX + 1, 5 * CHUNK_LEN_MAX];
        let next = |skip: usize, start| next_chunk(ends.into_iter().skip(skip), start);
        assert_eq!(next(0, 0), Some((2, CHUNK_LEN_MAX)));
        assert_eq!(next(2, CHUNK_LEN_MAX), Some((1, CHUNK_LEN_MAX + 1)));
        assert_eq!(next(3, CHUNK_LEN_MAX + 1), Some((1, 5 * CHUNK_LEN_MAX)));
        assert_eq!(next(4, 5 * CHUNK_LEN_MAX), None);
    }
}
