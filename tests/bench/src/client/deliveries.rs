//! What the subscribers have received.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

use super::mark::Mark;

/// Largest latency that the histogram distinguishes.
const LATENCY_MAX: Duration = Duration::from_secs(60);

/// The deliveries of a run.
#[derive(Debug)]
pub struct Deliveries {
    /// Number of expected deliveries: publishes times subscribers.
    pub expected: u64,
    /// Number of delivered events, without duplicates.
    pub received: u64,
    /// Number of duplicates.
    pub duplicated: u64,
    /// Number of deliveries that came after a later event.
    pub reordered: u64,
    /// Number of bytes that the subscribers have received, with the headers of frames and TLS records.
    pub received_len: u64,
    /// Time from the first publish to the last delivery.
    pub took: Duration,
    /// Latencies from publish to delivery, in nanoseconds.
    pub latency: Histogram<u32>,
}

impl Deliveries {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            expected: 0,
            received: 0,
            duplicated: 0,
            reordered: 0,
            received_len: 0,
            took: Duration::ZERO,
            latency: new_histogram()?,
        })
    }

    /// Returns the number of missing deliveries.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
    }

    /// Returns the number of lost, duplicate and misordered deliveries.
    pub fn faults(&self) -> u64 {
        self.lost() + self.duplicated + self.reordered
    }

    /// Counts a delivery to a subscriber that expects the event with the number `next`.
    pub(super) fn count(&mut self, next: &mut u64, mark: Mark, now_ns: u64) {
        if mark.sequence + 1 == *next {
            self.duplicated += 1;
        } else if mark.sequence < *next {
            // The delivery was missing until now.
            self.reordered += 1;
            self.received += 1;
        } else {
            *next = mark.sequence + 1;
            self.received += 1;
            let latency_ns = now_ns.saturating_sub(mark.at_ns);
            self.latency.saturating_record(latency_ns);
        }
    }
}

/// Returns an empty histogram of times in nanoseconds.
pub(super) fn new_histogram() -> Result<Histogram<u32>> {
    Ok(Histogram::new_with_max(LATENCY_MAX.as_nanos() as u64, 3)?)
}
