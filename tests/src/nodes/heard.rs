//! An event or a gap, as a client hears it.

use crate::simulator::{Lost, Position};

/// An event or a gap that a follower has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event {
        /// `None` if the protocol does not tell.
        position: Option<Position>,
        /// The event, a number.
        payload: u64,
    },
    /// Events before this position are missing.
    Gap(Position),
}

pub(super) fn wrong(text: impl std::fmt::Display) -> Lost {
    Lost::Wrong(text.to_string())
}

pub(super) fn number(text: &str) -> Result<u64, Lost> {
    text.trim()
        .parse()
        .map_err(|_| wrong(format!("not a number: {text:?}")))
}

pub(super) fn position(text: &str) -> Result<Position, Lost> {
    Position::parse(text).map_err(Lost::Wrong)
}
