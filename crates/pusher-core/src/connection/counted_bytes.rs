//! Frames that count as long as they are in memory: once, however many browsers they wait for.

use std::sync::Arc;

use bytes::Bytes;

use crate::stats::Counters;

struct Counted<B> {
    frames: B,
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

/// Makes frames shared, and counts what they take until the last part of them is let go.
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
    fn what_is_shared_counts_once_and_until_the_end() {
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
