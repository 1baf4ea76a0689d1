//! A publisher's connection: reads, writes, and their timeouts.

use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::ready;
use std::time::{Duration, Instant};

use pusher_proto::JsonStream;
use pusher_proto::zmtp::Pull;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::unfinished::{NoRoom, Unfinished};
use crate::config::Limits;
use crate::connection::{Busy, PublisherPermit};
use crate::context::Context;
use crate::stats::{PublishRefusal, PublisherRefusal};

/// Size of the read buffer, in bytes. It is on the stack, so an idle publisher has none.
const READ_LEN: usize = 32 * 1024;

/// A publisher's socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Makes the following close a reset. A client that is sending at that moment then knows that the server read
    /// nothing. After an ordinary close it could not know.
    fn reset_on_close(&self);
}

impl Stream for TcpStream {
    fn reset_on_close(&self) {
        if let Err(error) = SockRef::from(self).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "cannot set SO_LINGER");
        }
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {
    /// Unix sockets need nothing: a write after the close fails, and unread data makes the close a reset.
    fn reset_on_close(&self) {}
}

/// Collects received bytes until a message is complete.
pub(super) trait Inbox {
    /// Name of one message, for the log.
    const MESSAGE: &str;

    fn feed(&mut self, bytes: &[u8]);

    /// Number of bytes of the incomplete message.
    fn unfinished_len(&self) -> usize;
}

impl Inbox for JsonStream {
    const MESSAGE: &str = "an object";

    fn feed(&mut self, bytes: &[u8]) {
        self.feed(bytes);
    }

    fn unfinished_len(&self) -> usize {
        self.unfinished_len()
    }
}

impl Inbox for Pull {
    const MESSAGE: &str = "a ZMTP message";

    fn feed(&mut self, bytes: &[u8]) {
        self.feed(bytes);
    }

    fn unfinished_len(&self) -> usize {
        self.unfinished_len()
    }
}

/// Outcome of [`Wire::read`].
#[derive(Debug)]
pub(super) enum ReadOutcome {
    /// The inbox has more bytes.
    More,
    /// The publisher closed the connection, or did not finish a message in time.
    End,
    /// The idle timeout passed between two messages.
    IdleTimeout,
    /// The incomplete messages of all publishers together are too long.
    NoRoom(NoRoom),
    /// The server is shutting down.
    ShuttingDown,
    /// The connection is idle, and another publisher needs its permit.
    Evicted,
}

pub(super) struct Wire<S> {
    stream: S,
    peer: String,
    context: Arc<Context>,
    shutdown: CancellationToken,
    unfinished: Unfinished,
    unfinished_since: Option<Instant>,
    permit: PublisherPermit,
    /// Deadline for an evicted publisher to finish its last message.
    leaves_at: Option<Instant>,
}

impl<S: Stream> Wire<S> {
    /// Returns the publisher's first bytes. `None` if it closes the connection, sends nothing, or is evicted.
    pub(super) async fn read_first(&mut self) -> Option<Vec<u8>> {
        let mut first = Vec::new();
        let (time_limit, grace) = self.first_byte_timeout();
        let permit = &self.permit;
        // Evict no client that has just connected: its first bytes are probably on the way.
        let must_leave = async {
            sleep(Limits::FIRST_BYTE_TIMEOUT_WITHOUT_PERMIT).await;
            permit.idle();
            permit.must_leave().await;
        };
        let read = {
            let take = |bytes: &[u8]| first.extend_from_slice(bytes);
            let mut read = pin!(timeout(time_limit, read_some(&mut self.stream, take)));
            tokio::select! {
                biased;
                read = &mut read => Some(read),
                () = must_leave => None,
                // A connection accepted just before the shutdown may already have sent a publish.
                () = self.shutdown.cancelled() => Some(timeout(grace, read).await.ok()?),
            }
        };
        self.permit.busy();
        match read {
            None => self.reset(),
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                let text =
                    format_args!("dropping a publisher that has sent nothing for {time_limit:?}");
                self.refuse(PublisherRefusal::FirstByte, text);
            }
        }
        (!first.is_empty()).then_some(first)
    }

    /// Resets an idle connection. Its client connects again, and repeats a publish that crossed the reset.
    pub(super) fn evict(self) {
        self.reset();
    }

    fn reset(&self) {
        self.log_eviction();
        self.stream.reset_on_close();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(
        context: Arc<Context>,
        stream: S,
        peer: String,
        permit: PublisherPermit,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            stream,
            peer,
            unfinished: Unfinished::new(context.clone()),
            context,
            shutdown,
            unfinished_since: None,
            permit,
            leaves_at: None,
        }
    }

    pub(super) fn permit(&self) -> &PublisherPermit {
        &self.permit
    }

    /// Takes a permit if the publisher has none yet. Logs and counts a refusal.
    pub(super) async fn acquire_permit(&mut self) -> Result<(), Busy> {
        self.permit.acquire().await.inspect_err(|busy| {
            let text = format_args!("refusing a publisher: {busy}");
            self.refuse(PublisherRefusal::Publishers, text);
        })
    }

    fn log_eviction(&self) {
        let max = self.context.live.limits().publishers_max;
        let text = format_args!(
            "closing the publisher that was idle longest, to make room for another: \
             publishers-max is {max}"
        );
        self.context.publisher_log.about(&self.peer, text);
    }

    /// Evicts a publisher whose protocol has no answers. Closes the write side; the caller must read on until the linger
    /// timeout, because the publisher may be sending an event.
    pub(super) async fn evict_after_last_message(&mut self) {
        self.log_eviction();
        let (_, linger_timeout) = self.context.live.end_timeouts();
        self.leaves_at = Some(Instant::now() + linger_timeout);
        self.close_write_side().await;
    }

    /// Closes the write side, for a publisher that waits for the server to close.
    pub(super) async fn close_write_side(&mut self) {
        // If the publisher has disconnected, the next read reports it.
        let _gone = self.stream.shutdown().await;
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

    /// Name of the publisher, for the log.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// Counts and logs a message that is not delivered.
    pub(super) fn refuse_publish(&self, kind: PublishRefusal, text: impl Display) {
        self.context.counters.publishes_refused.count(kind);
        self.context.publisher_log.about(&self.peer, text);
    }

    /// Counts and logs a publisher whose connection the server closes.
    pub(super) fn refuse(&self, kind: PublisherRefusal, text: impl Display) {
        self.context.counters.publishers_refused.count(kind);
        self.context.publisher_log.about(&self.peer, text);
    }

    /// Reads once into `inbox`. Between messages it waits for `idle`, or without limit if that is `None`. An incomplete
    /// message must be complete within [`unfinished_timeout`](Self::unfinished_timeout).
    pub(super) async fn read<I: Inbox>(
        &mut self,
        inbox: &mut I,
        idle: Option<Duration>,
    ) -> ReadOutcome {
        let len = inbox.unfinished_len();
        if let Err(no_room) = self.unfinished.set(len) {
            let text = format_args!("dropping a publisher: {no_room}");
            self.context.publisher_log.about(&self.peer, text);
            return ReadOutcome::NoRoom(no_room);
        }
        let time_limit = self.read_timeout(len, idle);
        let shutdown = self.shutdown.clone();
        let is_idle = len == 0 && self.leaves_at.is_none();
        if is_idle {
            self.permit.idle();
        }
        let mut len = 0;
        let read = read_some(&mut self.stream, |bytes| {
            len = bytes.len();
            inbox.feed(bytes);
        });
        let is_over = self.leaves_at.is_some_and(|at| at <= Instant::now());
        let read = async {
            match time_limit {
                // `timeout` polls the read first, so a client that never pauses would never time out.
                Some(_) if is_over => None,
                Some(time_limit) => timeout(time_limit, read).await.ok(),
                None => Some(read.await),
            }
        };
        let read = tokio::select! {
            biased;
            () = shutdown.cancelled() => return ReadOutcome::ShuttingDown,
            read = read => read,
            () = self.permit.must_leave(), if is_idle => return ReadOutcome::Evicted,
        };
        self.permit.busy();
        if let Some(Ok(true)) = read {
            if len == READ_LEN {
                // The socket has more data. Yield, so that one fast publisher does not starve the others.
                yield_now().await;
            }
            return ReadOutcome::More;
        }
        let len = inbox.unfinished_len();
        if len == 0 && read.is_none() {
            return ReadOutcome::IdleTimeout;
        }
        if len > 0 {
            let message = I::MESSAGE;
            if read.is_none() {
                let time_limit = self.unfinished_timeout();
                let text = format_args!(
                    "dropping a publisher that has not finished {message} in {time_limit:?}, after \
                     {len} bytes"
                );
                self.refuse(PublisherRefusal::Unfinished, text);
            } else {
                let text = format_args!(
                    "a publisher hung up in the middle of {message}, after {len} bytes"
                );
                self.refuse_publish(PublishRefusal::Unfinished, text);
            }
        }
        ReadOutcome::End
    }

    /// Restarts the timeout of the next message.
    ///
    /// Yields after 128 messages (tokio's task budget), because one read may bring thousands.
    pub(super) async fn message_is_complete(&mut self) {
        self.unfinished_since = None;
        consume_budget().await;
    }

    /// Returns the time that the next read may take. `None` means no limit.
    fn read_timeout(&mut self, unfinished_len: usize, idle: Option<Duration>) -> Option<Duration> {
        if let Some(leaves_at) = self.leaves_at {
            return Some(leaves_at.saturating_duration_since(Instant::now()));
        }
        if unfinished_len == 0 {
            self.unfinished_since = None;
            return idle;
        }
        let limit = self.unfinished_timeout();
        let since = self.unfinished_since.get_or_insert_with(Instant::now);
        Some(limit.saturating_sub(since.elapsed()))
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

    /// Closes the connection after the last answer; see [`hang_up`].
    pub(super) async fn hang_up(self) {
        drop(self.unfinished);
        let (_, linger_timeout) = self.context.live.end_timeouts();
        hang_up(self.stream, linger_timeout).await;
    }

    /// Splits the connection for hyper, which reads and writes on its own.
    pub(super) fn into_parts(self) -> (S, String, PublisherPermit, CancellationToken) {
        (self.stream, self.peer, self.permit, self.shutdown)
    }
}

/// Closes the write side, then reads and discards for a moment: a close with unread data resets the connection, and
/// the client could lose the last answer. Reads at most [`Limits::PUBLISHER_LINGER_LEN_MAX`] bytes, and yields after
/// each read.
pub(super) async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    time_limit: Duration,
) {
    let _timed_out = timeout(time_limit, async {
        stream.shutdown().await?;
        let mut len = 0;
        while len <= Limits::PUBLISHER_LINGER_LEN_MAX
            && read_some(&mut stream, |bytes| len += bytes.len()).await?
        {
            yield_now().await;
        }
        io::Result::Ok(())
    })
    .await;
}

/// Reads once. Returns false at the end of the stream.
async fn read_some<S: AsyncRead + Unpin>(
    stream: &mut S,
    mut take: impl FnMut(&[u8]),
) -> io::Result<bool> {
    poll_fn(|context| {
        let mut memory = [MaybeUninit::uninit(); READ_LEN];
        let mut buffer = ReadBuf::uninit(&mut memory);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        let bytes = buffer.filled();
        take(bytes);
        Ok(!bytes.is_empty()).into()
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::task::{Context as TaskContext, Poll};

    use super::*;

    /// A client that never stops sending.
    #[derive(Default)]
    struct Endless {
        read: Arc<parking_lot::Mutex<usize>>,
    }

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut TaskContext<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let len = buffer.remaining();
            buffer.initialize_unfilled();
            buffer.advance(len);
            *self.read.lock() += len;
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut TaskContext<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn hang_up_yields_after_each_read_and_stops_at_limit() {
        let client = Endless::default();
        let read = Arc::clone(&client.read);
        let mut hang_up = pin!(hang_up(client, Duration::from_secs(3600)));
        poll_fn(|context| {
            let before = *read.lock();
            let polled = hang_up.as_mut().poll(context);
            assert!(*read.lock() - before <= READ_LEN);
            polled
        })
        .await;
        let read = *read.lock();
        let bounds = Limits::PUBLISHER_LINGER_LEN_MAX..=Limits::PUBLISHER_LINGER_LEN_MAX + READ_LEN;
        assert!(bounds.contains(&read), "{read}");
    }
}
