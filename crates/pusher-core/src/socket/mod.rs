//! A browser's socket, with TLS or without.
//!
//! Like a tokio socket it is used by several at once, through a shared reference: the fan-out writes,
//! the connection's task reads. Without TLS each call goes straight to the system, and nothing is
//! larger than the bare socket is.

pub(crate) mod faults;
mod tls;

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut;
#[cfg(target_os = "linux")]
use rustix::net::SendFlags;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::certificate::Certificate;
use faults::Call;
use tls::Tls;

/// The first byte of whoever begins with TLS (RFC 8446, section 5.1).
pub(crate) const TLS_HANDSHAKE: u8 = 22;

/// The connection to one browser.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

impl Socket {
    /// Shakes hands with TLS. An error may be the browser's: that it does not like our certificate,
    /// for instance.
    pub(crate) async fn accept_tls(tcp: TcpStream, certificate: &Certificate) -> io::Result<Self> {
        let tls = Tls::accept(tcp, certificate.config()).await?;
        Ok(Self::Tls(Box::new(tls)))
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// Writes what is taken without waiting. What is taken may still be on its way through TLS: see
    /// [`has_unsent`](Self::has_unsent).
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => {
                let len = faults::before(Call::Write, bytes.len())?;
                tcp.try_write(&bytes[..len])
            }
            Self::Tls(tls) => tls.try_write(bytes),
        }
    }

    /// As [`try_write`](Self::try_write), for the fan-out: whoever gets `WouldBlock` must use
    /// `try_write` from then on, and wait before it.
    ///
    /// On Linux it does not ask tokio whether the socket is ready, which is noted at another place in
    /// memory: with many subscribers that place has to be fetched anew for every event.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Plain(tcp) => {
                let len = faults::before(Call::Write, bytes.len())?;
                Ok(rustix::net::send(tcp, &bytes[..len], SendFlags::NOSIGNAL)?)
            }
            _ => self.try_write(bytes),
        }
    }

    /// Whether something that was taken has not been given to the system yet, and waits for
    /// [`try_send`](Self::try_send). Never so without TLS.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.has_unsent(),
        }
    }

    /// Sends some of what is unsent; all of it unless the system takes no more.
    pub(crate) fn try_send(&self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.try_send(),
        }
    }

    /// Reads what has arrived; 0 is the end. At most the buffer's spare capacity, or with TLS, a
    /// record more.
    pub(crate) fn try_read_buf(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => {
                let len = faults::before(Call::Read, buffer.capacity() - buffer.len())?;
                read_once(tcp, &mut buffer.limit(len))
            }
            Self::Tls(tls) => tls.try_read_buf(buffer),
        }
    }

    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_read_ready(context)
    }

    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(context)
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.tcp().readable().await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.tcp().writable().await
    }

    /// Writes all of it.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writable().await?;
            match self.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        while self.has_unsent() {
            self.writable().await?;
            self.try_send()?;
        }
        Ok(())
    }

    /// What the browser did not take is thrown away by the kernel too.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO))
    }

    /// Hangs up in a way that lets the last bytes arrive: a close with unread input would make the
    /// kernel send RST, which can destroy them on their way.
    pub(crate) async fn hang_up(&self) {
        if let Self::Tls(tls) = self {
            tls.say_goodbye();
        }
        let tcp = self.tcp();
        if SockRef::from(tcp).shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut discarded = Vec::with_capacity(1024);
        while tcp.readable().await.is_ok() {
            discarded.clear();
            match tcp.try_read_buf(&mut discarded) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => return,
            }
        }
    }
}

/// Reads once. If that leaves room in the buffer, nothing more is there (epoll(7), question 9): until the system
/// tells of more the socket counts as not ready, and nobody asks it in vain.
fn read_once(tcp: &TcpStream, buffer: &mut impl BufMut) -> io::Result<usize> {
    let mut read = Err(ErrorKind::WouldBlock.into());
    let _is_ready = tcp.try_io(Interest::READABLE, || {
        read = tcp.try_read_buf(buffer);
        let is_drained = matches!(read, Ok(1..)) && buffer.has_remaining_mut();
        match cfg!(target_os = "linux") && is_drained {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(()),
        }
    });
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_without_tls_takes_no_more_than_tokios() {
        assert_eq!(size_of::<Socket>(), size_of::<TcpStream>());
    }
}
