//! A browser's socket, with or without TLS.
//!
//! Like a tokio socket, it is used through a shared reference: the fan-out writes while the connection's task reads.
//! Without TLS each call is one system call, and a [`Socket`] is as small as a `TcpStream`.

pub(crate) mod faults;
mod readiness;
mod tls;
mod tls_session;

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::Shutdown;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::BufMut;
#[cfg(target_os = "linux")]
use nix::libc::MSG_NOSIGNAL;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::yield_now;

use crate::config::Certificate;
use crate::config::Limits;
use crate::handover::{Descriptor, duplicate};
use faults::SocketCall;
use readiness::{readable, writable};
use tls::Tls;

/// The first byte of a TLS connection: the content type `handshake` (RFC 8446, section 5.1).
pub(crate) const TLS_HANDSHAKE: u8 = 22;

/// Most bytes that one read discards. The buffer is on the stack.
const DISCARD_LEN: usize = 16 * 1024;

/// The socket of one browser.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

impl Socket {
    /// Performs the TLS handshake. An error may come from the browser, for example if it rejects the certificate.
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

    /// Returns the descriptor of the socket.
    #[cfg(target_os = "linux")]
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp().as_fd()
    }

    /// Returns a second descriptor of the socket, for another process. Fails with TLS, whose state is in this process.
    pub(crate) fn duplicate(&self) -> io::Result<Descriptor> {
        match self {
            Self::Plain(tcp) => duplicate(tcp),
            Self::Tls(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Writes as much as is possible without waiting. With TLS, some of the accepted bytes may not be sent yet: see
    /// [`has_unsent`](Self::has_unsent).
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => {
                let len = faults::before(SocketCall::Write, bytes.len())?;
                tcp.try_write(&bytes[..len])
            }
            Self::Tls(tls) => tls.try_write(bytes),
        }
    }

    /// A faster [`try_write`](Self::try_write) for the fan-out. After `WouldBlock`, the caller must wait for the socket
    /// and use `try_write`, until all its bytes are written.
    ///
    /// On Linux it does not read tokio's readiness state of the socket. That state is in another cache line, so with
    /// many subscribers each write would have one more cache miss.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Plain(tcp) => {
                let len = faults::before(SocketCall::Write, bytes.len())?;
                SockRef::from(tcp).send_with_flags(&bytes[..len], MSG_NOSIGNAL)
            }
            _ => self.try_write(bytes),
        }
    }

    /// Sets the time after which the kernel closes the connection if sent bytes are not confirmed. Only on Linux.
    pub(crate) fn set_user_timeout(&self, timeout: Duration) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        SockRef::from(self.tcp()).set_tcp_user_timeout(Some(timeout))?;
        #[cfg(not(target_os = "linux"))]
        let _unsupported = timeout;
        Ok(())
    }

    /// Whether some of the accepted bytes still have to be sent with [`try_send`](Self::try_send). Always false without
    /// TLS.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.has_unsent(),
        }
    }

    /// Sends the unsent bytes, as far as is possible without waiting.
    pub(crate) fn try_send(&self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.try_send(),
        }
    }

    /// Appends the bytes that have arrived to the buffer. Returns 0 at the end of the stream. Reads at most the
    /// buffer's spare capacity, with TLS up to one record more.
    pub(crate) fn try_read_buf(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => {
                let len = faults::before(SocketCall::Read, buffer.capacity() - buffer.len())?;
                read_once(tcp, &mut buffer.limit(len))
            }
            Self::Tls(tls) => tls.try_read_buf(buffer),
        }
    }

    pub(crate) fn poll_read_ready(&self, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_read_ready(context)
    }

    pub(crate) fn poll_write_ready(&self, context: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(context)
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        readable(self.tcp()).await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        writable(self.tcp()).await
    }

    /// Writes all bytes and waits until the system has accepted them.
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

    /// Makes the close send RST, so that the kernel discards the bytes that the browser did not read.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO))
    }

    /// Shuts the connection down so that the last bytes arrive. A plain close with unread input would make the kernel
    /// send RST, and the browser could lose bytes that are still in transit.
    ///
    /// Reads until the browser closes its side, at most [`Limits::LINGER_LEN_MAX`] bytes. Yields after each read, so a
    /// browser that never stops sending cannot block the thread.
    pub(crate) async fn hang_up(&self) {
        if let Self::Tls(tls) = self {
            tls.close_session();
        }
        let tcp = self.tcp();
        if SockRef::from(tcp).shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut len_left = Limits::LINGER_LEN_MAX;
        while readable(tcp).await.is_ok() {
            match discard(tcp) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(len) if (1..=len_left).contains(&len) => len_left -= len,
                Ok(_) | Err(_) => return,
            }
            yield_now().await;
        }
    }
}

/// Reads once and discards the bytes.
fn discard(tcp: &TcpStream) -> io::Result<usize> {
    let mut memory = [const { MaybeUninit::<u8>::uninit() }; DISCARD_LEN];
    let len = faults::before(SocketCall::Read, DISCARD_LEN)?;
    read_once(tcp, &mut &mut memory[..len])
}

/// Reads once. A read that does not fill the buffer has drained the socket (epoll(7), question 9). The socket then
/// counts as not ready until the system reports more data, which saves a second `read` that would return `WouldBlock`.
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
    #![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

    use std::future::poll_fn;
    use std::io::Write;
    use std::net::TcpListener;
    use std::pin::pin;
    use std::thread::{self, JoinHandle};

    use super::*;
    use faults::FaultPlan;

    /// More reads than tokio's budget (128) allows a task in one turn.
    const READS_PER_TURN_MAX: usize = 200;

    #[test]
    fn socket_is_as_small_as_tcp_stream() {
        assert_eq!(size_of::<Socket>(), size_of::<TcpStream>());
    }

    /// Runs `run` to its end against a client that sends `beginning` and then data without end. Returns the number of
    /// reads in total, and the most in one turn.
    fn flood<F: Future>(
        beginning: &'static [u8],
        plan: FaultPlan,
        run: impl FnOnce(TcpStream) -> F,
    ) -> (usize, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        plan.begin();
        let most = runtime.unwrap().block_on(async {
            let (tcp, client) = flooded(beginning);
            let mut run = Box::pin(run(tcp));
            let (mut before, mut most) = (0, 0);
            poll_fn(|context| {
                let polled = pin!(&mut run).poll(context);
                let seen = FaultPlan::seen_so_far(SocketCall::Read);
                most = most.max(seen - before);
                before = seen;
                polled.map(drop)
            })
            .await;
            drop(run);
            client.join().unwrap();
            most
        });
        (FaultPlan::NOTHING.begin().seen(SocketCall::Read), most)
    }

    fn flooded(beginning: &'static [u8]) -> (TcpStream, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_nonblocking(true).unwrap();
        client.write_all(beginning).unwrap();
        let client = thread::spawn(move || while client.write_all(&[b'x'; 64 * 1024]).is_ok() {});
        (TcpStream::from_std(tcp).unwrap(), client)
    }

    #[test]
    fn hang_up_reads_once_per_turn_up_to_its_limit() {
        let (reads, most) = flood(b"", FaultPlan::NOTHING, |tcp| async move {
            Socket::Plain(tcp).hang_up().await;
        });
        assert_eq!(most, 1);
        assert!(reads >= Limits::LINGER_LEN_MAX / DISCARD_LEN, "{reads}");
    }

    #[test]
    fn a_read_loop_yields() {
        let (reads, most) = flood(b"", FaultPlan::pieces(1), |tcp| async move {
            let socket = Socket::Plain(tcp);
            let mut bytes = Vec::with_capacity(2048);
            while bytes.len() < 2000 {
                socket.readable().await.unwrap();
                let _read = socket.try_read_buf(&mut bytes);
            }
        });
        assert!(reads >= 2000, "{reads}");
        assert!(most <= READS_PER_TURN_MAX, "{most}");
    }

    #[test]
    fn a_tls_handshake_yields() {
        let (certificate, _) = Certificate::self_signed();
        // A record of 16 KiB. Each read returns one byte of it.
        let hello = b"\x16\x03\x01\x40\0\x01\x01\0\0";
        let (reads, most) = flood(hello, FaultPlan::pieces(1), |tcp| async move {
            Socket::accept_tls(tcp, &certificate).await.unwrap_err();
        });
        assert!(reads >= 10_000, "{reads}");
        assert!(most <= READS_PER_TURN_MAX, "{most}");
    }
}
