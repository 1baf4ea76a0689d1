//! One connection to the public listener, byte by byte: for input that no correct client sends, and to see the exact
//! answer.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use crate::WAIT_MS;
use crate::stream::Stream;

/// The key of RFC 6455's example, because the RFC also prints the answer.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The RFC's answer to it.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Any mask is valid. This one shows whether the daemon applies it.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// First bytes of frames: FIN and opcode.
pub mod first {
    #![allow(missing_docs, reason = "the RFC's names")]
    pub const TEXT: u8 = 0x81;
    pub const BINARY: u8 = 0x82;
    pub const CLOSE: u8 = 0x88;
    pub const PING: u8 = 0x89;
    pub const PONG: u8 = 0x8a;
}

/// A received frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, RSV and opcode.
    pub first: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Returns the payload as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("the daemon sends UTF-8")
    }

    /// Returns the code of a close frame.
    #[track_caller]
    pub fn close_code(&self) -> u16 {
        assert_eq!(self.first, first::CLOSE, "not a close frame: {self:?}");
        u16::from_be_bytes(
            self.payload[..2]
                .try_into()
                .expect("a close frame with a code"),
        )
    }
}

/// The connection.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects without sending anything.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self {
            stream: Stream::connect(address, WAIT_MS),
            buffer: Vec::new(),
        }
    }

    /// Connects, performs the handshake, and reads the WELCOME message.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        let mut wire = Self::connect(address);
        wire.send(&upgrade("Sec-WebSocket-Protocol: wamp\r\n"));
        let head = wire.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let welcome = wire.frame();
        assert!(welcome.text().starts_with("[0,"), "{welcome:?}");
        wire
    }

    /// Sends these bytes in one write. A closed peer is no error, because the test looks at its earlier output.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Shuts down our side of the connection.
    pub fn end_of_file(&self) {
        self.stream.end_of_file();
    }

    /// Reads the head of an HTTP answer, up to the empty line.
    #[track_caller]
    pub fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a header is ASCII");
            }
            assert!(
                self.fill() > 0,
                "closed within the header: {:?}",
                self.buffer
            );
        }
    }

    /// Reads one frame.
    #[track_caller]
    pub fn frame(&mut self) -> Frame {
        match self.next_frame() {
            Some(frame) => frame,
            None => panic!("the connection was closed where a frame was expected"),
        }
    }

    /// Reads one frame. Returns `None` if the connection ends instead.
    #[track_caller]
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, len)) = parse(&self.buffer) {
                self.buffer.drain(..len);
                return Some(frame);
            }
            if self.fill() == 0 {
                assert!(self.buffer.is_empty(), "half a frame: {:?}", self.buffer);
                return None;
            }
        }
    }

    /// Reads until the daemon closes. Returns everything that no call has consumed.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Returns the bytes that were read and not consumed.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    // 0 is the end of the stream. A reset counts as the end too.
    #[track_caller]
    fn fill(&mut self) -> usize {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(len) => {
                self.buffer.extend_from_slice(&chunk[..len]);
                len
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!(
                "nothing came for {WAIT_MS} ms ({error}); unread so far: {:?}",
                String::from_utf8_lossy(&self.buffer)
            ),
        }
    }
}

/// Returns a complete upgrade request with `headers` (each with its CR LF) besides the required ones.
pub fn upgrade(headers: &str) -> Vec<u8> {
    format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// Returns a masked frame, as browsers send them.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0x80);
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Returns an unmasked frame, which a browser must not send.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

/// Returns a masked text frame.
pub fn text(message: &str) -> Vec<u8> {
    masked(first::TEXT, message.as_bytes())
}

fn header(first: u8, len: usize, mask_bit: u8) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ 0..=125), _) => bytes.push(mask_bit | short),
        (_, Ok(medium)) => {
            bytes.push(mask_bit | 126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(mask_bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes
}

// Parses a frame from the server, which never masks. Returns the frame and its length on the wire.
fn parse(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(second & 0x80, 0, "the server masks its frames");
    let (len, start) = match second {
        126 => (
            u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
            4,
        ),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        short => (short.into(), 2),
    };
    let end = start + usize::try_from(len).ok()?;
    let payload = bytes.get(start..end)?.to_vec();
    Some((Frame { first, payload }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_length_encoding_round_trip() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            let bytes = unmasked(first::TEXT, &payload);
            let (frame, used) = parse(&bytes).unwrap();
            assert_eq!((frame.payload.len(), used), (len, bytes.len()));
            assert!(parse(&bytes[..bytes.len() - 1]).is_none());
        }
    }

    #[test]
    fn the_mask_is_applied() {
        // RFC 6455, 5.7: a single-frame masked text message "Hello".
        assert_eq!(
            text("Hello"),
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }
}
