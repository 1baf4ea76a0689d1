//! Counts the deliveries: whether each event arrives once and in order, and after which time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;

use crate::shell::error::ShellError;

/// Upper bound of the latency histogram. Longer latencies count as this one.
const LATENCY_MAX: Duration = Duration::from_secs(60);
/// Missing events of one subscriber that may still arrive late. Beyond that, the oldest count as lost.
const MISSING_MAX: usize = 1000;

/// The deliveries to all subscribers.
pub(super) struct Tally {
    pub(super) begin: Instant,
    /// A permit for each delivery that may be under way.
    pub(super) window: Semaphore,
    counts: Mutex<Counts>,
}

pub(super) struct Counts {
    /// Publishes with a receipt.
    pub(super) published: u64,
    /// Deliveries, without repeated ones.
    pub(super) delivered: u64,
    pub(super) doubled: u64,
    pub(super) reordered: u64,
    /// In microseconds.
    pub(super) latency: Histogram<u64>,
    /// Time from the beginning to the last publish or delivery.
    pub(super) took: Duration,
    /// Why the measurement ended early.
    pub(super) failed: Option<ShellError>,
}

impl Tally {
    /// `window` is the number of deliveries that may be under way.
    pub(super) fn new(window: u32) -> Result<Self, ShellError> {
        let longest = u64::try_from(LATENCY_MAX.as_micros()).unwrap_or(u64::MAX);
        let latency = Histogram::new_with_max(longest, 3)?;
        Ok(Self {
            begin: Instant::now(),
            window: Semaphore::new(window as usize),
            counts: Mutex::new(Counts {
                published: 0,
                delivered: 0,
                doubled: 0,
                reordered: 0,
                latency,
                took: Duration::ZERO,
                failed: None,
            }),
        })
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock()
    }

    pub(super) fn publish(&self) {
        let mut counts = self.counts.lock();
        counts.published += 1;
        counts.took = self.begin.elapsed();
    }

    /// Counts a delivery of the event that was due at `at`, a time since the beginning.
    pub(super) fn deliver(&self, arrival: Arrival, at: Duration) {
        let now = self.begin.elapsed();
        let mut counts = self.counts.lock();
        match arrival {
            Arrival::New { advance } => self.window.add_permits(advance),
            Arrival::Late => counts.reordered += 1,
            Arrival::Again => {
                counts.doubled += 1;
                return;
            }
        }
        counts.delivered += 1;
        counts.took = now;
        let latency = now.saturating_sub(at).as_micros();
        let latency = u64::try_from(latency).unwrap_or(u64::MAX);
        counts.latency.saturating_record(latency);
    }

    /// Ends the measurement early. Later reasons are usually consequences of the first, which is kept.
    pub(super) fn fail(&self, why: ShellError) {
        self.counts.lock().failed.get_or_insert(why);
    }
}

/// The order of an event among those that arrived before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It has the highest number so far. `advance` is the difference to the highest before.
    New { advance: usize },
    /// It arrived after a later event.
    Late,
    /// It had arrived before.
    Again,
}

/// The event numbers that one subscriber has received.
#[derive(Debug, Default)]
pub(super) struct Order {
    next: u64,
    missing: BTreeSet<u64>,
}

impl Order {
    pub(super) fn take(&mut self, number: u64) -> Arrival {
        if number < self.next {
            return match self.missing.remove(&number) {
                true => Arrival::Late,
                false => Arrival::Again,
            };
        }
        let advance = number - self.next + 1;
        let kept = self.next.max(number.saturating_sub(MISSING_MAX as u64));
        self.missing.extend(kept..number);
        while self.missing.len() > MISSING_MAX {
            self.missing.pop_first();
        }
        self.next = number + 1;
        Arrival::New {
            advance: usize::try_from(advance).unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_ORDER: Arrival = Arrival::New { advance: 1 };

    #[test]
    fn repeated_and_late_events_are_told_apart() {
        let mut order = Order::default();
        for (number, arrival) in [
            (0, IN_ORDER),
            (1, IN_ORDER),
            (1, Arrival::Again),
            (4, Arrival::New { advance: 3 }),
            (2, Arrival::Late),
            (2, Arrival::Again),
            (0, Arrival::Again),
            (5, IN_ORDER),
            (3, Arrival::Late),
        ] {
            assert_eq!(order.take(number), arrival, "{number}");
        }
    }

    #[test]
    fn oldest_missing_events_count_as_lost() {
        let mut order = Order::default();
        let many = MISSING_MAX as u64;
        order.take(many);
        assert_eq!(order.missing.len(), MISSING_MAX);
        order.take(many + 2);
        assert_eq!(order.missing.len(), MISSING_MAX);
        assert_eq!(order.take(0), Arrival::Again, "given up");
        assert_eq!(order.take(1), Arrival::Late);
        order.take(u64::from(u32::MAX));
        assert_eq!(order.missing.len(), MISSING_MAX);
    }

    #[test]
    fn each_kind_of_arrival_is_counted() {
        let tally = Tally::new(0).unwrap();
        tally.publish();
        tally.deliver(Arrival::New { advance: 3 }, Duration::ZERO);
        tally.deliver(Arrival::Late, Duration::MAX);
        tally.deliver(Arrival::Again, Duration::ZERO);
        tally.fail(ShellError::NoPublicListener);
        tally.fail(ShellError::NoPublishListener);
        let counts = tally.counts();
        let Counts {
            published,
            delivered,
            doubled,
            reordered,
            ..
        } = *counts;
        assert_eq!((published, delivered, doubled, reordered), (1, 2, 1, 1));
        assert_eq!(counts.latency.len(), 2);
        assert!(matches!(counts.failed, Some(ShellError::NoPublicListener)));
        assert_eq!(tally.window.available_permits(), 3);
    }
}
