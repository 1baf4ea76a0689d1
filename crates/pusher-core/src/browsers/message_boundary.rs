//! Finds the ends of messages in a browser's byte stream.
//!
//! The WebSocket library cannot report whether it is within a message. At a message end its state can be dropped, which
//! saves its memory until the next bytes arrive.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Longest header of a frame (RFC 6455, section 5.2).
const HEADER_LEN_MAX: usize = 14;

/// Parses frame headers and skips the payloads.
#[derive(Debug, Default)]
pub(super) struct MessageBoundary {
    header: [u8; HEADER_LEN_MAX],
    header_len: usize,
    payload_left: u64,
    in_fragments: bool,
}

impl MessageBoundary {
    /// Follows received bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left == 0 {
                bytes = self.feed_header(bytes);
            }
            let skip = self.payload_left.min(bytes.len() as u64);
            bytes = &bytes[skip as usize..];
            self.payload_left -= skip;
        }
    }

    /// Whether the last byte completed a message, including all its fragments.
    pub(super) fn is_at_message_end(&self) -> bool {
        self.header_len == 0 && self.payload_left == 0 && !self.in_fragments
    }

    /// Adds one byte to the header. Returns the other bytes.
    fn feed_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.header_len == HEADER_LEN_MAX {
            return &[]; // No header is longer, so the library has refused the stream.
        }
        self.header[self.header_len] = bytes[0];
        self.header_len += 1;
        let mut cursor = Cursor::new(&self.header[..self.header_len]);
        if let Ok(Some((header, payload_len))) = FrameHeader::parse(&mut cursor) {
            self.header_len = 0;
            self.payload_left = payload_len;
            if let OpCode::Data(Data::Text | Data::Binary | Data::Continue) = header.opcode {
                self.in_fragments = !header.is_final;
            }
        }
        &bytes[1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that messages end at the offsets `ends`, with single bytes and with all bytes at once.
    fn check(bytes: &[u8], ends: &[usize]) {
        let mut boundary = MessageBoundary::default();
        for (index, byte) in bytes.iter().enumerate() {
            boundary.feed(&[*byte]);
            let is_end = ends.contains(&(index + 1));
            assert_eq!(boundary.is_at_message_end(), is_end, "after {}", index + 1);
        }
        let mut boundary = MessageBoundary::default();
        boundary.feed(bytes);
        assert_eq!(boundary.is_at_message_end(), ends.contains(&bytes.len()));
    }

    #[test]
    fn messages_end_after_last_fragment() {
        check(&[0x81, 0x80, 1, 2, 3, 4], &[6]);
        check(
            &[0x81, 0x82, 1, 2, 3, 4, 9, 9, 0x8a, 0x80, 0, 0, 0, 0],
            &[8, 14],
        );
        let fragments = [0x01, 0x80, 0, 0, 0, 0];
        let ping = [0x89, 0x80, 0, 0, 0, 0];
        let last = [0x80, 0x81, 0, 0, 0, 0, 7];
        check(&[&fragments[..], &ping, &last].concat(), &[19]);
        let mut long = vec![0x82, 0xfe, 0, 200, 0, 0, 0, 0];
        long.extend([0; 200]);
        check(&long, &[208]);
    }

    #[test]
    fn invalid_header_is_no_message_end() {
        let mut boundary = MessageBoundary::default();
        boundary.feed(&[0xff; 100]);
        assert!(!boundary.is_at_message_end());
    }
}
