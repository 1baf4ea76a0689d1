//! The server's WebSocket frames (RFC 6455, section 5.2): unfragmented and unmasked.

use crate::permessage_deflate::COMPRESSED;

const FIN_TEXT: u8 = 0x81;
const FIN_BINARY: u8 = 0x82;
const FIN_CLOSE: u8 = 0x88;
const FIN_PING: u8 = 0x89;

/// Longest frame header of a server in bytes. It has no mask.
pub(super) const FRAME_HEADER_LEN_MAX: usize = 10;

/// Longest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_LEN_MAX: usize = 125;

/// Appends the header of a text frame with a payload of `len` bytes.
pub(super) fn text_header(out: &mut Vec<u8>, len: usize) {
    header(out, FIN_TEXT, len);
}

fn header(out: &mut Vec<u8>, first: u8, len: usize) {
    out.push(first);
    match len {
        0..=125 => out.push(len as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Returns the length of the first frame, header included, or `None` if its header is incomplete. Only for a server's
/// frames.
pub fn server_frame_len(frames: &[u8]) -> Option<usize> {
    let (header_len, payload_len) = lens(frames)?;
    Some(header_len + payload_len)
}

/// Returns the text of a whole text frame of a server that is not compressed. `None` for other frames.
pub fn server_frame_text(frame: &[u8]) -> Option<&[u8]> {
    (frame.first() == Some(&FIN_TEXT)).then(|| server_frame_payload(frame))
}

/// Appends a text frame whose payload is compressed (permessage-deflate).
pub fn append_compressed_text_frame(out: &mut Vec<u8>, compressed: &[u8]) {
    out.reserve(FRAME_HEADER_LEN_MAX + compressed.len());
    header(out, FIN_TEXT | COMPRESSED, compressed.len());
    out.extend_from_slice(compressed);
}

/// Returns the payload of a whole frame of a server.
pub(super) fn server_frame_payload(frame: &[u8]) -> &[u8] {
    let payload = lens(frame).and_then(|(header_len, _)| frame.get(header_len..));
    payload.unwrap_or_default()
}

/// Returns the lengths of a frame's header and payload.
fn lens(frame: &[u8]) -> Option<(usize, usize)> {
    Some(match *frame.get(1)? {
        126 => {
            let len: [u8; 2] = frame.get(2..4)?.try_into().ok()?;
            (4, usize::from(u16::from_be_bytes(len)))
        }
        127 => {
            let len: [u8; 8] = frame.get(2..10)?.try_into().ok()?;
            (10, usize::try_from(u64::from_be_bytes(len)).ok()?)
        }
        len => (2, usize::from(len)),
    })
}

/// Returns a text frame.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    append_text_frame(&mut frame, text.as_bytes());
    frame
}

/// Appends a text frame.
pub fn append_text_frame(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(FRAME_HEADER_LEN_MAX + text.len());
    text_header(out, text.len());
    out.extend_from_slice(text);
}

/// Returns a binary frame. WAMP v1 does not use it.
#[doc(hidden)]
pub fn binary_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEADER_LEN_MAX + payload.len());
    text_header(&mut frame, payload.len());
    frame[0] = FIN_BINARY;
    frame.extend_from_slice(payload);
    frame
}

/// Returns a close frame. Cuts the reason at a character boundary if it does not fit in a control frame.
pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_LEN_MAX - 2)];
    let mut frame = vec![FIN_CLOSE, (2 + reason.len()) as u8];
    frame.extend_from_slice(&code.to_be_bytes());
    frame.extend_from_slice(reason.as_bytes());
    frame
}

/// Returns a ping frame without a payload.
pub fn ping_frame() -> &'static [u8] {
    &[FIN_PING, 0]
}

/// The payload of a ping behind events, which the pong repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingMark {
    /// Stands for the topic of the events.
    pub topic: u64,
    /// Sequence number of the last event before the ping.
    pub sequence: u64,
}

/// Length of a ping's payload in bytes.
const MARK_LEN: usize = 16;

impl PingMark {
    /// Reads the payload of a pong. `None` if it answers another ping.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let payload: [u8; MARK_LEN] = payload.try_into().ok()?;
        let mark = u128::from_be_bytes(payload);
        Some(Self {
            topic: (mark >> 64) as u64,
            sequence: mark as u64,
        })
    }
}

/// Returns a ping frame with a mark.
pub fn marked_ping(mark: PingMark) -> [u8; 2 + MARK_LEN] {
    let mut frame = [0; 2 + MARK_LEN];
    frame[0] = FIN_PING;
    frame[1] = MARK_LEN as u8;
    let payload = u128::from(mark.topic) << 64 | u128::from(mark.sequence);
    frame[2..].copy_from_slice(&payload.to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_at_the_borders() {
        for (len, header) in [
            (0usize, &[0x81u8, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 0xff, 0xff]),
            (0x10000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let text = "x".repeat(len);
            let frame = text_frame(&text);
            assert_eq!(frame, [header, text.as_bytes()].concat(), "{len}");
            let frames = [&frame[..], &text_frame("next")].concat();
            assert_eq!(server_frame_len(&frames), Some(frame.len()));
            for cut in 0..header.len() {
                assert_eq!(server_frame_len(&frames[..cut]), None, "{len} {cut}");
            }
        }
    }

    #[test]
    fn binary_frames_have_a_code_of_their_own() {
        assert_eq!(binary_frame(b"ab"), [0x82, 2, b'a', b'b']);
    }

    #[test]
    fn compressed_frames_are_marked() {
        let mut frame = Vec::new();
        append_compressed_text_frame(&mut frame, &[1; 200]);
        assert_eq!(frame[..4], [0xc1, 126, 0, 200]);
        assert_eq!(server_frame_len(&frame), Some(204));
        assert_eq!(server_frame_text(&frame), None);
        assert_eq!(server_frame_text(&text_frame("a")), Some(&b"a"[..]));
        assert_eq!(server_frame_text(ping_frame()), None);
    }

    #[test]
    fn mark_of_a_ping_comes_back() {
        let mark = PingMark {
            topic: u64::MAX - 1,
            sequence: 7,
        };
        let ping = marked_ping(mark);
        assert_eq!(ping[..2], [0x89, 16]);
        assert_eq!(PingMark::read(&ping[2..]), Some(mark));
        assert_eq!(PingMark::read(&ping[3..]), None);
        assert_eq!(PingMark::read(b""), None);
    }

    #[test]
    fn close_reasons_fit() {
        assert_eq!(close_frame(1000, ""), [0x88, 2, 3, 232]);
        assert_eq!(close_frame(1007, "no"), [0x88, 4, 3, 239, b'n', b'o']);
        let long = close_frame(1008, &"猫".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 123);
        assert!(std::str::from_utf8(&long[4..]).is_ok());
        assert_eq!(close_frame(1008, &"x".repeat(124))[1], 125);
    }
}
