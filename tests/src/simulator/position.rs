//! Positions in the server's log, read without the server's own code.

use std::fmt;

/// A place in the log: behind the event with this sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Number of the log.
    pub epoch: u64,
    /// Sequence number of the last event before this place.
    pub sequence: u64,
}

impl Position {
    /// Reads `EPOCH-SEQUENCE`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(epoch, sequence)| {
            let epoch = u64::from_str_radix(epoch, 16).ok()?;
            let sequence = sequence.parse().ok()?;
            Some(Self { epoch, sequence })
        });
        parts.ok_or_else(|| format!("not a position: {text:?}"))
    }

    /// Returns another place in the same epoch.
    pub(crate) fn at(self, sequence: u64) -> Self {
        Self { sequence, ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.sequence)
    }
}
