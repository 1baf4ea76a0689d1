//! One socket to pushd. Requests take turns on it: each waits for its answer.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::time::Duration;

use pusher_proto::native::{self, ErrorCode, FromServer, VERSION};
use pusher_proto::{JsonStream, Receipt};
use socket2::Socket;

use crate::address::Address;
use crate::answer::{Answer, Drained, Revoked};
use crate::attempt::Stage;
use crate::connect::connect;
use crate::connection_error::{ConnectionError, is_temporary};
use crate::deadline::{Deadline, Passed};
use crate::presence::Presence;
use crate::socket::{self, Identity};
use crate::token::Token;

/// Longest answer in bytes. 100 members of a topic with the longest `sub` and `info` take 360,000, and all other answers
/// are far shorter.
const ANSWER_LEN_MAX: usize = 512 * 1024;

/// Size of one read in bytes. WELCOME and a receipt fit together.
const READ_LEN_MAX: usize = 1024;

/// A request number that is never used.
const NO_REQUEST: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    identity: Identity,
    answers: JsonStream,
    /// The current SO_RCVTIMEO.
    read_timeout: Duration,
}

impl Connection {
    /// Connects. The descriptor is closed on exec.
    pub(crate) fn open(address: &Address, deadline: &Deadline) -> Result<Self, ConnectionError> {
        connect(address, deadline).map(Self::new)
    }

    fn new(socket: Socket) -> Self {
        let (socket, identity) = Identity::of(socket);
        Self {
            socket,
            identity,
            answers: JsonStream::new(ANSWER_LEN_MAX),
            read_timeout: Duration::ZERO,
        }
    }

    /// Whether the peer has closed the connection, or has sent a message without a request, such as a goodbye.
    pub(crate) fn is_stale(&mut self) -> bool {
        match socket::peek_now(&self.socket) {
            Err(error) => error.kind() != ErrorKind::WouldBlock,
            Ok(0) => true,
            // There are bytes, so the read does not block.
            Ok(_) => self.read_once().is_err() || !self.has_nothing_left(),
        }
    }

    /// Writes one message and reads its answer.
    pub(crate) fn exchange<T: TryFrom<Answer, Error = ConnectionError>>(
        &mut self,
        message: &[u8],
        request: u64,
        deadline: &Deadline,
    ) -> Result<T, ConnectionError> {
        match self.send(message, deadline) {
            Ok(()) => self.receive(request, deadline),
            // pushd may have sent its reason before it stopped reading.
            Err(broken @ (ConnectionError::Closed(_) | ConnectionError::Reset(_))) => {
                match self.receive::<T>(request, deadline) {
                    Err(
                        refused @ (ConnectionError::Refused(..) | ConnectionError::Goodbye(..)),
                    ) => Err(refused),
                    _ => Err(broken),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Writes HELLO alone. The messages follow in later writes.
    pub(crate) fn greet(
        &mut self,
        token: Option<&Token>,
        has_spool: bool,
        deadline: &Deadline,
    ) -> Result<(), ConnectionError> {
        let mut hello = Vec::new();
        native::encode_hello(&mut hello, token.map(Token::as_str), has_spool);
        self.send(&hello, deadline)
    }

    /// Writes many publishes and reads their answers. `deadline` makes the deadline of each step. `on_answer` gets every
    /// answer after which the connection stays open, and returns whether to go on.
    pub(crate) fn exchange_all(
        &mut self,
        messages: &[u8],
        requests: Range<u64>,
        deadline: impl Fn() -> Deadline,
        mut on_answer: impl FnMut(Result<Receipt, ConnectionError>) -> bool,
    ) -> Result<(), ConnectionError> {
        let sent = self.send(messages, &deadline());
        match &sent {
            // Messages that were written completely may have answers.
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
                // The only message was written in part: it can't have been published.
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

    /// Whether the next publish can use this connection. It cannot if pushd closes it, or if answers to this
    /// publish may still arrive.
    pub(crate) fn is_reusable_after<T>(&mut self, answer: &Result<T, ConnectionError>) -> bool {
        let complete = match answer {
            Ok(_) => true,
            Err(ConnectionError::Refused(code, _)) => !code.closes(),
            Err(_) => false,
        };
        complete && self.has_nothing_left()
    }

    /// Gives up a connection that was inherited through a fork. Closes the descriptor without sending anything,
    /// because the parent still uses the connection. If the descriptor number now belongs to another file (the
    /// child closed all descriptors and opened its own), that file stays open.
    pub(crate) fn abandon(self) {
        self.identity.close(self.socket);
    }

    fn has_nothing_left(&mut self) -> bool {
        matches!(self.answers.next_value(), Ok(None)) && self.answers.unfinished_len() == 0
    }

    /// Writes the whole message.
    fn send(&mut self, message: &[u8], deadline: &Deadline) -> Result<(), ConnectionError> {
        let mut sent_len = 0;
        // Most events fit in the socket's buffer, so the first attempt needs no timeout.
        let mut send = socket::send_now as fn(&Socket, &[u8]) -> io::Result<usize>;
        while sent_len < message.len() {
            match send(&self.socket, &message[sent_len..]) {
                Ok(len) => sent_len += len,
                Err(error) if is_temporary(&error) => {
                    self.limit_write(deadline)?;
                    send = socket::send;
                }
                Err(error) if sent_len == 0 => {
                    return Err(self.goodbye().unwrap_or(ConnectionError::Connect(error)));
                }
                // Without its end the last message is incomplete, so pushd has not published it.
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
        if socket::peek_now(&self.socket).is_ok_and(|len| len > 0) {
            // There are bytes, so the read does not block.
            self.read_once().ok()?;
        }
        match self.take_answer(NO_REQUEST) {
            Err(goodbye @ ConnectionError::Goodbye(..)) => Some(goodbye),
            _ => None,
        }
    }

    /// Reads until the answer to `request`.
    fn receive<T: TryFrom<Answer, Error = ConnectionError>>(
        &mut self,
        request: u64,
        deadline: &Deadline,
    ) -> Result<T, ConnectionError> {
        let mut has_answered = false;
        loop {
            if let Some(answer) = self.take_answer(request)? {
                return answer.try_into();
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

    /// Returns the error for a connection that pushd closed without an answer. If pushd closed it before it had read
    /// everything, the kernel has also reset the connection.
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

    /// Searches the bytes that were read for the answer. Returns `None` if it has not arrived.
    fn take_answer(&mut self, expected: u64) -> Result<Option<Answer>, ConnectionError> {
        let invalid = |error: &dyn std::fmt::Display| ConnectionError::Protocol(error.to_string());
        while let Some(text) = self.answers.next_value().map_err(|error| invalid(&error))? {
            match FromServer::decode(text).map_err(|error| invalid(&error))? {
                FromServer::Welcome { version, .. } => check_version(version)?,
                FromServer::Receipt { request, receipt } => {
                    check_request(request, expected)?;
                    return Ok(Some(Answer::Receipt(receipt)));
                }
                FromServer::Position { request, position } => {
                    check_request(request, expected)?;
                    let position = position.parse().map_err(|error| invalid(&error))?;
                    return Ok(Some(Answer::Position(position)));
                }
                FromServer::Drained { request } => {
                    check_request(request, expected)?;
                    return Ok(Some(Answer::Drained(Drained)));
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
                FromServer::Revoked { request, sessions } => {
                    check_request(request, expected)?;
                    return Ok(Some(Answer::Revoked(Revoked(sessions))));
                }
                FromServer::Members {
                    request,
                    count,
                    members,
                } => {
                    check_request(request, expected)?;
                    check_members(members)?;
                    let members = members.to_owned();
                    return Ok(Some(Answer::Members(Presence { count, members })));
                }
                // A message of a later version, which the protocol says to ignore.
                FromServer::Unknown { .. } => {}
            }
        }
        Ok(None)
    }

    /// Limits the next read to the deadline. Skips the system call if the current timeout is near enough: at most
    /// 1/64 too long, and at least half of the remaining time.
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

    /// Limits the next write to the deadline.
    fn limit_write(&self, deadline: &Deadline) -> Result<(), ConnectionError> {
        let remaining = deadline
            .remaining()
            .map_err(|Passed| ConnectionError::Timeout(Stage::Sending))?;
        self.socket
            .set_write_timeout(Some(remaining))
            .map_err(|error| ConnectionError::Closed(error.to_string()))
    }
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

/// Whether there is anything but white space. White space around a message is not part of it.
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

/// The decoder has checked that it is JSON.
fn check_members(members: &str) -> Result<(), ConnectionError> {
    if members.starts_with('[') {
        return Ok(());
    }
    Err(ConnectionError::Protocol(
        "the members are not a list".to_owned(),
    ))
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
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_read_timeout_follows_the_deadline_with_few_system_calls() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut connection = Connection::new(socket.into());
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
    fn a_close_before_the_write_is_a_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut connection = Connection::open(&address.parse().unwrap(), &deadline).unwrap();
        drop(listener.accept().unwrap());
        while !connection.is_stale() {
            deadline.remaining().expect("the close arrives");
        }
        let answer = connection.exchange::<Receipt>(b"[3,1,\"t\",1]\n", 1, &deadline);
        assert!(
            matches!(answer, Err(ConnectionError::Reset(_))),
            "{answer:?}"
        );
    }

    #[test]
    fn a_passed_deadline_is_noticed_before_a_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut connection = Connection::new(socket.into());
        let passed = Deadline::after(Duration::ZERO);
        let result = connection.limit_read(&passed);
        assert!(matches!(
            result,
            Err(ConnectionError::Timeout(Stage::Answer))
        ));
    }
}
