//! A unix socket for one request at a time.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixStream, unix::pipe};

/// A unix socket that wakes its task only when data arrives.
///
/// Each time that the peer takes a request from a unix socket, Linux reports that the socket is writable. `UnixStream` asks
/// for these reports, so each request would wake the thread once more, for nothing.
#[derive(Debug)]
pub(super) struct RequestStream {
    /// The receiver of a pipe is tokio's only type that waits for data alone. It reads from any file descriptor.
    reader: pipe::Receiver,
    writer: StdUnixStream,
}

impl RequestStream {
    pub(super) async fn connect(path: &Path) -> io::Result<Self> {
        let writer = UnixStream::connect(path).await?.into_std()?;
        let reader = OwnedFd::from(writer.try_clone()?);
        let reader = pipe::Receiver::from_owned_fd_unchecked(reader)?;
        Ok(Self { reader, writer })
    }
}

impl AsyncRead for RequestStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

impl AsyncWrite for RequestStream {
    /// Fails if the socket is full. It has room for a request, because no other one is under way.
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.writer.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
