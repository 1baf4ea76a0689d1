//! A publisher's connection: bytes in, answers out, and how long to wait for either.

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

/// How much is read at once, in bytes; on the stack, so that an idle publisher holds none of it.
const READ_LEN: usize = 32 * 1024;

/// A publisher's socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Has the close that follows tell the client, whatever it is sending at this moment, that nothing of it was read:
    /// after an ordinary close it could not know.
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
    /// A unix socket says so anyway: a write after the close fails, and one before it is answered by a reset.
    fn reset_on_close(&self) {}
}

/// Where the bytes go.
pub(super) trait Inbox {
    /// What comes in one piece, for the log.
    const MESSAGE: &str;

    fn feed(&mut self, bytes: &[u8]);

    /// Bytes of a message that has begun and is not complete.
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

/// What came of waiting for more.
#[derive(Debug)]
pub(super) enum Heard {
    /// Bytes, which are in the inbox.
    More,
    /// Nothing any more: the publisher has hung up, or took too long.
    End,
    /// Nothing between messages, for as long as it was waited for.
    Silence,
    /// Nothing any more: all publishers together have too much that is unfinished.
    NoRoom(NoRoom),
    /// The server is about to end.
    Closing,
    /// Another publisher needs the place of this one, which is idle.
    GiveWay,
}

pub(super) struct Wire<S> {
    stream: S,
    peer: String,
    context: Arc<Context>,
    shutdown: CancellationToken,
    unfinished: Unfinished,
    unfinished_since: Option<Instant>,
    permit: PublisherPermit,
    /// Deadline for a publisher that gives way to finish its message.
    leaves_at: Option<Instant>,
}

impl<S: Stream> Wire<S> {
    /// Returns the publisher's first bytes; `None` if it hangs up, sends nothing, or has to give way.
    pub(super) async fn read_first(&mut self) -> Option<Vec<u8>> {
        let mut first = Vec::new();
        let (patience, grace) = self.first_byte_timeout();
        let permit = &self.permit;
        // Not at once: a client that has connected just now is about to speak.
        let must_leave = async {
            sleep(Limits::FIRST_BYTE_SOON).await;
            permit.idle();
            permit.must_leave().await;
        };
        let read = {
            let take = |bytes: &[u8]| first.extend_from_slice(bytes);
            let mut read = pin!(timeout(patience, read_some(&mut self.stream, take)));
            tokio::select! {
                biased;
                read = &mut read => Some(read),
                () = must_leave => None,
                // A publisher that was accepted at the last moment is read too.
                () = self.shutdown.cancelled() => Some(timeout(grace, read).await.ok()?),
            }
        };
        self.permit.busy();
        match read {
            None => self.reset(),
            Some(Ok(_)) => {}
            Some(Err(_)) => {
                let what =
                    format_args!("dropping a publisher that has said nothing for {patience:?}");
                self.refuse(PublisherRefusal::FirstByte, what);
            }
        }
        (!first.is_empty()).then_some(first)
    }

    /// Closes an idle connection so that its client opens another, and publishes on that what it sends meanwhile.
    pub(super) fn give_way(self) {
        self.reset();
    }

    fn reset(&self) {
        self.tell_of_giving_way();
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

    /// Takes a permit for a publisher that has none yet, or counts it as refused.
    pub(super) async fn acquire_permit(&mut self) -> Result<(), Busy> {
        self.permit.acquire().await.inspect_err(|busy| {
            let what = format_args!("refusing a publisher: {busy}");
            self.refuse(PublisherRefusal::Publishers, what);
        })
    }

    fn tell_of_giving_way(&self) {
        let max = self.context.live.limits().publishers_max;
        let what = format_args!(
            "closing the publisher that was idle longest, to make room for another: \
             publishers-max is {max}"
        );
        self.context.publisher_log.about(&self.peer, what);
    }

    /// Hangs up on a publisher that gets no answers, and still takes for a moment what it is sending: read on.
    pub(super) async fn give_way_to_the_last_message(&mut self) {
        self.tell_of_giving_way();
        let (_, linger_timeout) = self.context.live.end_timeouts();
        self.leaves_at = Some(Instant::now() + linger_timeout);
        self.hang_up_but_read_on().await;
    }

    /// Ends what is written: a publisher that waits for the end need not wait longer.
    pub(super) async fn hang_up_but_read_on(&mut self) {
        // Whether it has gone shows at the next read.
        let _gone = self.stream.shutdown().await;
    }

    fn first_byte_timeout(&self) -> (Duration, Duration) {
        let limits = self.context.live.limits();
        let patience = match self.permit.is_reserved() {
            true => Limits::FIRST_BYTE_SOON.min(limits.first_byte_timeout),
            false => limits.first_byte_timeout,
        };
        (patience, limits.closing_grace)
    }

    /// How long a message may take, or the head of a request.
    pub(super) fn unfinished_timeout(&self) -> Duration {
        let limit = self.context.live.limits().unfinished_timeout;
        match self.permit.is_newcomer() {
            true => Limits::HEAD_SOON.min(limit),
            false => limit,
        }
    }

    /// Who it is, for the log.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// Counts a message that nobody gets, and tells the operator.
    pub(super) fn refuse_publish(&self, kind: PublishRefusal, what: impl Display) {
        self.context.counters.publishes_refused.count(kind);
        self.context.publisher_log.about(&self.peer, what);
    }

    /// Counts a publisher that must go, and tells the operator.
    pub(super) fn refuse(&self, kind: PublisherRefusal, what: impl Display) {
        self.context.counters.publishers_refused.count(kind);
        self.context.publisher_log.about(&self.peer, what);
    }

    /// Waits for more: `idle` between messages (without end if that is `None`), and for a message
    /// that has begun no longer than one may take.
    pub(super) async fn read<I: Inbox>(&mut self, inbox: &mut I, idle: Option<Duration>) -> Heard {
        let len = inbox.unfinished_len();
        if let Err(no_room) = self.unfinished.set(len) {
            let what = format_args!("dropping a publisher: {no_room}");
            self.context.publisher_log.about(&self.peer, what);
            return Heard::NoRoom(no_room);
        }
        let patience = self.patience(len, idle);
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
            match patience {
                // `timeout` would read once more, and so without end from a client that never pauses.
                Some(_) if is_over => None,
                Some(patience) => timeout(patience, read).await.ok(),
                None => Some(read.await),
            }
        };
        let read = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Heard::Closing,
            read = read => read,
            () = self.permit.must_leave(), if is_idle => return Heard::GiveWay,
        };
        self.permit.busy();
        if let Some(Ok(true)) = read {
            if len == READ_LEN {
                // There is more: whoever sends without end must not keep the others waiting.
                yield_now().await;
            }
            return Heard::More;
        }
        let len = inbox.unfinished_len();
        if len == 0 && read.is_none() {
            return Heard::Silence;
        }
        if len > 0 {
            let message = I::MESSAGE;
            if read.is_none() {
                let patience = self.unfinished_timeout();
                let what = format_args!(
                    "dropping a publisher that has not finished {message} in {patience:?}, after \
                     {len} bytes"
                );
                self.refuse(PublisherRefusal::Unfinished, what);
            } else {
                let what = format_args!(
                    "a publisher hung up in the middle of {message}, after {len} bytes"
                );
                self.refuse_publish(PublishRefusal::Unfinished, what);
            }
        }
        Heard::End
    }

    /// A message was complete: what is unfinished now has begun since.
    ///
    /// Yields after 128 messages (tokio's budget of a task): one read may bring thousands of them.
    pub(super) async fn message_is_complete(&mut self) {
        self.unfinished_since = None;
        consume_budget().await;
    }

    fn patience(&mut self, unfinished_len: usize, idle: Option<Duration>) -> Option<Duration> {
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

    /// Writes answers. A publisher that has gone may have left messages to read; one that takes no
    /// answers in time ([`TimedOut`](io::ErrorKind::TimedOut)) should be left.
    pub(super) async fn send(&mut self, answers: &[u8]) -> io::Result<()> {
        if answers.is_empty() {
            return Ok(());
        }
        let patience = self.context.live.limits().answer_timeout;
        let sent = timeout(patience, self.stream.write_all(answers)).await;
        sent.unwrap_or_else(|_| {
            let what =
                format_args!("dropping a publisher that has not taken its answers in {patience:?}");
            self.refuse(PublisherRefusal::Answer, what);
            Err(io::ErrorKind::TimedOut.into())
        })
    }

    pub(super) async fn hang_up(self) {
        drop(self.unfinished);
        let (_, linger_timeout) = self.context.live.end_timeouts();
        hang_up(self.stream, linger_timeout).await;
    }

    /// Stream, name and end for whoever reads and writes by other means.
    pub(super) fn into_parts(self) -> (S, String, PublisherPermit, CancellationToken) {
        (self.stream, self.peer, self.permit, self.shutdown)
    }
}

/// Hangs up and for a moment reads what still comes: otherwise the last answer could be lost. No more than
/// [`Limits::PUBLISHER_LINGER_LEN_MAX`] bytes, and others have their turn after each read.
pub(super) async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, patience: Duration) {
    let _timed_out = timeout(patience, async {
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

/// Reads what has arrived; false at the end of the stream.
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

    /// A client that sends without end.
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
    async fn hang_up_reads_once_a_turn_and_not_without_end() {
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
