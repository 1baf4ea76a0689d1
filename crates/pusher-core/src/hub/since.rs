//! The beginning of a subscription.

use pusher_proto::Position;

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// With the next event, or with the last ones if `replay-on-subscribe` says so.
    Now,
    /// Behind a position.
    Position(Position),
    /// Behind a text that is not a position: a gap.
    Unknown,
}

impl Since {
    /// Reads a position of a client.
    pub(crate) fn parse(text: &str) -> Self {
        text.parse().map_or(Self::Unknown, Self::Position)
    }
}
