//! Events that are published together.

use std::iter;
use std::ops::Range;

use crate::encode::encode;
use crate::error::Error;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};

/// How much is written before its answers are read: few enough that the answers to it fit into the
/// socket's buffers, or both sides could wait for each other to read.
const CHUNK_LEN_MAX: usize = 64 * 1024;

/// Events for [`Publisher::publish_batch`](crate::Publisher::publish_batch), checked and encoded
/// when they are added.
#[derive(Debug, Default)]
pub struct Batch {
    /// One behind the other, their request numbers from 1.
    messages: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Batch {
    /// Most events that a batch holds.
    pub const EVENTS_MAX: usize = BATCH_EVENTS_MAX;

    /// Most bytes of all its events together, topics, ids and what is around them included.
    pub const BYTES_MAX: usize = BATCH_BYTES_MAX;

    /// An empty one.
    pub const fn new() -> Self {
        Self {
            messages: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Adds an event, as [`Publisher::publish_with_id`](crate::Publisher::publish_with_id) takes it.
    ///
    /// # Errors
    /// The caller's mistakes, and [`Error::BatchFull`]. The batch is then as it was before.
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

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// What is written at once, one after the other: request numbers and messages.
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

/// How many messages the next chunk has, and where it ends; `None` if there are none. `ends` says
/// where the messages end, the first of which begins at `start`.
pub(crate) fn next_chunk(
    mut ends: impl Iterator<Item = usize>,
    start: usize,
) -> Option<(usize, usize)> {
    // At least one, however long.
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
