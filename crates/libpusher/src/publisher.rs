//! The publisher. It decides when to connect, and when to connect again.

use std::io;
use std::iter;
use std::mem;
use std::ops::Range;
use std::time::Duration;

use pusher_proto::{Position, Receipt, native};

use crate::address::Address;
use crate::answer::Answer;
use crate::attempt::Operation;
use crate::batch::Batch;
use crate::connection::Connection;
use crate::connection_error::ConnectionError;
use crate::deadline::Deadline;
use crate::encode::encode;
use crate::error::Error;
use crate::limits::{TIMEOUT_MAX, TIMEOUT_MIN};
use crate::options::Options;
use crate::process::ProcessId;
use crate::token::Token;

/// Largest buffer that is kept for the next message, in bytes.
const KEEP_CAPACITY_MAX: usize = 16 * 1024;

/// Publishes to one pushd, over a connection that it opens at the first publish and keeps.
///
/// A forked child never uses its parent's connection: it opens its own.
#[derive(Debug)]
pub struct Publisher {
    address: Address,
    timeout: Duration,
    token: Option<Token>,
    connection: Option<Connection>,
    /// The process that opened `connection`.
    process: ProcessId,
    last_request: u64,
    buffer: Vec<u8>,
}

impl Publisher {
    /// Returns a publisher that has not connected yet. Opens and allocates nothing.
    pub fn new(options: Options) -> Self {
        Self {
            address: options.address,
            timeout: options.timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX),
            token: options.token,
            connection: None,
            process: ProcessId::current(),
            last_request: 0,
            buffer: Vec::new(),
        }
    }

    /// Sends `event`, one complete JSON value, to every browser that is subscribed to `topic`, and
    /// waits for the receipt, never longer than the timeout.
    ///
    /// If the connection was closed meanwhile, connects again, once. If it ends after the event was written, the
    /// event is not sent again: browsers could get it twice.
    ///
    /// # Errors
    /// See [`Error`]. The message names the address, the time spent, the reason, and the next thing to check.
    pub fn publish(&mut self, topic: &str, event: &str) -> Result<Receipt, Error> {
        self.publish_with_id(topic, event, None)
    }

    /// As [`publish`](Self::publish), with an id of 1 to 255 bytes. For 5 minutes pushd answers another publish with
    /// the same topic and id with the first receipt, and sends nothing. So after a lost answer the caller can
    /// publish again, and no browser gets the event twice.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn publish_with_id(
        &mut self,
        topic: &str,
        event: &str,
        id: Option<&str>,
    ) -> Result<Receipt, Error> {
        self.abandon_inherited();
        self.publish_until(topic, event, id, &Deadline::after(self.timeout))
    }

    /// Asks for the present position of pushd's log, and waits for the answer, never longer than the timeout.
    ///
    /// A program asks before it reads the data for a page. The page subscribes with the position as `since`, and so
    /// gets every event that was published in between.
    ///
    /// If the connection was closed meanwhile, or ends before the answer, connects again, once.
    ///
    /// # Errors
    /// See [`Error`]. An older pushd, which has no positions, is [`Error::Refused`].
    pub fn position(&mut self) -> Result<Position, Error> {
        self.abandon_inherited();
        self.position_until(&Deadline::after(self.timeout))
    }

    /// Sends every event of the batch and waits for the receipts. One timeout covers the whole batch.
    /// An empty batch sends nothing.
    ///
    /// Calls `settle` exactly once for each event, in order. If pushd refuses an event, the others are still
    /// published. If the connection fails or the timeout passes, each event without an answer gets
    /// that error.
    pub fn publish_batch(
        &mut self,
        batch: &Batch,
        mut settle: impl FnMut(Result<Receipt, &Error>),
    ) {
        if batch.is_empty() {
            return;
        }
        self.abandon_inherited();
        let deadline = Deadline::after(self.timeout);
        self.publish_chunks(
            || batch.chunks(),
            || deadline,
            |answer| {
                settle(answer);
                true
            },
        );
    }

    /// Whether this process has kept a connection from its last publish. pushd may have closed it since: the next
    /// publish notices.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some() && self.process == ProcessId::current()
    }

    /// The address of pushd.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The publish token.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The timeout of a publish.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sets the timeout of later publishes, clamped as in [`Options::timeout`].
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
    }

    /// As [`publish_with_id`](Self::publish_with_id), for a caller that has checked for a fork already.
    pub(crate) fn publish_until(
        &mut self,
        topic: &str,
        event: &str,
        id: Option<&str>,
        deadline: &Deadline,
    ) -> Result<Receipt, Error> {
        self.request(Operation::Publish, deadline, |buffer, request| {
            encode(buffer, request, topic, event, id)
        })
    }

    /// As [`position`](Self::position), for a caller that has checked for a fork already.
    pub(crate) fn position_until(&mut self, deadline: &Deadline) -> Result<Position, Error> {
        self.request(Operation::Position, deadline, |buffer, request| {
            native::encode_position_request(buffer, request);
            Ok(())
        })
    }

    /// Sends the message that `encode` appends, and waits for its answer.
    fn request<T: TryFrom<Answer, Error = ConnectionError>>(
        &mut self,
        operation: Operation,
        deadline: &Deadline,
        encode: impl FnOnce(&mut Vec<u8>, u64) -> Result<(), Error>,
    ) -> Result<T, Error> {
        let mut buffer = mem::take(&mut self.buffer);
        let result = self.request_from(&mut buffer, operation, deadline, encode);
        if buffer.capacity() <= KEEP_CAPACITY_MAX {
            self.buffer = buffer;
        }
        result
    }

    fn request_from<T: TryFrom<Answer, Error = ConnectionError>>(
        &mut self,
        buffer: &mut Vec<u8>,
        operation: Operation,
        deadline: &Deadline,
        encode: impl FnOnce(&mut Vec<u8>, u64) -> Result<(), Error>,
    ) -> Result<T, Error> {
        buffer.clear();
        native::encode_hello(buffer, self.token.as_ref().map(Token::as_str));
        let hello_len = buffer.len();
        let request = self.last_request + 1;
        encode(buffer, request)?;
        self.last_request = request;
        let answer = self.ask(deadline, |connection, is_new| {
            // Only a new connection needs the hello.
            let start = if is_new { 0 } else { hello_len };
            let answer = connection.exchange(&buffer[start..], request, deadline);
            answer.map_err(|failure| match (failure, operation) {
                // pushd may have read the message, but a second one does no harm.
                (ConnectionError::Closed(reason), Operation::Position) => {
                    ConnectionError::Reset(io::Error::other(reason))
                }
                (failure, _) => failure,
            })
        });
        answer.map_err(|failure| failure.into_error(operation, &self.address, deadline))
    }

    /// Sends encoded messages with these request numbers in one write, and waits for their answers. Calls `settle`
    /// exactly once for each message, in order. If it returns false, the remaining messages are canceled.
    pub(crate) fn publish_encoded(
        &mut self,
        messages: &[u8],
        requests: Range<u64>,
        settle: impl FnMut(Result<Receipt, &Error>) -> bool,
    ) {
        let timeout = self.timeout;
        self.publish_chunks(
            || iter::once((requests.clone(), messages)),
            || Deadline::after(timeout),
            settle,
        );
    }

    /// Writes chunk by chunk, and reads the answers to each chunk.
    fn publish_chunks<'a, C: Iterator<Item = (Range<u64>, &'a [u8])>>(
        &mut self,
        chunks: impl Fn() -> C,
        deadline: impl Fn() -> Deadline,
        mut settle: impl FnMut(Result<Receipt, &Error>) -> bool,
    ) {
        let (address, token) = (self.address.clone(), self.token.clone());
        let first = deadline();
        let mut settled_count = 0;
        let done = self.ask(&first, |connection, is_new| {
            if is_new {
                connection.greet(token.as_ref(), &first)?;
            }
            for (requests, messages) in chunks() {
                let exchanged = connection.exchange_all(messages, requests, &deadline, |answer| {
                    settled_count += 1;
                    let answer = answer.map_err(|refused| {
                        refused.into_error(Operation::Publish, &address, &first)
                    });
                    settle(answer.as_ref().copied())
                });
                exchanged.map_err(|failure| match failure {
                    // Earlier messages are answered and must not be sent again.
                    ConnectionError::Connect(error) | ConnectionError::Reset(error)
                        if settled_count > 0 =>
                    {
                        ConnectionError::Closed(error.to_string())
                    }
                    ConnectionError::Goodbye(code, text) if settled_count > 0 => {
                        ConnectionError::Refused(code, text)
                    }
                    failure => failure,
                })?;
            }
            Ok(())
        });
        if let Err(failure) = done {
            let error = failure.into_error(Operation::Publish, &address, &first);
            for _ in chunks()
                .flat_map(|(requests, _)| requests)
                .skip(settled_count)
            {
                settle(Err(&error));
            }
        }
    }

    /// Gives up the connection if another process opened it.
    pub(crate) fn abandon_inherited(&mut self) {
        let process = ProcessId::current();
        if self.process != process {
            self.process = process;
            if let Some(inherited) = self.connection.take() {
                inherited.abandon();
            }
        }
    }

    /// Runs `question` on the open connection, or on a new one if there is none or pushd has closed it.
    fn ask<T>(
        &mut self,
        deadline: &Deadline,
        mut question: impl FnMut(&mut Connection, bool) -> Result<T, ConnectionError>,
    ) -> Result<T, ConnectionError> {
        let mut goodbye = None;
        if let Some(mut connection) = self.connection.take()
            && !connection.is_stale()
        {
            let answer = question(&mut connection, false);
            match answer {
                // The message may be sent again: try a new connection.
                Err(ConnectionError::Connect(_) | ConnectionError::Reset(_)) => {}
                Err(ConnectionError::Goodbye(..)) => goodbye = answer.err(),
                answer => {
                    self.keep(connection, &answer);
                    return answer;
                }
            }
        }
        let mut connection = match (Connection::open(&self.address, deadline), goodbye) {
            // pushd has stopped listening. Its goodbye says why.
            (Err(ConnectionError::Connect(_)), Some(goodbye)) => return Err(goodbye),
            (opened, _) => opened?,
        };
        let answer = question(&mut connection, true);
        self.keep(connection, &answer);
        answer
    }

    /// Keeps the connection unless an answer may still arrive on it: the next publish would read that answer as its own.
    fn keep<T>(&mut self, mut connection: Connection, answer: &Result<T, ConnectionError>) {
        if connection.is_reusable_after(answer) {
            self.connection = Some(connection);
        }
    }
}

impl Drop for Publisher {
    /// A forked child that never published gives up the inherited connection in the same way.
    fn drop(&mut self) {
        self.abandon_inherited();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusher_proto::limits::EVENT_LEN_MAX;

    #[test]
    fn the_buffer_shrinks_after_a_large_event() {
        let mut publisher = Publisher::new(Options::default());
        let event = "x".repeat(EVENT_LEN_MAX);
        assert!(matches!(
            publisher.publish("t", &event),
            Err(Error::Json { .. })
        ));
        assert!(publisher.buffer.capacity() <= KEEP_CAPACITY_MAX);
    }
}
