//! Reads from a publisher, and how long they may take.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::ready;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::Wire;
use super::inbox::Inbox;
use crate::config::Limits;
use crate::publishers::stream::Stream;
use crate::publishers::unfinished::NoRoom;
use crate::stats::{PublishRefusal, PublisherRefusal};

/// Size of the read buffer, in bytes. It is on the stack, so an idle publisher has none.
pub(super) const READ_LEN: usize = 32 * 1024;

/// Outcome of [`Wire::read`].
#[derive(Debug)]
pub(in super::super) enum ReadOutcome {
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
    /// Another process continues. See [`Wire::hand_over`].
    HandOver,
}

/// Outcome of [`Wire::read_first`].
#[derive(Debug)]
pub(in super::super) enum First {
    Bytes(Vec<u8>),
    /// The publisher has closed the connection, or must leave.
    Gone,
    HandOver,
}

impl<S: Stream> Wire<S> {
    /// Returns the publisher's first bytes.
    pub(in super::super) async fn read_first(&mut self) -> First {
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
                () = self.shutdown.cancelled() => {
                    if self.context.handover.has_begun() {
                        return First::HandOver;
                    }
                    // A connection accepted just before the shutdown may already have sent a publish.
                    match timeout(grace, read).await {
                        Ok(read) => Some(read),
                        Err(_) => return First::Gone,
                    }
                }
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
        match first.is_empty() {
            true => First::Gone,
            false => First::Bytes(first),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Reads once into `inbox`. Between messages it waits for `idle`, or without limit if that is `None`. An incomplete
    /// message must be complete within [`unfinished_timeout`](Self::unfinished_timeout).
    pub(in super::super) async fn read<I: Inbox>(
        &mut self,
        inbox: &mut I,
        idle: Option<Duration>,
    ) -> ReadOutcome {
        let len = inbox.unfinished_len();
        if let Err(no_room) = self.unfinished.set(len) {
            let text = format_args!("dropping a publisher: {no_room}");
            self.log(text);
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
            () = shutdown.cancelled() => {
                return match self.hands_over() {
                    true => ReadOutcome::HandOver,
                    false => ReadOutcome::ShuttingDown,
                };
            }
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

    /// Whether another process continues this connection. Then no further message is taken out of the inbox: the other
    /// process gets its bytes.
    pub(in super::super) fn hands_over(&self) -> bool {
        self.context.handover.has_begun() && self.leaves_at.is_none()
    }

    /// Restarts the timeout of the next message.
    ///
    /// Yields after 128 messages (tokio's task budget), because one read may bring thousands.
    pub(in super::super) async fn message_is_complete(&mut self) {
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
}

/// Reads once. Returns false at the end of the stream.
pub(super) async fn read_some<S: AsyncRead + Unpin>(
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
