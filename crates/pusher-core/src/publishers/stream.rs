//! A publisher's socket: TCP or a unix socket.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::handover::{Descriptor, Movable};

/// A publisher's socket.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Sized {
    /// Makes the following close a reset. A client that is sending at that moment then knows that the server read
    /// nothing. After an ordinary close it could not know.
    fn reset_on_close(&self);

    /// Takes the socket off its event loop, for another process.
    fn into_descriptor(self) -> io::Result<Descriptor> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Stream for TcpStream {
    fn into_descriptor(self) -> io::Result<Descriptor> {
        Movable::into_descriptor(self)
    }

    fn reset_on_close(&self) {
        if let Err(error) = SockRef::from(self).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "cannot set SO_LINGER");
        }
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {
    fn into_descriptor(self) -> io::Result<Descriptor> {
        Movable::into_descriptor(self)
    }

    /// Unix sockets need nothing: a write after the close fails, and unread data makes the close a reset.
    fn reset_on_close(&self) {}
}
