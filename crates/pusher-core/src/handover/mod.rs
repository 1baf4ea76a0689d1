//! Hands a running server over to another process, with its connections.
//!
//! 1. [`Collector::begin`]: what arrives from now on waits in the kernel. Publishers get the receipts of
//!    the messages that they have sent completely; their tasks, those of listeners and of handshakes bring their sockets to the
//!    [`Collector`], with the bytes of incomplete messages.
//! 2. The hub accepts no more events. The flushers write those that it has accepted to sockets, or put them in outboxes. If
//!    they need longer than `flush_timeout`, the server closes all sessions. Their clients connect again, and ask for what
//!    they missed.
//! 3. The tasks of sessions and event streams bring their sockets and their state.
//! 4. The rest of the state is read ([`State`]). Server and threads end.
//!
//! The other process reads the [`HandOver`] and continues where this one has stopped. It may also be the same process, if the
//! other one could not be started. If the other process cannot continue the log, it closes the sessions, and tells their
//! clients of a gap when they come back. A connection that cannot be handed over in time is closed, and its client comes back.

mod collector;
mod descriptor;
mod format_2;
mod no_upgrade;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;

pub use descriptor::Descriptor;
pub use no_upgrade::NoUpgrade;

pub(crate) use collector::Collector;
pub(crate) use descriptor::{Movable, duplicate};
use format_2::State2;
pub(crate) use state::*;

/// The formats of the state that this version reads and writes, newest first. The version before it can read the last one.
const FORMATS: &[u32] = &[3, 2];

/// A server that has been handed over: its sockets, and its state.
pub struct HandOver {
    pub(crate) state: State,
    pub(crate) sockets: Vec<Descriptor>,
}

/// Why a state cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// This version does not know the format.
    #[error("this version does not know format {0} of a server's state")]
    Format(u32),
    /// The bytes are not a state of their format.
    #[error("the state of the server that ended cannot be read: {0}")]
    Damaged(postcard::Error),
    /// The state cannot be written.
    #[error("the state of the server cannot be written: {0}")]
    Write(postcard::Error),
    /// The state is of another number of sockets.
    #[error("{expected} sockets were handed over, and {found} arrived")]
    Sockets {
        /// As many as the state is for.
        expected: usize,
        /// As many as there are.
        found: usize,
    },
}

impl HandOver {
    /// Returns the formats of the state that this version reads and writes, newest first.
    pub fn formats() -> &'static [u32] {
        FORMATS
    }

    /// Writes the state.
    pub fn encode(&self, format: u32) -> Result<Vec<u8>, HandOverError> {
        let bytes = format.to_le_bytes().to_vec();
        let bytes = match format {
            3 => postcard::to_extend(&self.state, bytes),
            2 => postcard::to_extend(&State2::from(&self.state), bytes),
            _ => return Err(HandOverError::Format(format)),
        };
        bytes.map_err(HandOverError::Write)
    }

    /// Reads what [`encode`](Self::encode) has written. The sockets are those of the state, in their order.
    pub fn decode(bytes: &[u8], sockets: Vec<Descriptor>) -> Result<Self, HandOverError> {
        let (format, bytes) = bytes.split_first_chunk().ok_or(HandOverError::Damaged(
            postcard::Error::DeserializeUnexpectedEnd,
        ))?;
        let format = u32::from_le_bytes(*format);
        let state = match format {
            3 => postcard::from_bytes(bytes),
            2 => postcard::from_bytes(bytes).map(|state: State2<'_>| state.into()),
            _ => return Err(HandOverError::Format(format)),
        };
        let state: State = state.map_err(HandOverError::Damaged)?;
        let expected = state.sockets_len();
        let found = sockets.len();
        match expected == found {
            true => Ok(Self { state, sockets }),
            false => Err(HandOverError::Sockets { expected, found }),
        }
    }

    /// Returns the sockets, in the order of the state.
    pub fn sockets(&self) -> &[Descriptor] {
        &self.sockets
    }

    /// Records that no other process could take over, so this one does.
    pub fn count_failure(&mut self) {
        let figures = &mut self.state.figures;
        figures.handovers = figures.handovers.saturating_sub(1);
        figures.handovers_failed += 1;
    }
}

impl State {
    fn sockets_len(&self) -> usize {
        self.listeners.len() + self.browsers.len() + self.publishers.len()
    }
}

impl fmt::Debug for HandOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOver")
            .field("sockets", &self.sockets.len())
            .finish_non_exhaustive()
    }
}
