//! What the writer's thread has to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hub::log::Entry;
use crate::store::RecordRef;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex};

/// Most bytes of events that wait for a disk that does not answer. With more, none of them is written: the log on disk
/// begins anew behind them.
pub(super) const STALLED_LEN_MAX: usize = 16 * 1024 * 1024;

/// About how many bytes of events the writer takes at once. A disk that needs long for more is slow, but answers.
pub(super) const WORK_LEN_MAX: usize = 1024 * 1024;

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
    /// Sequence number of the last event that was put in.
    newest: AtomicU64,
    /// Events up to this sequence number were shown to browsers while the writer took too long. They remain visible when it
    /// goes on, whether they are written or not.
    shown_until: AtomicU64,
    /// Notified when the writer has ended.
    ended: Condvar,
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
    /// Adds an event. Call [`wake`](Self::wake) to have it written soon: so events that come together are written together.
    /// Returns false if it, and all that wait, are not written because there are too many.
    pub(super) fn put(&self, entry: &Arc<Entry>, id: Option<&str>) -> bool {
        let mut state = self.state.lock();
        self.newest.store(entry.sequence, Ordering::Release);
        if self.is_stalled() {
            self.shown_until.store(entry.sequence, Ordering::Release);
        }
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
        has_room
    }

    /// Makes the writer take its work.
    pub(super) fn wake(&self) {
        self.has_work.notify_one();
    }

    pub(super) fn mark(&self, sequence: u64) {
        // A mark says that all events up to it are appended: see `clear`.
        self.change(|work| work.mark = work.mark.max(Some(sequence.max(self.newest()))));
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
        // A mark says that all events up to it are appended.
        let newest = self.newest();
        state.work.mark = state.work.mark.map(|mark| mark.max(newest));
    }

    /// Returns the sequence number of the last event that was put in.
    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Returns the sequence number up to which events were shown to browsers although they were not written.
    pub(super) fn shown_until(&self) -> u64 {
        self.shown_until.load(Ordering::Acquire)
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
        if !is_late || self.is_stalled.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.shown_until.store(self.newest(), Ordering::Release);
        true
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
        let (work, len) = state.work.take_some();
        self.len.fetch_sub(len, Ordering::AcqRel);
        work
    }

    /// Records that the work is done. Returns whether it has taken too long.
    pub(super) fn done(&self, is_end: bool) -> bool {
        let mut state = self.state.lock();
        state.busy_since = None;
        state.has_ended = is_end;
        if is_end {
            self.ended.notify_all();
        }
        self.is_stalled.swap(false, Ordering::AcqRel)
    }

    /// Waits until the writer has ended, at most for `limit`.
    pub(super) fn until_ended(&self, limit: Duration) {
        let mut state = self.state.lock();
        self.ended
            .wait_while_for(&mut state, |state| !state.has_ended, limit);
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

    /// Takes about [`WORK_LEN_MAX`] bytes of events, at least one, and what comes before them. Takes the rest only with the
    /// last event. Returns the bytes, too.
    fn take_some(&mut self) -> (Self, usize) {
        let mut len = 0;
        let mut count = 0;
        for event in &self.events {
            if len >= WORK_LEN_MAX {
                break;
            }
            len += event.entry.len();
            count += 1;
        }
        let mut taken = std::mem::take(self);
        if count < taken.events.len() {
            self.events = taken.events.split_off(count);
            self.mark = taken.mark.take();
            self.end = taken.end.take();
        }
        (taken, len)
    }
}
