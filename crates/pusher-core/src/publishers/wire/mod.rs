//! A publisher's connection.
//!
//! | module | contents |
//! |---|---|
//! | `inbox` | the bytes of an incomplete message |
//! | `read` | reads, and how long they may take |
//! | `end` | the ways in which the connection ends |

mod end;
mod inbox;
mod read;
#[cfg(test)]
pub(super) mod tests;

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::peer::{Peer, Transport};
use super::unfinished::Unfinished;
use crate::config::Limits;
use crate::connection::{Busy, PublisherPermit};
use crate::context::Context;
use crate::stats::{PublishRefusal, PublisherRefusal};

pub(super) use end::hang_up;
pub(super) use inbox::Inbox;
pub(super) use read::{First, ReadOutcome};

pub(super) struct Wire<S> {
    stream: S,
    peer: Peer,
    context: Arc<Context>,
    shutdown: CancellationToken,
    unfinished: Unfinished,
    unfinished_since: Option<Instant>,
    permit: PublisherPermit,
    /// Deadline for an evicted publisher to finish its last message.
    leaves_at: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(
        context: Arc<Context>,
        stream: S,
        peer: Peer,
        permit: PublisherPermit,
    ) -> Self {
        Self {
            stream,
            peer,
            unfinished: Unfinished::new(context.clone()),
            shutdown: context.tasks.publishers_end.clone(),
            context,
            unfinished_since: None,
            permit,
            leaves_at: None,
        }
    }

    pub(super) fn permit(&self) -> &PublisherPermit {
        &self.permit
    }

    /// Takes a permit if the publisher has none yet. Logs and counts a refusal.
    ///
    /// At a hand-over, a publisher that waits continues without one: the next server takes all publishers, and the others end here.
    pub(super) async fn acquire_permit(&mut self) -> Result<(), Busy> {
        let acquired = tokio::select! {
            biased;
            acquired = self.permit.acquire() => acquired,
            () = self.context.handover.stop_reading().cancelled() => Ok(()),
        };
        acquired.inspect_err(|busy| {
            let text = format_args!("refusing a publisher: {busy}");
            self.refuse(PublisherRefusal::Publishers, text);
        })
    }

    /// Timeout for the first byte, and the grace period during shutdown. A connection without a permit gets less time,
    /// because only a few of them are accepted.
    fn first_byte_timeout(&self) -> (Duration, Duration) {
        let limits = self.context.live.limits();
        let time_limit = match self.permit.is_without_permit() {
            true => Limits::FIRST_BYTE_TIMEOUT_WITHOUT_PERMIT.min(limits.first_byte_timeout),
            false => limits.first_byte_timeout,
        };
        (time_limit, limits.closing_grace)
    }

    /// Timeout for a whole message, or for the head of a request.
    pub(super) fn unfinished_timeout(&self) -> Duration {
        let limit = self.context.live.limits().unfinished_timeout;
        match self.permit.is_newcomer() {
            true => Limits::HEAD_TIMEOUT_WITHOUT_PERMIT.min(limit),
            false => limit,
        }
    }

    pub(super) fn transport(&self) -> Transport {
        self.peer.transport
    }

    /// Name of the publisher, for the log.
    pub(super) fn peer(&self) -> &str {
        &self.peer.name
    }

    /// Logs a fault of the publisher, unless there were too many.
    fn log(&self, text: impl Display) {
        let log = self.peer.log(&self.context);
        let _logged = log.about(&self.peer.name, text);
    }

    /// Counts and logs a message that is not delivered.
    pub(super) fn refuse_publish(&self, kind: PublishRefusal, text: impl Display) {
        self.peer.refuse_publish(&self.context, kind, text);
    }

    /// Counts and logs a publisher whose connection the server closes.
    pub(super) fn refuse(&self, kind: PublisherRefusal, text: impl Display) {
        self.peer.refuse(&self.context, kind, text);
    }

    /// Writes answers. After [`TimedOut`](io::ErrorKind::TimedOut), drop the connection. Any other error means that the
    /// publisher has disconnected. The socket may still hold its messages, and ZMTP reads them.
    pub(super) async fn send(&mut self, answers: &[u8]) -> io::Result<()> {
        if answers.is_empty() {
            return Ok(());
        }
        let time_limit = self.context.live.limits().answer_timeout;
        let sent = timeout(time_limit, self.stream.write_all(answers)).await;
        sent.unwrap_or_else(|_| {
            let text = format_args!(
                "dropping a publisher that has not taken its answers in {time_limit:?}"
            );
            self.refuse(PublisherRefusal::Answer, text);
            Err(io::ErrorKind::TimedOut.into())
        })
    }

    /// Splits the connection for hyper, which reads and writes on its own.
    pub(super) fn into_parts(self) -> (S, Peer, PublisherPermit, CancellationToken) {
        (self.stream, self.peer, self.permit, self.shutdown)
    }
}
