//! Operators that watch a topic: its events are copied to them, apart from the fan-out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Everybody who watches. Nobody does, as a rule: then a publish looks at one number.
#[derive(Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    taps: Mutex<Vec<Arc<Tap>>>,
}

/// One topic's events for one operator.
struct Tap {
    topic: Box<str>,
    len_max: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<WatchItem>,
    len: usize,
    missed: u64,
    waker: Option<Waker>,
}

/// What a watcher sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WatchItem {
    Event {
        sequence: u64,
        /// JSON, as it was published; all watchers share one copy.
        json: Arc<str>,
    },
    /// So many events did not fit what the watcher had not read yet.
    Missed(u64),
}

/// Watches until it is dropped.
pub(crate) struct Watcher {
    taps: Arc<Watchers>,
    tap: Arc<Tap>,
}

impl Watchers {
    /// Begins to watch a topic with room for so many bytes; `None` if enough others do.
    pub(crate) fn watch(
        self: &Arc<Self>,
        topic: &str,
        len_max: usize,
        watchers_max: usize,
    ) -> Option<Watcher> {
        let mut taps = self.taps.lock();
        if taps.len() >= watchers_max {
            return None;
        }
        let tap = Arc::new(Tap {
            topic: topic.into(),
            len_max,
            queue: Mutex::default(),
        });
        taps.push(tap.clone());
        self.count.store(taps.len(), Ordering::Relaxed);
        Some(Watcher {
            taps: self.clone(),
            tap,
        })
    }

    /// Copies an event if somebody watches its topic. Call it before the directory is locked: a copy of 1 MiB takes
    /// longer than everything that happens under that lock.
    pub(super) fn copy(&self, topic: &str, json: &str) -> Option<Arc<str>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let is_watched = self.taps.lock().iter().any(|tap| *tap.topic == *topic);
        is_watched.then(|| json.into())
    }

    /// Gives an event to all watchers of its topic. Call it under the directory's lock: the events of a topic then come
    /// in the order of their sequence numbers.
    pub(super) fn event(&self, topic: &str, sequence: u64, json: &Arc<str>) {
        for tap in self.taps.lock().iter().filter(|tap| *tap.topic == *topic) {
            tap.put(sequence, json);
        }
    }
}

impl Tap {
    /// Any event fits an empty queue.
    fn put(&self, sequence: u64, json: &Arc<str>) {
        let mut queue = self.queue.lock();
        if queue.missed > 0 || queue.len > 0 && queue.len + json.len() > self.len_max {
            queue.missed += 1;
            return;
        }
        queue.len += json.len();
        let json = json.clone();
        queue.events.push_back(WatchItem::Event { sequence, json });
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

impl Watcher {
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<WatchItem> {
        let mut queue = self.tap.queue.lock();
        if let Some(seen) = queue.events.pop_front() {
            if let WatchItem::Event { json, .. } = &seen {
                queue.len -= json.len();
            }
            return Poll::Ready(seen);
        }
        match std::mem::take(&mut queue.missed) {
            0 => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
            missed => Poll::Ready(WatchItem::Missed(missed)),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut taps = self.taps.taps.lock();
        taps.retain(|tap| !Arc::ptr_eq(tap, &self.tap));
        self.taps.count.store(taps.len(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchers({})", self.count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a watcher sees next, `None` if there is nothing yet.
    fn next(watcher: &Watcher) -> Option<WatchItem> {
        match watcher.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(seen) => Some(seen),
            Poll::Pending => None,
        }
    }

    /// Publishes as the hub does.
    fn publish(taps: &Watchers, topic: &str, sequence: u64, json: &str) {
        if let Some(json) = taps.copy(topic, json) {
            taps.event(topic, sequence, &json);
        }
    }

    fn event(sequence: u64, json: &str) -> Option<WatchItem> {
        let json = json.into();
        Some(WatchItem::Event { sequence, json })
    }

    #[test]
    fn events_of_the_topic_come_in_order_as_long_as_somebody_watches() {
        let taps = Arc::new(Watchers::default());
        publish(&taps, "t", 1, "1");
        let watcher = taps.watch("t", 100, 2).unwrap();
        assert_eq!(next(&watcher), None);
        publish(&taps, "t", 2, "22");
        publish(&taps, "other", 9, "9");
        publish(&taps, "t", 3, "33");
        assert_eq!(next(&watcher), event(2, "22"));
        assert_eq!(next(&watcher), event(3, "33"));
        assert_eq!(next(&watcher), None);
        drop(watcher);
        assert_eq!(taps.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_told_in_its_place() {
        let taps = Arc::new(Watchers::default());
        let watcher = taps.watch("t", 10, 1).unwrap();
        for (sequence, json) in [(1, "1234567"), (2, "890"), (3, "x"), (4, "")] {
            publish(&taps, "t", sequence, json);
        }
        assert_eq!(next(&watcher), event(1, "1234567"));
        publish(&taps, "t", 5, "5");
        assert_eq!(next(&watcher), event(2, "890"));
        assert_eq!(next(&watcher), Some(WatchItem::Missed(3)));
        publish(&taps, "t", 6, "an event longer than all the room");
        assert_eq!(
            next(&watcher),
            event(6, "an event longer than all the room")
        );
        assert_eq!(next(&watcher), None);
    }

    #[test]
    fn all_watchers_of_a_topic_share_one_copy() {
        let taps = Arc::new(Watchers::default());
        let watch = || taps.watch("t", 100, 3).unwrap();
        let watchers = [watch(), watch(), taps.watch("other", 100, 3).unwrap()];
        publish(&taps, "t", 1, "1");
        let seen = watchers.each_ref().map(next);
        let [
            Some(WatchItem::Event { json: first, .. }),
            Some(WatchItem::Event { json: second, .. }),
            None,
        ] = seen
        else {
            panic!("{seen:?}");
        };
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn an_event_that_nobody_watches_is_not_copied() {
        let taps = Arc::new(Watchers::default());
        let watcher = taps.watch("t", 100, 1).unwrap();
        assert!(taps.copy("other", "1").is_none());
        assert!(taps.copy("t", "1").is_some());
        drop(watcher);
        assert!(taps.copy("t", "1").is_none());
    }

    #[test]
    fn so_many_may_watch() {
        let taps = Arc::new(Watchers::default());
        let first = taps.watch("t", 10, 2).unwrap();
        let _second = taps.watch("t", 10, 2).unwrap();
        assert!(taps.watch("t", 10, 2).is_none());
        drop(first);
        assert!(taps.watch("t", 10, 2).is_some());
    }
}
