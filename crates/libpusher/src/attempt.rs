//! A failed request to pushd, for error messages: its operation and its step.

use std::fmt;
use std::time::Duration;

use crate::address::Address;

/// The kinds of request to pushd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Publishes an event.
    Publish,
    /// Asks for the current position of the log.
    Position,
    /// Asks pushd to publish the events in its spool, before the publisher sends later ones.
    Drain,
    /// Ends the tickets of a user.
    Revoke,
    /// Asks for the members of a topic.
    Presence,
}

impl Operation {
    /// Whether the request may be sent again after a lost connection. Except for a publish, the second one changes
    /// nothing.
    pub(crate) fn is_repeatable(self) -> bool {
        match self {
            Self::Publish => false,
            Self::Position | Self::Drain | Self::Revoke | Self::Presence => true,
        }
    }
}

/// The failed operation, the address, and the time spent.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The failed operation.
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
