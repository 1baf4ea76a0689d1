//! Keeps a pushd that hangs from costing every page the whole timeout.
//!
//! A publish that failed after at least half of its timeout opens the breaker: for `pusher.retry_ms` the next ones
//! fail at once. A fast failure, such as a refused connection, does not open it: trying again costs a page nothing, and
//! the first event after a restart of pushd arrives.

use std::time::{Duration, Instant};

use crate::exception::PusherError;

/// While it is closed, publishes are tried. While it is open, they fail at once.
#[derive(Default)]
pub(crate) struct Breaker(Option<Open>);

struct Open {
    since: Instant,
    error: PusherError,
}

impl Breaker {
    /// Returns how long it stays open and the error that opened it, or `None` if it is closed.
    pub(crate) fn open_for(&self, retry: Duration) -> Option<(Duration, &PusherError)> {
        let open = self.0.as_ref()?;
        let left = retry.saturating_sub(open.since.elapsed());
        (!left.is_zero()).then_some((left, &open.error))
    }

    /// Returns the error for a publish that is not tried, or `None` if the breaker is closed.
    pub(crate) fn not_tried(&self, retry: Duration) -> Option<PusherError> {
        self.open_for(retry).map(|(left, last)| PusherError {
            code: last.code,
            message: format!(
                "not tried, the next attempt is in {} ms (pusher.retry_ms), since the last failed: {}",
                left.as_millis() + 1,
                last.message
            ),
        })
    }

    /// Closes the breaker: pushd has answered.
    pub(crate) fn close(&mut self) {
        self.0 = None;
    }

    /// Records a publish that failed after `elapsed`. Opens the breaker if that is half of the timeout or more.
    pub(crate) fn record(&mut self, error: &PusherError, elapsed: Duration, timeout: Duration) {
        self.0 = (elapsed >= timeout / 2).then(|| Open {
            since: Instant::now(),
            error: error.clone(),
        });
    }
}
