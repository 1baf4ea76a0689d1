//! The deadline that all steps of a publish share.

use std::time::{Duration, Instant};

/// A start time and a timeout.
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

    /// Returns the remaining time, at least 1 ms: a socket timeout of 0 means "no timeout".
    pub(crate) fn remaining(&self) -> Result<Duration, Passed> {
        let remaining = self.timeout.saturating_sub(self.elapsed());
        if remaining.is_zero() {
            return Err(Passed);
        }
        Ok(remaining.max(Duration::from_millis(1)))
    }
}
