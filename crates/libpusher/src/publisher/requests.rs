//! Sends requests and reads their answers.

use std::io;
use std::iter;
use std::mem;
use std::ops::Range;

use pusher_proto::native;

use super::Publisher;
use crate::answer::Answer;
use crate::attempt::Operation;
use crate::connection::Connection;
use crate::connection_error::ConnectionError;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::receipt::Receipt;
use crate::token::Token;

/// Largest buffer that is kept for the next message, in bytes.
const KEEP_CAPACITY_MAX: usize = 16 * 1024;

impl Publisher {
    /// Sends the message that `encode` appends, and waits for its answer.
    pub(super) fn request<T: TryFrom<Answer, Error = ConnectionError>>(
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
        let token = self.token.as_ref().map(Token::as_str);
        native::encode_hello(buffer, token, self.spool.is_some());
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
                (ConnectionError::Closed(reason), operation) if operation.is_repeatable() => {
                    ConnectionError::Reset(io::Error::other(reason))
                }
                (failure, _) => failure,
            })
        });
        answer.map_err(|failure| failure.into_error(operation, &self.address, deadline))
    }

    /// Sends encoded messages with these request numbers in one write, and waits for their answers. Calls `settle`
    /// exactly once for each message, in order. If it returns false, the remaining messages are canceled. Messages
    /// without an answer are not written to the spool: that is up to `settle`.
    pub(crate) fn publish_encoded(
        &mut self,
        messages: &[u8],
        requests: Range<u64>,
        mut settle: impl FnMut(Result<Receipt, &Error>) -> bool,
    ) {
        let timeout = self.timeout;
        if let Err(error) = self.drain(&Deadline::after(timeout)) {
            for _ in requests {
                settle(Err(&error));
            }
            return;
        }
        self.publish_chunks(
            || iter::once((requests.clone(), messages)),
            || Deadline::after(timeout),
            settle,
        );
    }

    /// Writes chunk by chunk, and reads the answers to each chunk.
    pub(super) fn publish_chunks<'a, C: Iterator<Item = (Range<u64>, &'a [u8])>>(
        &mut self,
        chunks: impl Fn() -> C,
        deadline: impl Fn() -> Deadline,
        mut settle: impl FnMut(Result<Receipt, &Error>) -> bool,
    ) {
        let (address, token) = (self.address.clone(), self.token.clone());
        let has_spool = self.spool.is_some();
        let first = deadline();
        let (mut settled_count, mut is_refused) = (0, false);
        let done = self.ask(&first, |connection, is_new| {
            if is_new {
                connection.greet(token.as_ref(), has_spool, &first)?;
            }
            for (requests, messages) in chunks() {
                let exchanged = connection.exchange_all(messages, requests, &deadline, |answer| {
                    settled_count += 1;
                    let answer = answer.map_err(|refused| {
                        refused.into_error(Operation::Publish, &address, &first)
                    });
                    is_refused |= answer.as_ref().is_err_and(Error::is_temporary);
                    settle(answer.as_ref().copied().map(Receipt::from))
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
        if is_refused {
            self.drained_count = None;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
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
