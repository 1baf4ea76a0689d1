//! The ways in which a publisher's connection ends.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::Wire;
use super::read::read_some;
use crate::config::Limits;
use crate::handover::PublisherProtocol;
use crate::publishers::stream::Stream;

impl<S: Stream> Wire<S> {
    /// Gives the connection to another process, with the bytes that were read and not handled.
    pub(in super::super) fn hand_over(self, protocol: PublisherProtocol, unread: Vec<u8>) {
        self.peer
            .hand_over(&self.context, self.stream, protocol, unread);
    }

    /// Resets an idle connection. Its client connects again, and repeats a publish that crossed the reset.
    pub(in super::super) fn evict(self) {
        self.reset();
    }

    pub(super) fn reset(&self) {
        self.log_eviction();
        self.stream.reset_on_close();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    fn log_eviction(&self) {
        let max = self.context.live.limits().publishers_max;
        let text = format_args!(
            "closing the publisher that was idle longest, to make room for another: \
             publishers-max is {max}"
        );
        self.log(text);
    }

    /// Evicts a publisher whose protocol has no answers. Closes the write side; the caller must read on until the linger
    /// timeout, because the publisher may be sending an event.
    pub(in super::super) async fn evict_after_last_message(&mut self) {
        self.log_eviction();
        let (_, linger_timeout) = self.context.live.end_timeouts();
        self.leaves_at = Some(Instant::now() + linger_timeout);
        self.close_write_side().await;
    }

    /// Closes the write side, for a publisher that waits for the server to close.
    pub(in super::super) async fn close_write_side(&mut self) {
        // If the publisher has disconnected, the next read reports it.
        let _gone = self.stream.shutdown().await;
    }

    /// Closes the connection after the last answer; see [`hang_up`].
    pub(in super::super) async fn hang_up(self) {
        drop(self.unfinished);
        let (_, linger_timeout) = self.context.live.end_timeouts();
        hang_up(self.stream, linger_timeout).await;
    }
}

/// Closes the write side, then reads and discards for a moment: a close with unread data resets the connection, and
/// the client could lose the last answer. Reads at most [`Limits::PUBLISHER_LINGER_LEN_MAX`] bytes, and yields after
/// each read.
pub(in super::super) async fn hang_up<S: AsyncRead + AsyncWrite + Unpin>(
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
