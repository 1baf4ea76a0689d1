//! Sends to many sockets with one system call, on Linux (io_uring).
//!
//! [`SendRing::send`] does the same as a `send(2)` with `MSG_DONTWAIT | MSG_NOSIGNAL` for each socket, in the same order,
//! and returns after the last one.
//!
//! A crate of its own, because io_uring needs `unsafe`, which `pusher-core` forbids. It is empty on other systems.
#![cfg(target_os = "linux")]

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use io_uring::{IoUring, opcode, types};

/// Most sends of one call.
pub const BATCH_MAX: usize = 64;

/// With `MSG_DONTWAIT` the kernel completes each send during `io_uring_enter`: it neither waits for the socket nor uses
/// another thread.
const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// The result of one send.
#[derive(Debug, Default)]
pub enum SendResult {
    /// The kernel tried to send. The number of bytes that the socket has accepted, or the error of `send(2)`.
    Done(io::Result<usize>),
    /// Nothing was sent, because the ring has failed.
    #[default]
    NotTried,
}

/// A queue of sends that the process shares with the kernel. It belongs to one thread.
pub struct SendRing {
    /// `None` after it has failed.
    ring: Option<IoUring>,
    failure: Option<io::Error>,
    results: Vec<SendResult>,
}

impl SendRing {
    /// Opens a ring.
    ///
    /// Fails if the kernel is older than 5.6, or if a seccomp filter (as in most containers) or the setting
    /// `kernel.io_uring_disabled` forbids io_uring.
    pub fn new() -> io::Result<Self> {
        let mut ring = Self {
            ring: Some(IoUring::new(BATCH_MAX as u32)?),
            failure: None,
            results: Vec::with_capacity(BATCH_MAX),
        };
        ring.check()?;
        Ok(ring)
    }

    /// Sends a byte through a pair of sockets. A kernel may open rings, and not know how to send.
    fn check(&mut self) -> io::Result<()> {
        let (socket, _peer) = UnixStream::pair()?;
        let results = self.send([(socket.as_fd(), &b"x"[..])]);
        match results.first_mut().map(std::mem::take) {
            Some(SendResult::Done(sent)) => sent.map(drop),
            _ => Err(self.failure.take().unwrap_or(ErrorKind::Unsupported.into())),
        }
    }

    /// Returns the error of the system call that ended the ring. `None` while it works.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// Sends to at most [`BATCH_MAX`] sockets. Returns the results in the order of the sends.
    ///
    /// # Panics
    /// If there are more sends.
    pub fn send<'a>(
        &mut self,
        sends: impl IntoIterator<Item = (BorrowedFd<'a>, &'a [u8])>,
    ) -> &mut [SendResult] {
        self.results.clear();
        // A panic or a failure drops the ring, so the kernel never sees a queued send after this call.
        let mut ring = self.ring.take();
        for (index, (socket, bytes)) in sends.into_iter().enumerate() {
            assert!(index < BATCH_MAX, "more than {BATCH_MAX} sends");
            self.results.push(SendResult::NotTried);
            if let Some(ring) = &mut ring {
                queue(ring, index, socket, bytes);
            }
        }
        if let Some(mut ring) = ring {
            match complete(&mut ring, &mut self.results) {
                Ok(()) => self.ring = Some(ring),
                Err(error) => self.failure = Some(error),
            }
        }
        &mut self.results
    }
}

/// Queues one send. The caller must keep the socket and the bytes until the send is complete or the ring is dropped.
fn queue(ring: &mut IoUring, index: usize, socket: BorrowedFd<'_>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let send = opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), len)
        .flags(FLAGS)
        .build()
        .user_data(index as u64);
    // SAFETY: `SendRing::send` holds the borrows of socket and bytes until the send is complete, or drops the ring before
    // the kernel sees it.
    let pushed = unsafe { ring.submission().push(&send) };
    debug_assert!(pushed.is_ok(), "the queue has room for {BATCH_MAX} sends");
}

/// Submits the queued sends, and waits for all results. After an error, the sends without a result are not submitted, and
/// the ring must be dropped.
fn complete(ring: &mut IoUring, results: &mut [SendResult]) -> io::Result<()> {
    let mut missing = ring.submission().len();
    while missing > 0 {
        let submitted = ring.submit_and_wait(missing);
        for entry in ring.completion() {
            let result = match entry.result() {
                len @ 0.. => Ok(len as usize),
                error => Err(io::Error::from_raw_os_error(-error)),
            };
            results[entry.user_data() as usize] = SendResult::Done(result);
            missing -= 1;
        }
        match submitted {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The kernel has taken some of them, and uses their bytes. It completes them soon.
            Err(_) if missing > ring.submission().len() => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

impl fmt::Debug for SendRing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SendRing")
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// `cargo xtask test` skips the module where io_uring is forbidden.
#[cfg(test)]
mod needs_io_uring {
    use std::io::Read;
    use std::iter;
    use std::net::{Shutdown, TcpListener, TcpStream};

    use super::*;

    /// Returns connected sockets. The first one does not block.
    fn tcp_pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        (socket, peer)
    }

    fn lens(results: &[SendResult]) -> Vec<usize> {
        let len = |result: &SendResult| match result {
            SendResult::Done(Ok(len)) => *len,
            result => panic!("{result:?}"),
        };
        results.iter().map(len).collect()
    }

    #[test]
    fn all_sockets_get_their_bytes() {
        let mut ring = SendRing::new().unwrap();
        let pairs: Vec<_> = (0..BATCH_MAX).map(|_| tcp_pair()).collect();
        let texts: Vec<_> = (0..BATCH_MAX).map(|n| format!("text {n}")).collect();
        for _ in 0..3 {
            let sends = pairs.iter().zip(&texts);
            let sends = sends.map(|((socket, _), text)| (socket.as_fd(), text.as_bytes()));
            let sent = lens(ring.send(sends));
            assert_eq!(sent, texts.iter().map(String::len).collect::<Vec<_>>());
        }
        for ((socket, mut peer), text) in pairs.into_iter().zip(texts) {
            drop(socket);
            let mut received = String::new();
            peer.read_to_string(&mut received).unwrap();
            assert_eq!(received, text.repeat(3));
        }
    }

    #[test]
    fn a_full_socket_accepts_a_part_and_then_blocks() {
        let mut ring = SendRing::new().unwrap();
        let (socket, mut peer) = tcp_pair();
        let (other, _other_peer) = tcp_pair();
        let bytes = vec![b'x'; 64 << 20];
        let accepted = {
            let sends = [(socket.as_fd(), &bytes[..]), (other.as_fd(), b"y")];
            let sent = lens(ring.send(sends));
            assert_eq!(sent[1], 1);
            sent[0]
        };
        assert!((1..bytes.len()).contains(&accepted), "{accepted}");
        let mut accepted_in_total = accepted;
        loop {
            match ring.send([(socket.as_fd(), &bytes[..])]) {
                [SendResult::Done(Ok(len))] => accepted_in_total += *len,
                [SendResult::Done(Err(error))] => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    break;
                }
                results => panic!("{results:?}"),
            }
        }
        socket.shutdown(Shutdown::Write).unwrap();
        let received = io::copy(&mut peer, &mut io::sink()).unwrap();
        assert_eq!(received, accepted_in_total as u64);
    }

    #[test]
    fn a_broken_socket_fails_alone() {
        let mut ring = SendRing::new().unwrap();
        let (broken, _broken_peer) = tcp_pair();
        broken.shutdown(Shutdown::Write).unwrap();
        let (whole, mut peer) = tcp_pair();
        let sends = [(broken.as_fd(), &b"x"[..]), (whole.as_fd(), b"y")];
        match ring.send(sends) {
            [SendResult::Done(Err(error)), SendResult::Done(Ok(1))] => {
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            }
            results => panic!("{results:?}"),
        }
        let mut received = [0];
        peer.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"y");
    }

    #[test]
    fn a_ring_that_has_failed_sends_nothing() {
        let mut ring = SendRing::new().unwrap();
        ring.ring = None;
        let (socket, mut peer) = tcp_pair();
        let results = ring.send([(socket.as_fd(), &b"x"[..])]);
        assert!(matches!(results, [SendResult::NotTried]), "{results:?}");
        drop(socket);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    #[should_panic(expected = "more than 64 sends")]
    fn too_many_sends_panic() {
        let (socket, _peer) = tcp_pair();
        let sends = iter::repeat_n((socket.as_fd(), &b"x"[..]), BATCH_MAX + 1);
        SendRing::new().unwrap().send(sends);
    }
}
