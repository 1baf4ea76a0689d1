//! Finds the ends of messages in a browser's byte stream.
//!
//! The WebSocket library cannot report whether it is within a message. At a message end its state can be dropped, which
//! saves its memory until the next bytes arrive.
//!
//! The library refuses compressed messages. It gets them as binary ones.

use std::collections::VecDeque;
use std::io::Cursor;

use pusher_proto::permessage_deflate::COMPRESSED;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

/// Longest header of a frame (RFC 6455, section 5.2).
const HEADER_LEN_MAX: usize = 14;

/// Bits of the opcode in the first byte of a frame.
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The form in which a client has sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageKind {
    Plain,
    CompressedText,
    CompressedBinary,
}

/// Parses frame headers and skips the payloads.
#[derive(Debug, Default)]
pub(super) struct MessageBoundary {
    may_compress: bool,
    /// The forms of the messages that have begun and that the library has not returned, oldest first. Empty if messages may
    /// not be compressed.
    kinds: VecDeque<MessageKind>,
    header: [u8; HEADER_LEN_MAX],
    header_len: usize,
    payload_left: u64,
    in_fragments: bool,
}

impl MessageBoundary {
    /// `may_compress`: the client may send compressed messages.
    pub(super) fn new(may_compress: bool) -> Self {
        Self {
            may_compress,
            ..Self::default()
        }
    }

    /// Follows received bytes. Gives compressed messages the header of binary ones. Returns the number of bytes up to the
    /// end of the last complete message. `None` if none of them ends a message.
    pub(super) fn feed(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut end = None;
        let mut position = 0;
        while position < bytes.len() {
            if self.payload_left == 0 {
                if self.header_len == HEADER_LEN_MAX {
                    return end; // No header is longer, so the library has refused the stream.
                }
                self.feed_header(&mut bytes[position]);
                position += 1;
            }
            let skip = self.payload_left.min((bytes.len() - position) as u64);
            position += skip as usize;
            self.payload_left -= skip;
            if self.is_at_message_end() {
                end = Some(position);
            }
        }
        end
    }

    /// Returns the form of the next message that the library returns.
    pub(super) fn next_kind(&mut self) -> MessageKind {
        self.kinds.pop_front().unwrap_or(MessageKind::Plain)
    }

    /// Whether the last byte completed a message, including all its fragments.
    pub(super) fn is_at_message_end(&self) -> bool {
        self.header_len == 0 && self.payload_left == 0 && !self.in_fragments
    }

    /// Adds one byte to the header.
    fn feed_header(&mut self, byte: &mut u8) {
        if self.header_len == 0 && self.may_compress {
            self.begin_frame(byte);
        }
        self.header[self.header_len] = *byte;
        self.header_len += 1;
        let mut cursor = Cursor::new(&self.header[..self.header_len]);
        if let Ok(Some((header, payload_len))) = FrameHeader::parse(&mut cursor) {
            self.header_len = 0;
            self.payload_left = payload_len;
            if let OpCode::Data(Data::Text | Data::Binary | Data::Continue) = header.opcode {
                self.in_fragments = !header.is_final;
            }
        }
    }

    /// Takes the mark of a compressed message from the first byte of its first frame. The library refuses the mark in other
    /// frames.
    fn begin_frame(&mut self, first: &mut u8) {
        let opcode = *first & OPCODE;
        if !matches!(opcode, TEXT | BINARY) {
            return;
        }
        self.kinds.push_back(match (*first & COMPRESSED, opcode) {
            (0, _) => MessageKind::Plain,
            (_, TEXT) => MessageKind::CompressedText,
            _ => MessageKind::CompressedBinary,
        });
        if *first & COMPRESSED != 0 {
            *first = *first & !(COMPRESSED | OPCODE) | BINARY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that messages end at the offsets `ends`, with single bytes and with all bytes at once.
    fn check(bytes: &[u8], ends: &[usize]) {
        let mut boundary = MessageBoundary::default();
        for (index, byte) in bytes.iter().enumerate() {
            boundary.feed(&mut [*byte]);
            let is_end = ends.contains(&(index + 1));
            assert_eq!(boundary.is_at_message_end(), is_end, "after {}", index + 1);
        }
        let mut boundary = MessageBoundary::default();
        boundary.feed(&mut bytes.to_vec());
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
    fn compressed_messages_become_binary_ones() {
        let [text, binary, ping] = [0xc1, 0xc2, 0x89].map(|first| [first, 0x80, 0, 0, 0, 0]);
        let plain = [0x81, 0x80, 0, 0, 0, 0];
        // Only the first frame of a message has the mark, so the library gets a wrong one.
        let wrong = [0xc0, 0x80, 0, 0, 0, 0];
        let mut bytes = [text, ping, plain, binary, wrong].concat();
        let mut boundary = MessageBoundary::new(true);
        assert_eq!(boundary.feed(&mut bytes), Some(30));
        let firsts: Vec<_> = bytes.iter().step_by(6).copied().collect();
        assert_eq!(firsts, [0x82, 0x89, 0x81, 0x82, 0xc0]);
        let kinds = [(); 4].map(|()| boundary.next_kind());
        let [text, binary] = [MessageKind::CompressedText, MessageKind::CompressedBinary];
        assert_eq!(
            kinds,
            [text, MessageKind::Plain, binary, MessageKind::Plain]
        );

        let mut bytes = [0xc1, 0x80, 0, 0, 0, 0];
        MessageBoundary::new(false).feed(&mut bytes);
        assert_eq!(bytes[0], 0xc1);
    }

    #[test]
    fn invalid_header_is_no_message_end() {
        let mut boundary = MessageBoundary::default();
        boundary.feed(&mut [0xff; 100]);
        assert!(!boundary.is_at_message_end());
    }
}
