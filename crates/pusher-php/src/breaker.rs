//! Keeps a pushd that hangs from costing every page the whole timeout.
//!
//! A publish that failed after a good part of its timeout opens the breaker: for `pusher.retry_ms`
//! the next ones fail at once. A failure that came fast (nobody listens) opens nothing, since to try
//! again costs a page nothing either, and the first event after a restart of pushd arrives.

use std::time::{Duration, Instant};

use crate::exception::PusherError;

/// Closed: publishes are tried. Open: they are not, for a while.
#[derive(Default)]
pub(crate) struct Breaker(Option<Open>);

struct Open {
    since: Instant,
    fault: PusherError,
}

impl Breaker {
    /// How long it stays open, and why it is. `None`: closed.
    pub(crate) fn open_for(&self, retry: Duration) -> Option<(Duration, &PusherError)> {
        let open = self.0.as_ref()?;
        let left = retry.saturating_sub(open.since.elapsed());
        (!left.is_zero()).then_some((left, &open.fault))
    }

    /// What a publish gets that is not tried.
    pub(crate) fn fault(&self, retry: Duration) -> Option<PusherError> {
        self.open_for(retry).map(|(left, last)| PusherError {
            code: last.code,
            message: format!(
                "not tried, the next attempt is in {} ms (pusher.retry_ms), since the last failed: {}",
                left.as_millis() + 1,
                last.message
            ),
        })
    }

    /// pushd has answered.
    pub(crate) fn close(&mut self) {
        self.0 = None;
    }

    /// A publish failed after this time of its timeout.
    pub(crate) fn record(&mut self, fault: &PusherError, elapsed: Duration, timeout: Duration) {
        self.0 = (elapsed >= timeout / 2).then(|| Open {
            since: Instant::now(),
            fault: fault.clone(),
        });
    }
}
