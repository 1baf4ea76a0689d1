//! Windows has neither signals nor the cancellation of threads.

/// See the Unix module `cancellation`.
pub(super) struct NotCanceled;

impl NotCanceled {
    pub(super) fn new() -> Self {
        Self
    }
}

/// Does nothing.
pub(super) fn disable() {}

/// Calls `start`.
pub(super) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    start()
}
