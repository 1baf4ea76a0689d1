//! Writes to several subscribers with one system call (io_uring).

use std::sync::Once;

use bytes::Bytes;
use pusher_uring::{SendResult, SendRing};
use smallvec::SmallVec;

use crate::config::IoUring;
use crate::connection::{Behind, CompleteSend, OverflowRule, PendingSend, Session};

pub(super) use pusher_uring::BATCH_MAX;

/// The sends of one shard.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// `None` if each write is a system call of its own.
    ring: Option<SendRing>,
}

/// Sends that wait for their system call. Each keeps an outbox locked: until [`submit`](Self::submit), the caller must not
/// wait for another lock.
pub(super) struct SendBatch<'a> {
    ring: &'a mut SendRing,
    /// On the stack: a batch allocates nothing.
    sends: SmallVec<[(&'a Session, PendingSend<'a>); BATCH_MAX]>,
}

impl Batches {
    /// Opens the ring of a shard.
    pub(super) fn open(io_uring: IoUring) -> Self {
        /// One line for all shards.
        static REPORTED: Once = Once::new();
        let ring = match io_uring {
            IoUring::Never => None,
            IoUring::Auto => SendRing::new()
                .inspect_err(|error| {
                    REPORTED.call_once(|| {
                        tracing::info!(%error, "io_uring is not available: each write is a system call of its own");
                    });
                })
                .ok(),
        };
        Self { ring }
    }

    /// Begins a batch. `None` if each write is a system call of its own.
    pub(super) fn begin(&mut self) -> Option<SendBatch<'_>> {
        if let Some(error) = self.ring.as_ref().and_then(SendRing::failure) {
            tracing::warn!(%error, "io_uring has failed: each write is a system call of its own");
            self.ring = None;
        }
        let ring = self.ring.as_mut()?;
        let sends = SmallVec::new();
        Some(SendBatch { ring, sends })
    }
}

impl<'a> SendBatch<'a> {
    /// Adds a send. If it returns false, the caller submits the batch, and then makes a system call for this send alone.
    pub(super) fn add(
        &mut self,
        session: &'a Session,
        frames: &'a Bytes,
        rule: OverflowRule<'a>,
    ) -> bool {
        if self.sends.len() == BATCH_MAX {
            return false;
        }
        let Some(send) = session.connection().begin_send(frames, rule) else {
            return false;
        };
        self.sends.push((session, send));
        true
    }

    /// Sends, and calls `on_result` for each session. All outboxes are unlocked before the first call with an error.
    pub(super) fn submit(&mut self, mut on_result: impl FnMut(&Session, Result<(), Behind>)) {
        if self.sends.is_empty() {
            return;
        }
        let results = self
            .ring
            .send(self.sends.iter().map(|(_, send)| send.parts()));
        let mut unfinished: Vec<(&Session, CompleteSend<'_>)> = Vec::new();
        for ((session, send), result) in self.sends.drain(..).zip(results) {
            let sent = match std::mem::take(result) {
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
    }
}
