//! The one point in time that everything in a publish shares.

use std::time::{Duration, Instant};

/// A deadline, and when it began to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    start: Instant,
    timeout: Duration,
}

/// The deadline has passed.
#[derive(Debug)]
pub(crate) struct Passed;

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self {
            start: Instant::now(),
            timeout,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Time left. At least a millisecond as long as there is any: a socket takes 0 for "forever".
    pub(crate) fn remaining(&self) -> Result<Duration, Passed> {
        let remaining = self.timeout.saturating_sub(self.elapsed());
        if remaining.is_zero() {
            return Err(Passed);
        }
        Ok(remaining.max(Duration::from_millis(1)))
    }
}
