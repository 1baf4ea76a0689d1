//! Writes to several subscribers with one system call (io_uring).

use bytes::Bytes;
use pusher_uring::{BATCH_MAX, SendResult, SendRing};
use smallvec::SmallVec;

use crate::config::IoUring;
use crate::connection::{Behind, CompleteSend, PendingSend, Rest, Session};

/// The sends of one shard.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// `None` if each write is a system call of its own.
    ring: Option<SendRing>,
}

/// Sends that wait for their system call. Each keeps an outbox locked: until [`submit`](Self::submit), the caller must not
/// wait for another lock.
pub(super) struct Batch<'a> {
    ring: &'a mut SendRing,
    /// On the stack: a batch allocates nothing.
    sends: SmallVec<[(&'a Session, PendingSend<'a>); BATCH_MAX]>,
}

impl Batches {
    /// Opens the ring of a shard.
    pub(super) fn open(io_uring: IoUring, shard: usize) -> Self {
        let ring = match io_uring {
            IoUring::Never => None,
            IoUring::Auto => SendRing::new()
                .inspect_err(|error| {
                    // One line for all shards.
                    if shard == 0 {
                        tracing::info!(%error, "io_uring is not available: each write is a system call of its own");
                    }
                })
                .ok(),
        };
        Self { ring }
    }

    /// Begins a batch. `None` if each write is a system call of its own.
    pub(super) fn begin(&mut self) -> Option<Batch<'_>> {
        let ring = self.ring.as_mut().filter(|ring| ring.is_working())?;
        let sends = SmallVec::new();
        Some(Batch { ring, sends })
    }
}

impl<'a> Batch<'a> {
    /// Adds a send. Returns whether that was possible; otherwise the caller submits the batch, and then writes itself.
    pub(super) fn add(&mut self, session: &'a Session, frames: &'a Bytes, rest: Rest<'a>) -> bool {
        if self.sends.len() == BATCH_MAX {
            return false;
        }
        let Some(send) = session.connection().begin_send(frames, rest) else {
            return false;
        };
        self.sends.push((session, send));
        true
    }

    /// Carries the sends out, and calls `on_result` for each. If a result is an error, no outbox is locked any more.
    pub(super) fn submit(&mut self, mut on_result: impl FnMut(&Session, Result<(), Behind>)) {
        if self.sends.is_empty() {
            return;
        }
        let results = self
            .ring
            .send(self.sends.iter().map(|(_, send)| send.parts()));
        let mut unfinished: Vec<(&Session, CompleteSend<'_>)> = Vec::new();
        for ((session, send), result) in self.sends.drain(..).zip(results) {
            let sent = match std::mem::replace(result, SendResult::NotTried) {
                SendResult::Done(sent) => sent,
                SendResult::NotTried => send.write_now(),
            };
            let complete = send.complete(sent);
            match complete.is_concluded() {
                true => on_result(session, Ok(())),
                false => unfinished.push((session, complete)),
            }
        }
        for (session, complete) in unfinished {
            on_result(session, complete.conclude());
        }
        if !self.ring.is_working() {
            tracing::warn!("io_uring has failed: each write is a system call of its own");
        }
    }
}
