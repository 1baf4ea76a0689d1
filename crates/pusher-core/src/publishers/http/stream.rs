//! The stream between a publisher's socket and hyper.

use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker, ready};
use std::time::Duration;

use super::progress::Progress;
use crate::connection::PublisherPermit;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep};

/// Returns the bytes that were read before hyper took over, then reads the socket. Reads nothing while a write is
/// blocked: hyper would accept more requests, and buffer the answers for a peer that reads none.
#[derive(Debug)]
pub(super) struct Stream<'a, S> {
    inner: S,
    /// Busy from the first byte of a request until its answer is flushed.
    permit: &'a PublisherPermit,
    progress: &'a Progress,
    first: Vec<u8>,
    first_read: usize,
    answer_timeout: Duration,
    /// Deadline for a blocked write to make progress; `None` while writes succeed.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Woken when the blocked write has made progress, to read on.
    reader: Option<Waker>,
    /// The last read filled hyper's buffer. Yield before the next one, so that other tasks run.
    must_yield: bool,
}

impl<'a, S> Stream<'a, S> {
    pub(super) fn new(
        inner: S,
        first: Vec<u8>,
        answer_timeout: Duration,
        permit: &'a PublisherPermit,
        progress: &'a Progress,
    ) -> Self {
        Self {
            inner,
            permit,
            progress,
            first,
            first_read: 0,
            answer_timeout,
            write_deadline: None,
            reader: None,
            must_yield: false,
        }
    }

    pub(super) fn into_inner(self) -> S {
        self.inner
    }

    /// Returns the socket, and the bytes that were read and not handled. `begun` are those that hyper has read.
    pub(super) fn into_parts(self, begun: &[u8]) -> (S, Vec<u8>) {
        let unread = [begun, &self.first[self.first_read..]].concat();
        (self.inner, unread)
    }

    /// Tracks the progress of writes. Fails if a write has been blocked for `answer_timeout`.
    fn track_write<T>(
        &mut self,
        context: &mut TaskContext<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_deadline = None;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
            return written;
        }
        let timeout = self.answer_timeout;
        let until = self
            .write_deadline
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(until.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Whether a connection ended because a write was blocked for too long.
pub(super) fn is_write_timeout(error: &hyper::Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.write_deadline.is_some() || !self.progress.may_read() {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let first = &self.first[self.first_read..];
        if first.is_empty() {
            if std::mem::take(&mut self.must_yield) {
                return pin!(yield_now()).poll(context).map(Ok);
            }
            let before = buffer.filled().len();
            let read = Pin::new(&mut self.inner).poll_read(context, buffer);
            self.must_yield = read.is_ready() && buffer.remaining() == 0;
            if read.is_ready() {
                self.permit.busy();
                self.progress.read(&buffer.filled()[before..]);
            }
            return read;
        }
        let len = first.len().min(buffer.remaining());
        buffer.put_slice(&first[..len]);
        self.progress.read(&first[..len]);
        self.first_read += len;
        if self.first_read == self.first.len() {
            self.first = Vec::new();
            self.first_read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.progress.write(bytes);
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.track_write(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        if flushed.is_ready() && self.progress.flushed() {
            self.permit.idle();
        }
        flushed
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
