//! What has arrived: each event once, in order, and after what time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;

use super::Failed;

/// The longest latency that is told from longer ones.
const LATENCY_MAX: Duration = Duration::from_secs(60);
/// Events of one subscriber that are missing and may still come; of more, the oldest are given up.
const MISSING_MAX: usize = 1000;

/// Of all subscribers.
pub(super) struct Tally {
    pub(super) begin: Instant,
    /// A permit for each delivery that may be under way.
    pub(super) room: Semaphore,
    counts: Mutex<Counts>,
}

pub(super) struct Counts {
    /// With a receipt.
    pub(super) published: u64,
    /// Each counted once.
    pub(super) delivered: u64,
    pub(super) doubled: u64,
    pub(super) reordered: u64,
    /// In microseconds.
    pub(super) latency: Histogram<u64>,
    /// From the beginning to the last publish or delivery, whichever is later.
    pub(super) took: Duration,
    /// Why there is an end before the end.
    pub(super) failed: Option<Failed>,
}

impl Tally {
    /// `room` is how many deliveries may be under way.
    pub(super) fn new(room: u32) -> Result<Self, Failed> {
        let longest = u64::try_from(LATENCY_MAX.as_micros()).unwrap_or(u64::MAX);
        let latency = Histogram::new_with_max(longest, 3).map_err(|error| error.to_string())?;
        Ok(Self {
            begin: Instant::now(),
            room: Semaphore::new(room as usize),
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

    /// An event that was due `at` after the beginning has reached a subscriber.
    pub(super) fn deliver(&self, arrival: Arrival, at: Duration) {
        let now = self.begin.elapsed();
        let mut counts = self.counts.lock();
        match arrival {
            Arrival::New { advance } => self.room.add_permits(advance),
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

    /// The first reason is the one that is told.
    pub(super) fn fail(&self, why: Failed) {
        self.counts.lock().failed.get_or_insert(why);
    }
}

/// How an event comes, beside those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// With the highest number so far: by how much.
    New { advance: usize },
    /// Behind a later one.
    Late,
    /// It was there already.
    Again,
}

/// The numbers that one subscriber has seen.
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
    fn what_is_doubled_or_late_is_told_apart() {
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
    fn of_what_is_missing_the_oldest_is_given_up() {
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
    fn each_arrival_is_counted_as_what_it_is() {
        let tally = Tally::new(0).unwrap();
        tally.publish();
        tally.deliver(Arrival::New { advance: 3 }, Duration::ZERO);
        tally.deliver(Arrival::Late, Duration::MAX);
        tally.deliver(Arrival::Again, Duration::ZERO);
        tally.fail("first".to_owned());
        tally.fail("second".to_owned());
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
        assert_eq!(counts.failed.as_deref(), Some("first"));
        assert_eq!(tally.room.available_permits(), 3);
    }
}
