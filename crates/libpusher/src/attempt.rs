//! Which step of which operation failed, for error messages.

use std::fmt;
use std::time::Duration;

use crate::address::Address;

/// What the caller asked pushd for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// To publish an event.
    Publish,
    /// The present position of the log. It changes nothing, so it may be sent twice.
    Position,
    /// To publish the events of its spool first. It changes nothing else, so it may be sent twice.
    Drain,
}

/// The failed operation, the address, and the time spent.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What failed.
    pub operation: Operation,
    /// The address of pushd.
    pub address: Address,
    /// Time since the operation began.
    pub elapsed: Duration,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed_ms = self.elapsed.as_secs_f64() * 1e3;
        write!(f, "{} after {elapsed_ms:.1} ms", self.address)
    }
}

/// The step that an operation had reached when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for another thread that uses the same connection. Nothing was sent.
    Waiting,
    /// Connecting. Nothing was sent.
    Connecting,
    /// Sending. The message did not arrive completely, so an event was not published.
    Sending,
    /// Waiting for the answer. An event may or may not have been published.
    Answer,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting for other threads' publishes",
            Self::Connecting => "connecting",
            Self::Sending => "sending",
            Self::Answer => "waiting for the answer",
        })
    }
}
