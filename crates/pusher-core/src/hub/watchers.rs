//! Watchers: operators that get a copy of a topic's events on the status page. They are separate from the fan-out, so a
//! slow operator never delays a browser.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use parking_lot::Mutex;

/// All watchers. Usually there is none, and a publish costs one relaxed load of `count`.
#[derive(Default)]
pub(crate) struct Watchers {
    /// Length of `list`, to be read without the lock.
    count: AtomicUsize,
    list: Mutex<Vec<Arc<Watch>>>,
}

/// The events of one topic for one operator.
struct Watch {
    topic: Box<str>,
    /// Most bytes in the queue.
    len_max: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<WatchItem>,
    len: usize,
    /// Number of events that were missed after the last queued one.
    missed: u64,
    waker: Option<Waker>,
}

/// An item that a watcher reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WatchItem {
    Event {
        sequence: u64,
        /// The event as it was published. All watchers share one copy.
        json: Arc<str>,
    },
    /// Number of events that were dropped here, because the watcher's queue was full.
    Missed(u64),
}

/// Reads the events of one topic. The watch ends when this is dropped.
pub(crate) struct Watcher {
    watchers: Arc<Watchers>,
    watch: Arc<Watch>,
}

impl Watchers {
    /// Starts to watch a topic, with a queue of `len_max` bytes. Returns `None` if there are `watchers_max` watchers
    /// already.
    pub(crate) fn watch(
        self: &Arc<Self>,
        topic: &str,
        len_max: usize,
        watchers_max: usize,
    ) -> Option<Watcher> {
        let mut list = self.list.lock();
        if list.len() >= watchers_max {
            return None;
        }
        let watch = Arc::new(Watch {
            topic: topic.into(),
            len_max,
            queue: Mutex::default(),
        });
        list.push(watch.clone());
        self.count.store(list.len(), Ordering::Relaxed);
        Some(Watcher {
            watchers: self.clone(),
            watch,
        })
    }

    /// Copies an event if its topic has a watcher. Call it before you lock the directory: to copy 1 MiB takes longer
    /// than all the work under that lock.
    pub(super) fn copy(&self, topic: &str, json: &str) -> Option<Arc<str>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let is_watched = self.list.lock().iter().any(|watch| *watch.topic == *topic);
        is_watched.then(|| json.into())
    }

    /// Queues an event for all watchers of its topic. Call it under the directory's lock, so that watchers see the
    /// events of a topic in the order of their sequence numbers.
    pub(super) fn event(&self, topic: &str, sequence: u64, json: &Arc<str>) {
        let list = self.list.lock();
        for watch in list.iter().filter(|watch| *watch.topic == *topic) {
            watch.put(sequence, json);
        }
    }
}

impl Watch {
    /// Queues an event, or counts it as missed if the queue is full. An empty queue takes an event of any length.
    ///
    /// After the first missed event all others are missed too, until the watcher has read the count. So the count
    /// stands between the right two events.
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
    pub(crate) fn poll_next(&self, context: &mut TaskContext<'_>) -> Poll<WatchItem> {
        let mut queue = self.watch.queue.lock();
        if let Some(item) = queue.events.pop_front() {
            if let WatchItem::Event { json, .. } = &item {
                queue.len -= json.len();
            }
            return Poll::Ready(item);
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
        let mut list = self.watchers.list.lock();
        list.retain(|watch| !Arc::ptr_eq(watch, &self.watch));
        self.watchers.count.store(list.len(), Ordering::Relaxed);
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

    /// Returns the next item, or `None` if there is none yet.
    fn next(watcher: &Watcher) -> Option<WatchItem> {
        match watcher.poll_next(&mut TaskContext::from_waker(Waker::noop())) {
            Poll::Ready(item) => Some(item),
            Poll::Pending => None,
        }
    }

    /// Publishes an event as the hub does.
    fn publish(watchers: &Watchers, topic: &str, sequence: u64, json: &str) {
        if let Some(json) = watchers.copy(topic, json) {
            watchers.event(topic, sequence, &json);
        }
    }

    fn event(sequence: u64, json: &str) -> Option<WatchItem> {
        let json = json.into();
        Some(WatchItem::Event { sequence, json })
    }

    #[test]
    fn a_watcher_sees_the_events_of_its_topic_in_order() {
        let watchers = Arc::new(Watchers::default());
        publish(&watchers, "t", 1, "1");
        let watcher = watchers.watch("t", 100, 2).unwrap();
        assert_eq!(next(&watcher), None);
        publish(&watchers, "t", 2, "22");
        publish(&watchers, "other", 9, "9");
        publish(&watchers, "t", 3, "33");
        assert_eq!(next(&watcher), event(2, "22"));
        assert_eq!(next(&watcher), event(3, "33"));
        assert_eq!(next(&watcher), None);
        drop(watcher);
        assert_eq!(watchers.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn missed_events_are_counted_at_their_position() {
        let watchers = Arc::new(Watchers::default());
        let watcher = watchers.watch("t", 10, 1).unwrap();
        for (sequence, json) in [(1, "1234567"), (2, "890"), (3, "x"), (4, "")] {
            publish(&watchers, "t", sequence, json);
        }
        assert_eq!(next(&watcher), event(1, "1234567"));
        publish(&watchers, "t", 5, "5");
        assert_eq!(next(&watcher), event(2, "890"));
        assert_eq!(next(&watcher), Some(WatchItem::Missed(3)));
        publish(&watchers, "t", 6, "an event longer than all the room");
        assert_eq!(
            next(&watcher),
            event(6, "an event longer than all the room")
        );
        assert_eq!(next(&watcher), None);
    }

    #[test]
    fn all_watchers_of_a_topic_share_one_copy() {
        let watchers = Arc::new(Watchers::default());
        let watch = || watchers.watch("t", 100, 3).unwrap();
        let all = [watch(), watch(), watchers.watch("other", 100, 3).unwrap()];
        publish(&watchers, "t", 1, "1");
        let seen = all.each_ref().map(next);
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
    fn an_event_without_watcher_is_not_copied() {
        let watchers = Arc::new(Watchers::default());
        let watcher = watchers.watch("t", 100, 1).unwrap();
        assert!(watchers.copy("other", "1").is_none());
        assert!(watchers.copy("t", "1").is_some());
        drop(watcher);
        assert!(watchers.copy("t", "1").is_none());
    }

    #[test]
    fn watchers_are_limited() {
        let watchers = Arc::new(Watchers::default());
        let first = watchers.watch("t", 10, 2).unwrap();
        let _second = watchers.watch("t", 10, 2).unwrap();
        assert!(watchers.watch("t", 10, 2).is_none());
        drop(first);
        assert!(watchers.watch("t", 10, 2).is_some());
    }
}
