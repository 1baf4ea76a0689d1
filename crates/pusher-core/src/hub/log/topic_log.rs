//! The entries of one topic.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Entry;

/// The entries of one topic, oldest first.
#[derive(Debug)]
pub(super) struct TopicLog {
    entries: VecDeque<Arc<Entry>>,
    /// Bytes of all entries.
    len: usize,
    watermark: u64,
}

impl TopicLog {
    pub(super) fn new(watermark: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            len: 0,
            watermark,
        }
    }

    /// Returns the sequence number of the last dropped event, or a greater one. 0 if none was dropped.
    pub(super) fn watermark(&self) -> u64 {
        self.watermark
    }

    pub(super) fn raise_watermark(&mut self, watermark: u64) {
        self.watermark = self.watermark.max(watermark);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Returns the bytes of all entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        self.len += entry.len();
        self.entries.push_back(entry);
    }

    pub(super) fn oldest(&self) -> Option<&Entry> {
        self.entries.front().map(|entry| &**entry)
    }

    pub(super) fn newest(&self) -> Option<&Entry> {
        self.entries.back().map(|entry| &**entry)
    }

    pub(super) fn drop_oldest(&mut self) -> Option<Arc<Entry>> {
        let dropped = self.entries.pop_front()?;
        self.len -= dropped.len();
        self.watermark = self.watermark.max(dropped.sequence);
        // A topic that was busy must not keep the memory of its busiest time.
        if self.entries.capacity() > 64 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        Some(dropped)
    }

    /// Whether there are more events or bytes than allowed.
    pub(super) fn is_beyond(&self, events_max: usize, len_max: usize) -> bool {
        self.entries.len() > events_max || self.len > len_max
    }

    /// Returns the entries behind a sequence number.
    pub(super) fn after(&self, after: u64) -> impl ExactSizeIterator<Item = &Arc<Entry>> {
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= after);
        self.entries.range(start..)
    }

    /// Returns the number of entries that were published up to a time of the log's clock.
    pub(super) fn count_until(&self, at_ms: u64) -> usize {
        self.entries.partition_point(|entry| entry.at_ms <= at_ms)
    }

    /// Returns the sequence number before the last `count` entries. `None` if `count` is 0 or there are no entries.
    pub(super) fn before_last(&self, count: usize) -> Option<u64> {
        let first = self.entries.len().saturating_sub(count);
        self.entries.get(first).map(|entry| entry.sequence - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{ENTRY_COST, NewEvent};
    use super::*;
    use crate::connection::Topic;
    use crate::hub::event_frame::EventFrame;

    /// Entries of 4 bytes, published at these times.
    fn log(times_ms: &[u64]) -> TopicLog {
        let mut log = TopicLog::new(0);
        for (sequence, &at_ms) in (1..).zip(times_ms) {
            let event = NewEvent {
                frame: EventFrame::new(b"123]".to_vec(), 3),
                recipients: None,
                at_ms,
                channels: None,
            };
            log.push(Arc::new(Entry::new(sequence, &Topic::from("t"), event)));
        }
        log
    }

    #[test]
    fn limits_may_be_reached() {
        let log = log(&[1, 2]);
        let len = 2 * (4 + ENTRY_COST);
        assert_eq!(log.len(), len);
        for (events_max, len_max, is_beyond) in [
            (2, len, false),
            (1, len, true),
            (2, len - 1, true),
            (3, len + 1, false),
        ] {
            assert_eq!(
                log.is_beyond(events_max, len_max),
                is_beyond,
                "{events_max} {len_max}"
            );
        }
    }

    #[test]
    fn entries_of_a_time_belong_to_it() {
        let log = log(&[5, 7, 7, 9]);
        let counts = [4, 5, 6, 7, 8, 9, 10].map(|at_ms| log.count_until(at_ms));
        assert_eq!(counts, [0, 1, 1, 3, 3, 4, 4]);
    }
}
