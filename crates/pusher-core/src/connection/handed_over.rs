//! A connection as another process takes it over.

use std::sync::atomic::Ordering;

use super::Connection;
use super::outbox::{KeptEvents, State};
use crate::handover::Descriptor;

/// A connection that another process takes over.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) descriptor: Descriptor,
    /// The bytes to send first.
    pub(crate) unsent: Vec<u8>,
    /// The events to read from the log.
    pub(crate) behind: Vec<KeptEvents>,
    pub(crate) pongs_expected: u32,
}

impl Connection {
    /// Ends the connection here, and returns it for another process. `None` if it has TLS or is ending: then it is closed, as
    /// at a restart, and its client comes back.
    pub(crate) fn hand_over(&self) -> Option<HandedOver> {
        let mut outbox = self.outbox.lock();
        if outbox.state() != State::Open {
            return None;
        }
        let descriptor = match self.socket.duplicate() {
            Ok(descriptor) => descriptor,
            Err(error) => {
                outbox.finish(None);
                let peer = self.peer();
                tracing::debug!(%peer, %error, "cannot hand a connection over");
                return None;
            }
        };
        let (unsent, behind) = outbox.hand_over();
        Some(HandedOver {
            descriptor,
            unsent,
            behind,
            pongs_expected: self.pongs_expected.load(Ordering::Relaxed),
        })
    }

    /// Continues with what another process had to send.
    pub(crate) fn take_over(&self, unsent: Vec<u8>, pongs_expected: u32) {
        self.pongs_expected.store(pongs_expected, Ordering::Relaxed);
        if !unsent.is_empty() {
            let unsent = self.counted_frame(unsent);
            self.outbox.lock().push_unbounded(unsent);
        }
    }
}
