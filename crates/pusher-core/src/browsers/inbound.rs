//! Decodes a browser's bytes into WebSocket messages. Uses the WebSocket library without a socket.

use std::io::{self, Read, Write};

use pusher_proto::wamp::close_frame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::message_boundary::MessageBoundary;
use super::violation::Violation;
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
    pub(super) len_max: usize,
    /// Time from the first byte to the last.
    pub(super) timeout_ms: u64,
}

#[derive(Debug)]
struct Decoder {
    context: WebSocketContext,
    pipe: Pipe,
    boundary: MessageBoundary,
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
            .get_or_insert_with(|| Box::new(Decoder::new(limits.len_max, now_ms)));
        decoder.pipe.put(bytes);
        decoder.boundary.feed(bytes);
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
        } else if is_complete {
            decoder.since_ms = now_ms;
        } else if now_ms.saturating_sub(decoder.since_ms) > limits.timeout_ms {
            return Err(Violation {
                kind: ViolationKind::Unfinished,
                reason: "a message took too long to arrive".to_owned(),
            });
        }
        Ok(())
    }
}

impl Decoder {
    fn new(message_len_max: usize, now_ms: u64) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_LEN)
            .write_buffer_size(0)
            .max_message_size(Some(message_len_max))
            .max_frame_size(Some(message_len_max));
        Self {
            context: WebSocketContext::new(Role::Server, Some(config)),
            pipe: Pipe::default(),
            boundary: MessageBoundary::default(),
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
                Ok(Message::Text(text)) => return Ok(Some(self.after_pong(Incoming::Text(text)))),
                Ok(Message::Binary(bytes)) => {
                    return Ok(Some(self.after_pong(Incoming::Binary(bytes))));
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

impl Pipe {
    fn put(&mut self, bytes: &[u8]) {
        if self.position == self.input.len() {
            self.input.clear();
            self.position = 0;
        }
        self.input.extend_from_slice(bytes);
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
pub(crate) fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    const LIMITS: MessageLimits = MessageLimits {
        len_max: 200,
        timeout_ms: u64::MAX,
    };
    let mut inbound = Inbound::default();
    let mut decoded = Vec::new();
    for chunk in chunks {
        let mut is_closed = false;
        let fed = inbound.feed(chunk, 0, LIMITS, |incoming| {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a client's frame, with a mask of zeros.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        frame
    }

    fn feed(bytes: &[u8], chunk_len: usize) -> (Vec<Incoming>, Result<(), Violation>, bool) {
        let mut inbound = Inbound::default();
        let mut incoming = Vec::new();
        for chunk in bytes.chunks(chunk_len) {
            let limits = MessageLimits {
                len_max: 1000,
                timeout_ms: 0,
            };
            let fed = inbound.feed(chunk, 0, limits, |message| {
                if !matches!(message, Incoming::Ping | Incoming::Pong(_)) {
                    incoming.push(message);
                }
                Ok(())
            });
            if fed.is_err() || matches!(incoming.last(), Some(Incoming::Close(_))) {
                return (incoming, fed, inbound.decoder.is_none());
            }
        }
        (incoming, Ok(()), inbound.decoder.is_none())
    }

    #[test]
    fn chunks_of_any_size_decode_and_leave_no_state() {
        let bytes = [
            frame(0x81, b"one"),
            frame(0x01, b"t"),
            frame(0x89, b"ping"),
            frame(0x80, "猫".as_bytes()),
            frame(0x82, &[0xff; 300]),
        ]
        .concat();
        for chunk_len in [1, 2, 3, 7, 100, bytes.len()] {
            let (incoming, fed, is_idle) = feed(&bytes, chunk_len);
            assert_eq!(fed, Ok(()));
            assert!(is_idle, "the decoder is dropped between messages");
            assert_eq!(
                incoming,
                [
                    Incoming::Text("one".into()),
                    Incoming::Reply(b"\x8a\x04ping".to_vec()),
                    Incoming::Text("t猫".into()),
                    Incoming::Binary(vec![0xff; 300].into())
                ]
            );
        }
    }

    #[test]
    fn incomplete_message_times_out() {
        let limits = MessageLimits {
            len_max: 1000,
            timeout_ms: 100,
        };
        let mut inbound = Inbound::default();
        let mut feed = |bytes: &[u8], now_ms| {
            let fed = inbound.feed(bytes, now_ms, limits, |_| Ok(()));
            fed.map_err(|violation| violation.kind)
        };
        let [first, last] = [frame(0x01, b"a"), frame(0x80, b"b")];
        let ping = frame(0x89, b"");
        assert_eq!(feed(&first, 1000), Ok(()));
        assert_eq!(feed(&ping, 1100), Ok(()), "in time");
        assert_eq!(feed(&last, 1101), Ok(()), "late, but complete");
        assert_eq!(
            feed(&first, 2000),
            Ok(()),
            "the next message has its own timeout"
        );
        let last_and_first = [&last[..], &first].concat();
        assert_eq!(feed(&last_and_first, 2100), Ok(()));
        assert_eq!(feed(&ping, 2200), Ok(()));
        assert_eq!(feed(&ping, 2201), Err(ViolationKind::Unfinished));
    }

    #[test]
    fn close_frame_is_answered() {
        let code = |code: u16| code.to_be_bytes().to_vec();
        let echo = |code: u16| [&[0x88, 2][..], &code.to_be_bytes()].concat();
        for (payload, reply) in [
            (vec![], echo(1000)),
            (code(1000), echo(1000)),
            (code(3001), echo(3001)),
        ] {
            let bytes = [frame(0x88, &payload), frame(0x81, b"late")].concat();
            let (incoming, fed, _) = feed(&bytes, bytes.len());
            assert_eq!((incoming, fed), (vec![Incoming::Close(reply)], Ok(())));
        }
        for payload in [code(1005), code(0)] {
            let (incoming, _, _) = feed(&frame(0x88, &payload), 100);
            let [Incoming::Close(reply)] = &incoming[..] else {
                panic!("{incoming:?}");
            };
            assert_eq!(reply[2..4], 1002u16.to_be_bytes(), "{payload:?}");
        }
    }

    #[test]
    fn violations_have_their_codes() {
        let mut unmasked = frame(0x81, b"");
        unmasked[1] = 0;
        for (bytes, code) in [
            (unmasked, 1002),
            (frame(0xc1, b""), 1002),
            (frame(0x83, b""), 1002),
            (frame(0x80, b"continuation first"), 1002),
            (frame(0x09, b"fragmented ping"), 1002),
            (frame(0x89, &[0; 126]), 1002),
            (frame(0x88, &[3]), 1002),
            (frame(0x81, b"\xff"), 1007),
            (frame(0x81, &[b'x'; 1001]), 1009),
            (
                [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 401])].concat(),
                1009,
            ),
        ] {
            let (incoming, fed, _) = feed(&bytes, bytes.len());
            assert_eq!(incoming, [], "{bytes:x?}");
            assert_eq!(fed.unwrap_err().kind.code(), code, "{bytes:x?}");
        }
        assert_eq!(feed(&frame(0x81, &[b'x'; 1000]), 4096).1, Ok(()));
    }
}
