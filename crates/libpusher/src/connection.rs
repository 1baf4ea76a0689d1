//! One socket to pushd, on which one publish after the other waits for its answer.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use pusher_proto::native::{self, ErrorCode, FromServer, VERSION};
use pusher_proto::{JsonStream, Receipt};
use socket2::Socket;

use crate::address::Address;
use crate::connect::connect;
use crate::connection_error::{ConnectionError, is_temporary};
use crate::deadline::{Deadline, Passed};
use crate::error::Stage;
use crate::token::Token;

/// Longest answer: a WELCOME or an ERROR with its text, with much room.
const ANSWER_LEN_MAX: usize = 16 * 1024;

/// Most bytes read at once. Welcome and receipt fit.
const READ_LEN_MAX: usize = 1024;

/// A number that no request has.
const NO_REQUEST: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    /// Device and inode: tells this socket from a stranger's descriptor of the same number.
    identity: Option<(u64, u64)>,
    answers: JsonStream,
    /// What SO_RCVTIMEO is set to.
    read_timeout: Duration,
}

impl Connection {
    /// Connects; the descriptor is closed on exec.
    pub(crate) fn open(address: &Address, deadline: &Deadline) -> Result<Self, ConnectionError> {
        connect(address, deadline).map(Self::new)
    }

    fn new(socket: Socket) -> Self {
        let file = File::from(OwnedFd::from(socket));
        let identity = identity_of(&file);
        Self {
            socket: Socket::from(OwnedFd::from(file)),
            identity,
            answers: JsonStream::new(ANSWER_LEN_MAX),
            read_timeout: Duration::ZERO,
        }
    }

    /// Whether the peer has closed, or said something that nobody asked for, such as a goodbye.
    pub(crate) fn is_stale(&mut self) -> bool {
        match self.peek() {
            Err(error) => error.kind() != ErrorKind::WouldBlock,
            Ok(0) => true,
            // There is something, so that reading it does not wait.
            Ok(_) => self.read_once().is_err() || !self.has_nothing_left(),
        }
    }

    /// Looks whether there is a byte to read; 0 at the end of the stream.
    fn peek(&self) -> io::Result<usize> {
        let mut byte = [MaybeUninit::uninit()];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        self.socket.recv_with_flags(&mut byte, flags)
    }

    /// Writes one publish and reads until its answer.
    pub(crate) fn exchange(
        &mut self,
        message: &[u8],
        request: u64,
        deadline: &Deadline,
    ) -> Result<Receipt, ConnectionError> {
        match self.send(message, deadline) {
            Ok(()) => self.receive(request, deadline),
            // pushd may have said why it did not want to read all of it.
            Err(broken @ (ConnectionError::Closed(_) | ConnectionError::Reset(_))) => {
                match self.receive(request, deadline) {
                    Err(
                        refused @ (ConnectionError::Refused(..) | ConnectionError::Goodbye(..)),
                    ) => Err(refused),
                    _ => Err(broken),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Says hello, ahead of messages that are written by themselves.
    pub(crate) fn greet(
        &mut self,
        token: Option<&Token>,
        deadline: &Deadline,
    ) -> Result<(), ConnectionError> {
        let mut hello = Vec::new();
        native::encode_hello(&mut hello, token.map(Token::as_str));
        self.send(&hello, deadline)
    }

    /// Writes many publishes and reads their answers, each within the deadline that there is for it.
    /// Hands out every answer that does not end the connection, until it is told not to go on.
    pub(crate) fn exchange_all(
        &mut self,
        messages: &[u8],
        requests: Range<u64>,
        deadline: impl Fn() -> Deadline,
        mut on_answer: impl FnMut(Result<Receipt, ConnectionError>) -> bool,
    ) -> Result<(), ConnectionError> {
        let sent = self.send(messages, &deadline());
        match &sent {
            // What was written completely may have been answered.
            Ok(())
            | Err(
                ConnectionError::Closed(_)
                | ConnectionError::Reset(_)
                | ConnectionError::Timeout(_),
            ) => {}
            Err(_) => return sent,
        }
        let is_single = requests.end - requests.start == 1;
        for request in requests.clone() {
            let goes_on = match self.receive(request, &deadline()) {
                Ok(receipt) => on_answer(Ok(receipt)),
                // The only message was not written completely.
                Err(ConnectionError::Closed(_))
                    if is_single && matches!(sent, Err(ConnectionError::Reset(_))) =>
                {
                    return sent;
                }
                Err(ConnectionError::Refused(code, text)) if !code.closes() => {
                    on_answer(Err(ConnectionError::Refused(code, text)))
                }
                // Of several messages pushd may have read the first ones.
                Err(ConnectionError::Reset(error)) if !is_single => {
                    return Err(ConnectionError::Closed(error.to_string()));
                }
                Err(failure) => return Err(failure),
            };
            if !goes_on && request + 1 < requests.end {
                return Err(ConnectionError::Canceled);
            }
        }
        Ok(())
    }

    /// Whether the next publish can use this connection: it is not if answers of this one may
    /// still come, or pushd closes it.
    pub(crate) fn is_reusable_after<T>(&mut self, answer: &Result<T, ConnectionError>) -> bool {
        let complete = match answer {
            Ok(_) => true,
            Err(ConnectionError::Refused(code, _)) => !code.closes(),
            Err(_) => false,
        };
        complete && self.has_nothing_left()
    }

    /// Gives up a connection that was inherited through a fork: closes the descriptor and says
    /// nothing, since the connection itself is the parent's. If the descriptor's number has come
    /// to stand for something else (the child closed everything and opened its own files), that
    /// stays open.
    pub(crate) fn abandon(self) {
        let file = File::from(OwnedFd::from(self.socket));
        if self.identity.is_none() || identity_of(&file) != self.identity {
            let _not_ours = file.into_raw_fd();
        }
    }

    fn has_nothing_left(&mut self) -> bool {
        matches!(self.answers.next_value(), Ok(None)) && self.answers.unfinished_len() == 0
    }

    /// Writes all of it; never raises SIGPIPE.
    fn send(&mut self, message: &[u8], deadline: &Deadline) -> Result<(), ConnectionError> {
        let mut sent_len = 0;
        // An ordinary event fits in the socket's buffer: no timeout needs to be set for it.
        let mut flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        while sent_len < message.len() {
            match self.socket.send_with_flags(&message[sent_len..], flags) {
                Ok(len) => sent_len += len,
                Err(error) if is_temporary(&error) => {
                    self.limit_write(deadline)?;
                    flags = libc::MSG_NOSIGNAL;
                }
                Err(error) if sent_len == 0 => {
                    return Err(self.goodbye().unwrap_or(ConnectionError::Connect(error)));
                }
                // The last message is incomplete without its end: pushd cannot have published it.
                Err(error) if is_reset(&error) && has_text(&message[sent_len..]) => {
                    return Err(ConnectionError::Reset(error));
                }
                Err(error) => return Err(ConnectionError::Closed(error.to_string())),
            }
        }
        Ok(())
    }

    /// Returns pushd's last message before it closed, if it has arrived.
    fn goodbye(&mut self) -> Option<ConnectionError> {
        if self.peek().is_ok_and(|len| len > 0) {
            // Does not wait.
            self.read_once().ok()?;
        }
        match self.take_answer(NO_REQUEST) {
            Err(goodbye @ ConnectionError::Goodbye(..)) => Some(goodbye),
            _ => None,
        }
    }

    /// Reads until the answer to `request`.
    fn receive(&mut self, request: u64, deadline: &Deadline) -> Result<Receipt, ConnectionError> {
        let mut has_answered = false;
        loop {
            if let Some(receipt) = self.take_answer(request)? {
                return Ok(receipt);
            }
            self.limit_read(deadline)?;
            match self.read_once() {
                Ok(0) if has_answered => return Err(closed()),
                Ok(0) => return Err(self.ended()),
                Ok(_) => has_answered = true,
                Err(error) if is_temporary(&error) => {}
                Err(error) if is_reset(&error) && !has_answered => {
                    return Err(ConnectionError::Reset(error));
                }
                Err(error) => return Err(ConnectionError::Closed(error.to_string())),
            }
        }
    }

    /// Why there is no answer on a connection that pushd has closed. If it did so before it read all that
    /// was sent, the system has reset the connection as well.
    fn ended(&self) -> ConnectionError {
        match self.socket.take_error() {
            Ok(Some(error)) if is_reset(&error) => ConnectionError::Reset(error),
            _ => closed(),
        }
    }

    fn read_once(&mut self) -> io::Result<usize> {
        let mut chunk = [0; READ_LEN_MAX];
        let len = (&self.socket).read(&mut chunk)?;
        self.answers.feed(&chunk[..len]);
        Ok(len)
    }

    /// Takes what was read so far; `None` if the answer is not among it.
    fn take_answer(&mut self, expected: u64) -> Result<Option<Receipt>, ConnectionError> {
        let invalid = |error: &dyn std::fmt::Display| ConnectionError::Protocol(error.to_string());
        while let Some(text) = self.answers.next_value().map_err(|error| invalid(&error))? {
            match FromServer::decode(text).map_err(|error| invalid(&error))? {
                FromServer::Welcome { version, .. } => check_version(version)?,
                FromServer::Receipt { request, receipt } => {
                    check_request(request, expected)?;
                    return Ok(Some(receipt));
                }
                FromServer::Error {
                    request,
                    code,
                    text,
                } => {
                    check_request(request.unwrap_or(expected), expected)?;
                    let text = text.into_owned();
                    let is_goodbye =
                        matches!(code, ErrorCode::Overloaded | ErrorCode::ShuttingDown);
                    return Err(match request {
                        None if is_goodbye => ConnectionError::Goodbye(code, text),
                        _ => ConnectionError::Refused(code, text),
                    });
                }
                // A later version's; the protocol says to ignore it.
                FromServer::Unknown { .. } => {}
            }
        }
        Ok(None)
    }

    /// Lets a read wait until the deadline. A system call only if the last setting would wait
    /// noticeably too long, or so short that it is no use.
    fn limit_read(&mut self, deadline: &Deadline) -> Result<(), ConnectionError> {
        let remaining = deadline
            .remaining()
            .map_err(|Passed| ConnectionError::Timeout(Stage::Answer))?;
        let too_long = self.read_timeout > remaining + remaining / 64;
        if too_long || self.read_timeout < remaining / 2 {
            self.socket
                .set_read_timeout(Some(remaining))
                .map_err(|error| ConnectionError::Closed(error.to_string()))?;
            self.read_timeout = remaining;
        }
        Ok(())
    }

    /// Lets a write wait until the deadline.
    fn limit_write(&self, deadline: &Deadline) -> Result<(), ConnectionError> {
        let remaining = deadline
            .remaining()
            .map_err(|Passed| ConnectionError::Timeout(Stage::Sending))?;
        self.socket
            .set_write_timeout(Some(remaining))
            .map_err(|error| ConnectionError::Closed(error.to_string()))
    }
}

fn identity_of(file: &File) -> Option<(u64, u64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn closed() -> ConnectionError {
    ConnectionError::Closed("closed by pushd".to_owned())
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}

/// Whether there is more than white space, which does not belong to a message.
fn has_text(bytes: &[u8]) -> bool {
    !bytes.trim_ascii().is_empty()
}

fn check_version(version: u32) -> Result<(), ConnectionError> {
    if (1..=VERSION).contains(&version) {
        return Ok(());
    }
    Err(ConnectionError::Protocol(format!(
        "it wants version {version} of the protocol, this library speaks 1 to {VERSION}"
    )))
}

fn check_request(request: u64, expected: u64) -> Result<(), ConnectionError> {
    if request == expected {
        return Ok(());
    }
    Err(ConnectionError::Protocol(format!(
        "an answer to request {request}, expected was one to {expected}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_read_timeout_follows_the_deadline_with_few_system_calls() {
        let (socket, _peer) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(OwnedFd::from(socket).into());
        let mut limit = |timeout_ms| {
            let deadline = Deadline::after(Duration::from_millis(timeout_ms));
            let remaining = deadline.remaining().unwrap();
            connection.limit_read(&deadline).unwrap();
            let set = connection.socket.read_timeout().unwrap().unwrap();
            assert!(
                set <= remaining + remaining / 32,
                "{set:?} for {remaining:?}"
            );
            assert!(set >= remaining / 3, "{set:?} for {remaining:?}");
            connection.read_timeout
        };
        let first = limit(100_000);
        assert_eq!(limit(100_000), first, "the same again needs no system call");
        assert_eq!(limit(99_500), first, "nor does nearly the same");
        assert!(limit(50_000) < first);
        assert!(limit(200_000) > first);
    }

    /// `is_stale` has just looked, and then the server closed.
    #[test]
    fn a_close_before_the_write_is_no_doubt_about_the_event() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut connection = Connection::open(&address.parse().unwrap(), &deadline).unwrap();
        drop(listener.accept().unwrap());
        while !connection.is_stale() {
            deadline.remaining().expect("the close arrives");
        }
        let answer = connection.exchange(b"[3,1,\"t\",1]\n", 1, &deadline);
        assert!(
            matches!(answer, Err(ConnectionError::Reset(_))),
            "{answer:?}"
        );
    }

    #[test]
    fn a_deadline_that_has_passed_is_noticed_before_a_wait() {
        let (socket, _peer) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(OwnedFd::from(socket).into());
        let passed = Deadline::after(Duration::ZERO);
        let result = connection.limit_read(&passed);
        assert!(matches!(
            result,
            Err(ConnectionError::Timeout(Stage::Answer))
        ));
    }
}
