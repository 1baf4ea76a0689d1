//! The two halves of a write, between which the fan-out makes one system call for several browsers.

use std::io;
use std::os::fd::BorrowedFd;

use bytes::Bytes;
use parking_lot::MutexGuard;

use super::outbox::{Outbox, State};
use super::send::{AfterUnlock, OverflowRule};
use super::{Behind, Connection};

/// A write before its system call. It keeps the outbox locked, so that no other bytes come first.
pub(crate) struct PendingSend<'a> {
    connection: &'a Connection,
    outbox: MutexGuard<'a, Outbox>,
    frames: &'a Bytes,
    rule: OverflowRule<'a>,
}

/// A write after its system call. The outbox is unlocked.
pub(crate) struct CompleteSend<'a> {
    connection: &'a Connection,
    work: AfterUnlock,
}

impl Connection {
    /// Begins a write. `None` if that is not possible now: another thread has locked the outbox, it is not empty, the
    /// connection is ending, or it has TLS.
    pub(crate) fn begin_send<'a>(
        &'a self,
        frames: &'a Bytes,
        rule: OverflowRule<'a>,
    ) -> Option<PendingSend<'a>> {
        let outbox = self.outbox.try_lock()?;
        let can_write = outbox.state() == State::Open && outbox.is_empty();
        (can_write && !self.socket.is_tls()).then_some(PendingSend {
            connection: self,
            outbox,
            frames,
            rule,
        })
    }
}

impl<'a> PendingSend<'a> {
    /// Returns the socket and the bytes to send.
    pub(crate) fn parts(&self) -> (BorrowedFd<'_>, &[u8]) {
        (self.connection.socket.as_fd(), self.frames)
    }

    /// Makes a system call for this write alone.
    pub(crate) fn write_now(&self) -> io::Result<usize> {
        self.connection.socket.write_now(self.frames)
    }

    /// Handles the result of the system call: queues the bytes that did not fit into the send buffer, and unlocks the outbox.
    pub(crate) fn complete(mut self, sent: io::Result<usize>) -> CompleteSend<'a> {
        let Self {
            connection,
            outbox,
            frames,
            rule,
        } = &mut self;
        let work = match connection.note_sent(outbox, frames, sent) {
            Some(written) => connection.queue(outbox, frames, written, *rule),
            None => AfterUnlock::Nothing,
        };
        let connection = self.connection;
        CompleteSend { connection, work }
    }
}

impl CompleteSend<'_> {
    /// Whether [`conclude`](Self::conclude) has nothing to do.
    pub(crate) fn is_concluded(&self) -> bool {
        matches!(self.work, AfterUnlock::Nothing)
    }

    /// Returns as [`Connection::send_events`]. The caller must hold no lock of an outbox.
    pub(crate) fn conclude(self) -> Result<(), Behind> {
        self.connection.conclude(self.work)
    }
}
