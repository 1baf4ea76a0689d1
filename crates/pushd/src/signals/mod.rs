//! Signals that end the daemon, make it read its settings again, or are ignored.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{IGNORED, Requests, end, ignored, requests};
#[cfg(windows)]
pub(crate) use windows::{Requests, end, ignored, requests};

/// A command of the operator that came as a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGHUP: read the settings again.
    Reload,
    /// SIGUSR2: replace the program and keep the connections.
    Upgrade,
}
