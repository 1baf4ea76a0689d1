//! Decodes a browser's bytes into WebSocket messages. Uses the WebSocket library without a socket.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};

use pusher_proto::wamp::close_frame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::message_boundary::{MessageBoundary, MessageKind};
use super::violation::Violation;
use crate::connection::{InflateError, inflate};
use crate::stats::ViolationKind;

/// Close code of a normal end (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// Size of the library's read buffer, in bytes. It exists only while a message is incomplete.
const READ_BUFFER_LEN: usize = 1024;

/// A decoded message or frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A message in text frames.
    Text(Utf8Bytes),
    /// A message in binary frames.
    Binary(bytes::Bytes),
    /// A ping. The answer follows as a [`Reply`](Self::Reply).
    Ping,
    /// A pong and its payload.
    Pong(bytes::Bytes),
    /// A pong to send.
    Reply(Vec<u8>),
    /// A close frame from the browser. Holds the close frame to answer with.
    Close(Vec<u8>),
}

/// The decoder of one connection. Holds the library's state only while a message is incomplete, so that an idle
/// connection needs no memory for it.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    decoder: Option<Box<Decoder>>,
}

/// Limits for one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageLimits {
    /// Messages may be compressed.
    pub(super) may_compress: bool,
    /// Longest message, in bytes. It limits a compressed message before and after its decompression.
    pub(super) len_max: usize,
    /// Time from the first byte to the last.
    pub(super) timeout_ms: u64,
}

#[derive(Debug)]
struct Decoder {
    context: WebSocketContext,
    pipe: Pipe,
    boundary: MessageBoundary,
    len_max: usize,
    /// The bytes of the incomplete message, for another process: it cannot have the library's state.
    unfinished: Vec<u8>,
    /// Start of the incomplete message, in milliseconds of the server clock.
    since_ms: u64,
    /// A message to return after the pong that precedes it.
    held: Option<Incoming>,
}

/// Replaces the socket for the library: it reads the input from here, and writes its frames here.
#[derive(Debug, Default)]
struct Pipe {
    input: Vec<u8>,
    position: usize,
    output: Vec<u8>,
}

impl Inbound {
    /// Decodes received bytes, and passes each complete message to `hand_over`, in order. Stops after a `Close` or a
    /// violation.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        now_ms: u64,
        limits: MessageLimits,
        mut hand_over: impl FnMut(Incoming) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let decoder = self
            .decoder
            .get_or_insert_with(|| Box::new(Decoder::new(limits, now_ms)));
        let put = decoder.pipe.put(bytes);
        let end = decoder.boundary.feed(put);
        let mut is_complete = false;
        while let Some(incoming) = decoder.next()? {
            let is_close = matches!(incoming, Incoming::Close(_));
            is_complete |= matches!(incoming, Incoming::Text(_) | Incoming::Binary(_));
            hand_over(incoming)?;
            if is_close {
                return Ok(());
            }
        }
        if decoder.boundary.is_at_message_end() {
            self.decoder = None;
            return Ok(());
        }
        if end.is_some() {
            decoder.unfinished.clear();
        }
        let unfinished = bytes.get(end.unwrap_or(0)..).unwrap_or_default();
        decoder.unfinished.extend_from_slice(unfinished);
        if is_complete {
            decoder.since_ms = now_ms;
        } else if now_ms.saturating_sub(decoder.since_ms) > limits.timeout_ms {
            return Err(Violation {
                kind: ViolationKind::Unfinished,
                reason: "a message took too long to arrive".to_owned(),
            });
        }
        Ok(())
    }

    /// Returns the bytes of the incomplete message for another process.
    pub(super) fn hand_over(self) -> Vec<u8> {
        self.decoder
            .map_or_else(Vec::new, |decoder| decoder.unfinished)
    }

    /// Continues with the incomplete message of another process. Control frames in it are answered already.
    pub(super) fn take_over(bytes: &[u8], now_ms: u64, limits: MessageLimits) -> Self {
        let mut inbound = Self::default();
        if !bytes.is_empty() {
            // No message is complete. If the limit is lower now, the next bytes report it.
            let _too_long = inbound.feed(bytes, now_ms, limits, |_| Ok(()));
        }
        inbound
    }
}

impl Decoder {
    fn new(limits: MessageLimits, now_ms: u64) -> Self {
        let MessageLimits {
            may_compress,
            len_max,
            ..
        } = limits;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_LEN)
            .write_buffer_size(0)
            .max_message_size(Some(len_max))
            .max_frame_size(Some(len_max));
        Self {
            context: WebSocketContext::new(Role::Server, Some(config)),
            pipe: Pipe::default(),
            boundary: MessageBoundary::new(may_compress),
            len_max,
            unfinished: Vec::new(),
            since_ms: now_ms,
            held: None,
        }
    }

    /// Returns the next complete message or frame.
    fn next(&mut self) -> Result<Option<Incoming>, Violation> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        loop {
            match self.context.read(&mut self.pipe) {
                Ok(Message::Text(text)) => {
                    self.boundary.next_kind();
                    return Ok(Some(self.after_pong(Incoming::Text(text))));
                }
                Ok(Message::Binary(bytes)) => {
                    let message = self.binary(bytes)?;
                    return Ok(Some(self.after_pong(message)));
                }
                Ok(Message::Close(None)) => {
                    // The library would answer without a code. Ratchet, which this server replaces, sends 1000.
                    return Ok(Some(Incoming::Close(close_frame(NORMAL, ""))));
                }
                Ok(Message::Close(Some(_))) => {
                    // The flush writes the answer, and then fails with `ConnectionClosed`.
                    let _closed = self.context.flush(&mut self.pipe);
                    return Ok(Some(Incoming::Close(self.pipe.take_output())));
                }
                Ok(Message::Ping(_)) => return Ok(Some(Incoming::Ping)),
                Ok(Message::Pong(payload)) => return Ok(Some(Incoming::Pong(payload))),
                // The library returns raw frames only to writers.
                Ok(Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    let reply = self.pipe.take_output();
                    return Ok((!reply.is_empty()).then_some(Incoming::Reply(reply)));
                }
                Err(error) => return Err(violation(&error)),
            }
        }
    }

    /// Returns a message that the library takes for a binary one: compressed ones have got that form.
    fn binary(&mut self, bytes: bytes::Bytes) -> Result<Incoming, Violation> {
        let inflated = |bytes: &[u8]| inflate(bytes, self.len_max).map_err(damaged);
        Ok(match self.boundary.next_kind() {
            MessageKind::Plain => Incoming::Binary(bytes),
            MessageKind::CompressedBinary => Incoming::Binary(inflated(&bytes)?.into()),
            MessageKind::CompressedText => {
                let text = String::from_utf8(inflated(&bytes)?);
                Incoming::Text(text.map_err(not_utf8)?.into())
            }
        })
    }

    /// Keeps the order: the pong to an earlier ping leaves before the answer to `message`.
    fn after_pong(&mut self, message: Incoming) -> Incoming {
        let reply = self.pipe.take_output();
        if reply.is_empty() {
            return message;
        }
        self.held = Some(message);
        Incoming::Reply(reply)
    }
}

fn violation(error: &Error) -> Violation {
    let kind = match error {
        Error::Utf8(_) => ViolationKind::InvalidData,
        Error::Capacity(_) => ViolationKind::MessageLen,
        _ => ViolationKind::Protocol,
    };
    Violation {
        kind,
        reason: error.to_string(),
    }
}

fn damaged(error: InflateError) -> Violation {
    let kind = match error {
        InflateError::TooLong(_) => ViolationKind::MessageLen,
        InflateError::Damaged => ViolationKind::InvalidData,
    };
    Violation::new(kind, error.to_string())
}

fn not_utf8(_: std::string::FromUtf8Error) -> Violation {
    let reason = "a compressed message is not valid UTF-8".to_owned();
    Violation::new(ViolationKind::InvalidData, reason)
}

impl Pipe {
    /// Adds bytes. Returns them as the library will read them.
    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        if self.position == self.input.len() {
            self.input.clear();
            self.position = 0;
        }
        let start = self.input.len();
        self.input.extend_from_slice(bytes);
        &mut self.input[start..]
    }

    fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = &self.input[self.position..];
        if rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = rest.read(buffer)?;
        self.position += len;
        Ok(len)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decodes `chunks`, and describes each message and the end, if there is one. Omits the answers, because their grouping
/// depends on the chunks.
#[cfg(any(test, fuzzing))]
pub(crate) fn decode<'a>(
    chunks: impl Iterator<Item = &'a [u8]>,
    may_compress: bool,
) -> Vec<String> {
    let limits = MessageLimits {
        may_compress,
        len_max: 200,
        timeout_ms: u64::MAX,
    };
    let mut inbound = Inbound::default();
    let mut decoded = Vec::new();
    for chunk in chunks {
        let mut is_closed = false;
        let fed = inbound.feed(chunk, 0, limits, |incoming| {
            match incoming {
                Incoming::Text(text) => decoded.push(format!("text {text}")),
                Incoming::Binary(bytes) => decoded.push(format!("binary {bytes:?}")),
                Incoming::Reply(_) | Incoming::Ping | Incoming::Pong(_) => {}
                Incoming::Close(_) => is_closed = true,
            }
            Ok(())
        });
        if let Err(violation) = fed {
            decoded.push(format!("violation {:?}", violation.kind));
            break;
        }
        if is_closed {
            decoded.push("close".to_owned());
            break;
        }
    }
    decoded
}
