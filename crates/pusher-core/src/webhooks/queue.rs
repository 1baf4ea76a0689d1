//! The events that wait for one URL.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use pusher_proto::limits::{WEBHOOK_EVENTS_MAX, WEBHOOK_LEN_MAX};
use tokio::sync::Notify;

use crate::stats::Counters;

/// Room for what a body has in addition to its events.
const BODY_OVERHEAD: usize = 64;

/// Encoded events, oldest first. When it is dropped, its events are counted as dropped.
#[derive(Debug)]
pub(super) struct Queue {
    events: Mutex<VecDeque<Arc<str>>>,
    /// The events of the last batch, as long as it is not sent.
    in_flight: Mutex<Vec<Arc<str>>>,
    arrived: Notify,
    counters: Arc<Counters>,
}

/// The events of one request. If they are not [`sent`](Self::sent), they are counted as dropped.
#[derive(Debug)]
pub(super) struct Batch {
    events: Vec<Arc<str>>,
    is_sent: bool,
    counters: Arc<Counters>,
}

impl Queue {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            events: Mutex::default(),
            in_flight: Mutex::default(),
            arrived: Notify::new(),
            counters,
        }
    }

    /// Adds events. Beyond `max`, the oldest are dropped. Returns their number.
    pub(super) fn push(&self, new: &[Arc<str>], max: usize) -> usize {
        let mut events = self.events.lock();
        events.extend(new.iter().cloned());
        self.counters.webhooks_queued.add(new.len() as u64);
        let excess = events.len().saturating_sub(max);
        events.drain(..excess);
        drop(events);
        self.count_dropped(excess);
        self.arrived.notify_one();
        excess
    }

    /// Waits for events, and removes those of the next request.
    pub(super) async fn batch(&self) -> Batch {
        loop {
            let events = self.take();
            self.in_flight.lock().clone_from(&events);
            if !events.is_empty() {
                return Batch {
                    events,
                    is_sent: false,
                    counters: self.counters.clone(),
                };
            }
            self.arrived.notified().await;
        }
    }

    /// Returns all events that the site may not have.
    pub(super) fn hand_over(&self) -> Vec<String> {
        let in_flight = self.in_flight.lock();
        let events = self.events.lock();
        let all = in_flight.iter().chain(events.iter());
        all.map(|event| event.to_string()).collect()
    }

    fn take(&self) -> Vec<Arc<str>> {
        let mut events = self.events.lock();
        let mut len = BODY_OVERHEAD;
        let fits = |event: &&Arc<str>| {
            len += event.len() + 1;
            len <= WEBHOOK_LEN_MAX
        };
        let count = events.iter().take(WEBHOOK_EVENTS_MAX).take_while(fits);
        let count = count.count();
        events.drain(..count).collect()
    }

    fn count_dropped(&self, events: usize) {
        self.counters.webhooks_queued.remove(events as u64);
        self.counters.webhooks_dropped.add(events as u64);
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.count_dropped(self.events.lock().len());
    }
}

impl Batch {
    pub(super) fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|event| &**event)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Records that the site has the events.
    pub(super) fn sent(mut self) {
        self.is_sent = true;
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let events = self.events.len() as u64;
        self.counters.webhooks_queued.remove(events);
        match self.is_sent {
            true => self.counters.webhooks_sent.add(events),
            false => self.counters.webhooks_dropped.add(events),
        }
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::channels::webhook_body;

    use super::*;

    fn numbered(numbers: std::ops::Range<usize>) -> Vec<Arc<str>> {
        numbers.map(|number| number.to_string().into()).collect()
    }

    fn figures(counters: &Counters) -> (u64, u64, u64) {
        (
            counters.webhooks_queued.get(),
            counters.webhooks_sent.get(),
            counters.webhooks_dropped.get(),
        )
    }

    #[tokio::test]
    async fn the_oldest_events_are_dropped_at_the_limit() {
        let counters = Arc::new(Counters::default());
        let queue = Queue::new(counters.clone());
        assert_eq!(queue.push(&numbered(0..3), 4), 0);
        assert_eq!(queue.push(&numbered(3..6), 4), 2);
        assert_eq!(figures(&counters), (4, 0, 2));
        let batch = queue.batch().await;
        assert_eq!(batch.events().collect::<Vec<_>>(), ["2", "3", "4", "5"]);
        assert_eq!(figures(&counters), (4, 0, 2), "the site has none yet");
        batch.sent();
        assert_eq!(figures(&counters), (0, 4, 2));
    }

    #[tokio::test]
    async fn what_is_not_sent_is_dropped() {
        let counters = Arc::new(Counters::default());
        let queue = Queue::new(counters.clone());
        queue.push(&numbered(0..WEBHOOK_EVENTS_MAX + 7), usize::MAX);
        drop(queue.batch().await);
        assert_eq!(figures(&counters), (7, 0, WEBHOOK_EVENTS_MAX as u64));
        drop(queue);
        assert_eq!(figures(&counters), (0, 0, WEBHOOK_EVENTS_MAX as u64 + 7));
    }

    #[tokio::test]
    async fn a_request_has_at_most_so_many_events_and_bytes() {
        let queue = Queue::new(Arc::default());
        queue.push(&numbered(0..2 * WEBHOOK_EVENTS_MAX), usize::MAX);
        let batch = queue.batch().await;
        assert_eq!(batch.len(), WEBHOOK_EVENTS_MAX);
        let last = (WEBHOOK_EVENTS_MAX - 1).to_string();
        assert_eq!(batch.events().last(), Some(&*last));

        let queue = Queue::new(Arc::default());
        let long: Arc<str> = "x".repeat(1000).into();
        queue.push(&vec![long; WEBHOOK_EVENTS_MAX], usize::MAX);
        let batch = queue.batch().await;
        let body = webhook_body(u64::MAX, batch.events());
        let range = WEBHOOK_LEN_MAX - 1100..=WEBHOOK_LEN_MAX;
        assert!(range.contains(&body.len()), "{}", body.len());
    }

    #[tokio::test]
    async fn a_batch_waits_for_events() {
        let queue = Queue::new(Arc::default());
        let push = async { queue.push(&numbered(0..1), 1) };
        let (batch, _) = tokio::join!(queue.batch(), push);
        assert_eq!(batch.len(), 1);
    }
}
