//! A browser's socket, with TLS or without.
//!
//! Like a tokio socket it is used by several at once, through a shared reference: the fan-out writes,
//! the connection's task reads. Without TLS each call goes straight to the system, and nothing is
//! larger than the bare socket is.

pub(crate) mod faults;
mod readiness;
mod tls;

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::task::{Context, Poll};
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
use faults::Call;
use readiness::{readable, writable};
use tls::Tls;

/// The first byte of whoever begins with TLS (RFC 8446, section 5.1).
pub(crate) const TLS_HANDSHAKE: u8 = 22;

/// Bytes that one read throws away at most; on the stack.
const DISCARD_LEN: usize = 16 * 1024;

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
                SockRef::from(tcp).send_with_flags(&bytes[..len], MSG_NOSIGNAL)
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
        readable(self.tcp()).await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        writable(self.tcp()).await
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
    ///
    /// Reads until the browser hangs up too, but no more than [`Limits::LINGER_LEN_MAX`] bytes, and yields after each
    /// read that may not have been all: a browser that never stops must not hold the thread.
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
    let len = faults::before(Call::Read, DISCARD_LEN)?;
    read_once(tcp, &mut &mut memory[..len])
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
    #![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

    use std::future::poll_fn;
    use std::io::Write;
    use std::net::TcpListener;
    use std::pin::pin;
    use std::thread::{self, JoinHandle};

    use super::*;
    use faults::Plan;

    /// More reads than tokio lets a task have in one turn.
    const READS_A_TURN_MAX: usize = 200;

    #[test]
    fn a_socket_without_tls_takes_no_more_than_tokios() {
        assert_eq!(size_of::<Socket>(), size_of::<TcpStream>());
    }

    /// Runs to the end what reads from a client that sends `beginning` and then without end. Returns how many reads
    /// there were in all, and the most of one turn.
    fn flood<F: Future>(
        beginning: &'static [u8],
        plan: Plan,
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
                let seen = Plan::seen_so_far(Call::Read);
                most = most.max(seen - before);
                before = seen;
                polled.map(drop)
            })
            .await;
            drop(run);
            client.join().unwrap();
            most
        });
        (Plan::NOTHING.begin().seen(Call::Read), most)
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
    fn hang_up_reads_once_a_turn_and_not_without_end() {
        let (reads, most) = flood(b"", Plan::NOTHING, |tcp| async move {
            Socket::Plain(tcp).hang_up().await;
        });
        assert_eq!(most, 1);
        assert!(reads >= Limits::LINGER_LEN_MAX / DISCARD_LEN, "{reads}");
    }

    #[test]
    fn a_loop_of_reads_yields() {
        let (reads, most) = flood(b"", Plan::pieces(1), |tcp| async move {
            let socket = Socket::Plain(tcp);
            let mut bytes = Vec::with_capacity(2048);
            while bytes.len() < 2000 {
                socket.readable().await.unwrap();
                let _read = socket.try_read_buf(&mut bytes);
            }
        });
        assert!(reads >= 2000, "{reads}");
        assert!(most <= READS_A_TURN_MAX, "{most}");
    }

    #[test]
    fn a_tls_handshake_yields() {
        let files = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain"), folder.path().join("key"));
        std::fs::write(&chain, files.cert.pem()).unwrap();
        std::fs::write(&key, files.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        // A record of 16 KiB, of which each read brings one byte.
        let hello = b"\x16\x03\x01\x40\0\x01\x01\0\0";
        let (reads, most) = flood(hello, Plan::pieces(1), |tcp| async move {
            Socket::accept_tls(tcp, &certificate).await.unwrap_err();
        });
        assert!(reads >= 10_000, "{reads}");
        assert!(most <= READS_A_TURN_MAX, "{most}");
    }
}
