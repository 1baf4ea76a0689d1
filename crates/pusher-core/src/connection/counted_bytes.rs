//! Frames whose memory is counted until they are freed. A frame that waits for many browsers counts once.

use std::sync::Arc;

use bytes::Bytes;

use crate::stats::Counters;

/// The owner of the frames. Subtracts them from the count when the last `Bytes` that refers to it is dropped.
struct Counted<B> {
    frames: B,
    /// Bytes that were added to the count.
    len: u64,
    counters: Arc<Counters>,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Counted<B> {
    fn as_ref(&self) -> &[u8] {
        self.frames.as_ref()
    }
}

impl<B> Drop for Counted<B> {
    fn drop(&mut self) {
        self.counters.events_len.remove(self.len);
    }
}

/// Returns frames as shared bytes, and counts their `capacity` until the last slice of them is dropped.
pub(crate) fn counted_bytes<B>(frames: B, capacity: usize, counters: &Arc<Counters>) -> Bytes
where
    B: AsRef<[u8]> + Send + 'static,
{
    let len = capacity as u64;
    counters.events_len.add(len);
    Bytes::from_owner(Counted {
        frames,
        len,
        counters: counters.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_bytes_count_once_until_the_last_slice_is_dropped() {
        let counters = Arc::new(Counters::default());
        let frames = counted_bytes(vec![1; 100], 128, &counters);
        let part = frames.clone().slice(90..);
        drop(frames);
        assert_eq!(part, [1; 10].as_slice());
        assert_eq!(counters.events_len.get(), 128);
        drop(part);
        assert_eq!(counters.events_len.get(), 0);
    }
}
