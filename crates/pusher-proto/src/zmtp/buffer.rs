//! Received bytes that are not decoded yet.

use std::ops::{Index, Range};

/// Largest allocation that an empty buffer keeps, in bytes.
pub(super) const KEEP_CAPACITY_MAX: usize = 16 * 1024;

/// Taken bytes stay readable until the next [`feed`](Self::feed).
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.drop_taken();
        self.bytes.extend_from_slice(bytes);
    }

    /// Removes taken bytes. Frees the allocation that a large message left.
    fn drop_taken(&mut self) {
        if self.start == 0 {
            return;
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.bytes.capacity() > KEEP_CAPACITY_MAX && self.bytes.len() <= KEEP_CAPACITY_MAX {
            self.bytes = self.bytes.as_slice().to_vec();
        }
    }

    /// The bytes that were not taken yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Takes the next `len` bytes and returns their position, or `None` if not all have arrived.
    pub(super) fn take(&mut self, len: usize) -> Option<Range<usize>> {
        if self.rest().len() < len {
            return None;
        }
        let start = self.start;
        self.start += len;
        Some(start..self.start)
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Index<Range<usize>> for Buffer {
    type Output = [u8];

    fn index(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

impl Index<usize> for Buffer {
    type Output = u8;

    fn index(&self, index: usize) -> &u8 {
        &self.bytes[index]
    }
}
