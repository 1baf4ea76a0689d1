//! What the writer's thread has to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::hub::log::Entry;
use crate::store::RecordRef;

/// Most bytes of events that wait for a disk that does not answer. With more, none of them is written: the log on disk
/// begins anew behind them.
const STALLED_LEN_MAX: usize = 16 * 1024 * 1024;

/// Sequence numbers of events without history between two marks in the store.
pub(super) const MARK_INTERVAL: u64 = 1 << 16;

/// The work of the writer, and whether it is busy.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Notified when there is work.
    has_work: Condvar,
    /// Bytes of the events that wait, as they count for the log.
    len: AtomicUsize,
    /// The writer takes too long with its work: see [`check`](Self::check).
    is_stalled: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    work: Work,
    /// When the writer has taken its work. `None` if it waits for some.
    busy_since: Option<Instant>,
    has_ended: bool,
}

/// Steps of the writer, in this order.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Removes all events, because other events are selected from now on.
    pub(super) selection: Option<u64>,
    /// Removes all events, because some behind them are not written.
    pub(super) clears: bool,
    /// Appends events, in the order of their sequence numbers.
    pub(super) events: Vec<Unwritten>,
    /// Records that the sequence numbers up to this one are in use. Those of `events` may be greater.
    pub(super) mark: Option<u64>,
    pub(super) end: Option<End>,
}

/// The end of the writer.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The last sequence number. `None` if the log has no end, as if the server was killed.
    pub(super) top: Option<u64>,
}

/// An event that is not written yet.
#[derive(Debug)]
pub(super) struct Unwritten {
    entry: Arc<Entry>,
    id: Option<Box<str>>,
}

impl Unwritten {
    pub(super) fn sequence(&self) -> u64 {
        self.entry.sequence
    }

    pub(super) fn record(&self, time_ms: u64) -> RecordRef<'_> {
        RecordRef {
            sequence: self.entry.sequence,
            time_ms,
            flags: u8::from(self.entry.is_for_chosen()),
            topic: &self.entry.topic,
            id: self.id.as_deref(),
            event: self.entry.event(),
        }
    }
}

impl Queue {
    /// Adds an event. Returns false if it, and all that wait, are not written because there are too many.
    pub(super) fn put(&self, entry: &Arc<Entry>, id: Option<&str>) -> bool {
        let mut state = self.state.lock();
        let len = self.len() + entry.len();
        let has_room = !self.is_stalled() || len <= STALLED_LEN_MAX;
        if has_room {
            self.len.store(len, Ordering::Release);
            state.work.events.push(Unwritten {
                entry: entry.clone(),
                id: id.map(Box::from),
            });
        } else {
            self.clear(&mut state);
            state.work.clears = true;
        }
        self.has_work.notify_one();
        has_room
    }

    pub(super) fn mark(&self, sequence: u64) {
        self.change(|work| work.mark = work.mark.max(Some(sequence)));
    }

    /// Removes the events that wait. Those that come later are the first of a new log.
    pub(super) fn change_selection(&self, selection: u64) {
        let mut state = self.state.lock();
        self.clear(&mut state);
        state.work.selection = Some(selection);
        self.has_work.notify_one();
    }

    /// Ends the writer behind all that waits. Only the first call counts.
    pub(super) fn end(&self, top: Option<u64>) {
        self.change(|work| work.end = work.end.or(Some(End { top })));
    }

    fn change(&self, change: impl FnOnce(&mut Work)) {
        change(&mut self.state.lock().work);
        self.has_work.notify_one();
    }

    fn clear(&self, state: &mut State) {
        state.work.events.clear();
        self.len.store(0, Ordering::Release);
    }

    /// Returns the bytes of the events that wait, as they count for the log.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.is_stalled.load(Ordering::Acquire)
    }

    /// Finds out whether the writer has been busy with one piece of work for longer than `limit`. Returns true if that is
    /// new.
    pub(super) fn check(&self, limit: Duration) -> bool {
        let state = self.state.lock();
        let is_late = state
            .busy_since
            .is_some_and(|since| since.elapsed() > limit);
        is_late && !self.is_stalled.swap(true, Ordering::AcqRel)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().has_ended
    }

    /// Waits for work, and takes it. The writer calls [`done`](Self::done) next.
    pub(super) fn next(&self) -> Work {
        let mut state = self.state.lock();
        while state.work.is_empty() {
            self.has_work.wait(&mut state);
        }
        state.busy_since = Some(Instant::now());
        self.len.store(0, Ordering::Release);
        std::mem::take(&mut state.work)
    }

    /// Records that the work is done. Returns whether it has taken too long.
    pub(super) fn done(&self, is_end: bool) -> bool {
        let mut state = self.state.lock();
        state.busy_since = None;
        state.has_ended = is_end;
        self.is_stalled.swap(false, Ordering::AcqRel)
    }
}

impl Work {
    fn is_empty(&self) -> bool {
        let Self {
            selection,
            clears,
            events,
            mark,
            end,
        } = self;
        selection.is_none() && !clears && events.is_empty() && mark.is_none() && end.is_none()
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::wamp::event_frame;

    use super::*;
    use crate::connection::Topic;
    use crate::hub::event_frame::EventFrame;
    use crate::hub::log::NewEvent;

    fn put(queue: &Queue, sequence: u64, len: usize) -> bool {
        let event = "1".repeat(len);
        let new_event = NewEvent {
            frame: EventFrame::new(event_frame("t", &event), len),
            recipients: None,
            at_ms: 0,
            channels: None,
        };
        let entry = Entry::new(sequence, &Topic::from("t"), new_event);
        queue.put(&Arc::new(entry), None)
    }

    fn sequences(work: &Work) -> Vec<u64> {
        work.events.iter().map(Unwritten::sequence).collect()
    }

    /// Puts an event, and makes the writer take too long with it.
    fn stalled() -> Queue {
        let queue = Queue::default();
        assert!(put(&queue, 1, 1));
        assert!(!queue.check(Duration::ZERO), "the writer has not begun");
        assert_eq!(sequences(&queue.next()), [1]);
        assert!(!queue.check(Duration::from_secs(1000)));
        assert!(queue.check(Duration::ZERO));
        assert!(!queue.check(Duration::ZERO), "it is known");
        queue
    }

    #[test]
    fn events_wait_for_a_writer_that_takes_too_long() {
        let queue = stalled();
        for sequence in 2..=4 {
            assert!(put(&queue, sequence, 1));
        }
        assert!(queue.len() > 0);
        assert!(queue.done(false));
        assert!(!queue.is_stalled());
        let work = queue.next();
        assert_eq!(sequences(&work), [2, 3, 4]);
        assert_eq!((work.clears, queue.len()), (false, 0));
    }

    #[test]
    fn too_many_events_for_a_writer_that_takes_too_long_are_dropped() {
        let queue = stalled();
        let mut puts = 2..;
        let last = puts.find(|sequence| !put(&queue, *sequence, STALLED_LEN_MAX / 4));
        assert_eq!(last, Some(5), "three and their frames fit");
        assert!(put(&queue, 6, 1));
        assert!(queue.done(false));
        let work = queue.next();
        assert_eq!(sequences(&work), [6]);
        assert!(work.clears);
    }

    #[test]
    fn a_writer_that_answers_takes_more() {
        let queue = Queue::default();
        for sequence in 1..=5 {
            assert!(put(&queue, sequence, STALLED_LEN_MAX / 4));
        }
        assert_eq!(sequences(&queue.next()), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn steps_wait_together_and_the_first_end_counts() {
        let queue = Queue::default();
        put(&queue, 1, 1);
        queue.change_selection(7);
        put(&queue, 2, 1);
        queue.mark(20);
        queue.mark(10);
        queue.end(Some(30));
        queue.end(None);
        let work = queue.next();
        assert_eq!(work.selection, Some(7));
        assert_eq!(sequences(&work), [2], "the others belong to the old log");
        assert_eq!(work.mark, Some(20));
        assert_eq!(work.end.unwrap().top, Some(30));
        assert!(!queue.has_ended());
        queue.done(true);
        assert!(queue.has_ended());
    }
}
