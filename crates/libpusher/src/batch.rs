//! Events that are published together.

use std::iter;
use std::ops::Range;

use crate::encode::encode;
use crate::error::Error;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};

/// Bytes that are written before their answers are read. The answers to one chunk must fit in the socket's
/// buffers: otherwise both sides could block, each waiting for the other to read.
const CHUNK_LEN_MAX: usize = 64 * 1024;

/// Events for [`Publisher::publish_batch`](crate::Publisher::publish_batch), checked and encoded
/// when they are added.
#[derive(Debug, Default)]
pub struct Batch {
    /// Encoded messages, in order. Their request numbers begin at 1.
    messages: Vec<u8>,
    /// The offset in `messages` at which each message ends.
    ends: Vec<usize>,
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
            ends: Vec::new(),
        }
    }

    /// Adds an event. The arguments are those of
    /// [`Publisher::publish_with_id`](crate::Publisher::publish_with_id).
    ///
    /// # Errors
    /// The caller's mistakes, and [`Error::BatchFull`]. The batch is unchanged then.
    pub fn push(&mut self, topic: &str, event: &str, id: Option<&str>) -> Result<(), Error> {
        let start = self.messages.len();
        let request = self.ends.len() as u64 + 1;
        encode(&mut self.messages, request, topic, event, id)?;
        if self.ends.len() == Self::EVENTS_MAX || self.messages.len() > Self::BYTES_MAX {
            self.messages.truncate(start);
            return Err(Error::BatchFull);
        }
        self.ends.push(self.messages.len());
        Ok(())
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the batch has no events.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Splits the batch into chunks, each with its request numbers. A chunk is written with one `write`.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = (Range<u64>, &[u8])> {
        let (mut sent, mut start) = (0, 0);
        iter::from_fn(move || {
            let (count, end) = next_chunk(self.ends[sent..].iter().copied(), start)?;
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
    fn chunks_are_whole_messages_up_to_a_length() {
        let ends = [10, CHUNK_LEN_MAX, CHUNK_LEN_MAX + 1, 5 * CHUNK_LEN_MAX];
        let next = |skip: usize, start| next_chunk(ends.into_iter().skip(skip), start);
        assert_eq!(next(0, 0), Some((2, CHUNK_LEN_MAX)));
        assert_eq!(next(2, CHUNK_LEN_MAX), Some((1, CHUNK_LEN_MAX + 1)));
        assert_eq!(next(3, CHUNK_LEN_MAX + 1), Some((1, 5 * CHUNK_LEN_MAX)));
        assert_eq!(next(4, 5 * CHUNK_LEN_MAX), None);
    }
}
