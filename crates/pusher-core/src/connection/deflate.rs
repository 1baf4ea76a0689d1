//! Compressed messages (permessage-deflate, RFC 7692). Each message is compressed by itself, so no connection keeps a
//! state: a thread has one compressor and one decompressor, which the first use creates.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use pusher_proto::permessage_deflate::TAIL;
use pusher_proto::wamp::{append_compressed_text_frame, server_frame_len, server_frame_text};

thread_local! {
    static COMPRESS: RefCell<Compress> =
        RefCell::new(Compress::new(Compression::default(), false));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Bytes by which the output of the decompressor grows.
const CHUNK_LEN: usize = 4096;

/// Room for what a compressor adds to data that it cannot make shorter.
const RESERVE_LEN: usize = 64;

/// A compressed message that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InflateError {
    #[error("a compressed message is longer than {0} bytes")]
    TooLong(usize),
    #[error("the compressed data of a message is damaged")]
    Damaged,
}

/// Compresses the text frames with at least `len_min` bytes of text that this makes shorter. Returns all frames, in
/// order, or `None` if none was compressed.
pub(crate) fn deflate_frames(mut frames: &[u8], len_min: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut is_changed = false;
    while let Some(frame) = server_frame_len(frames).and_then(|len| frames.get(..len)) {
        frames = &frames[frame.len()..];
        let text = server_frame_text(frame).filter(|text| text.len() >= len_min);
        match text.and_then(deflate) {
            Some(compressed) => {
                append_compressed_text_frame(&mut out, &compressed);
                is_changed = true;
            }
            None => out.extend_from_slice(frame),
        }
    }
    is_changed.then_some(out)
}

/// Compresses a message. Returns `None` if that does not make it shorter.
fn deflate(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() + RESERVE_LEN);
    let is_whole = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        let compressed = compress.compress_vec(text, &mut out, FlushCompress::Sync);
        compressed.is_ok() && compress.total_in() == text.len() as u64
    });
    if !is_whole || out.len() == out.capacity() {
        return None;
    }
    let len = out.len().checked_sub(TAIL.len())?;
    if !out.ends_with(&TAIL) || len >= text.len() {
        return None;
    }
    out.truncate(len);
    Some(out)
}

/// Decompresses a message of at most `len_max` bytes.
pub(crate) fn inflate(message: &[u8], len_max: usize) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    DECOMPRESS.with_borrow_mut(|decompress| {
        decompress.reset(false);
        inflate_part(decompress, message, &mut out, len_max)?;
        inflate_part(decompress, &TAIL, &mut out, len_max)?;
        Ok(out)
    })
}

/// Decompresses a part of a message.
fn inflate_part(
    decompress: &mut Decompress,
    mut part: &[u8],
    out: &mut Vec<u8>,
    len_max: usize,
) -> Result<(), InflateError> {
    loop {
        if out.len() == out.capacity() {
            out.reserve(CHUNK_LEN);
        }
        let (read, written) = (decompress.total_in(), out.len());
        let status = decompress
            .decompress_vec(part, out, FlushDecompress::None)
            .map_err(|_| InflateError::Damaged)?;
        if out.len() > len_max {
            return Err(InflateError::TooLong(len_max));
        }
        let read = (decompress.total_in() - read) as usize;
        part = &part[read..];
        let is_stuck = read == 0 && out.len() == written && out.len() < out.capacity();
        if status == Status::StreamEnd {
            // A block may be marked as the last one, and others may follow (RFC 7692, section 7.2.3.4).
            decompress.reset(false);
        }
        if part.is_empty() && out.len() < out.capacity() {
            return Ok(());
        }
        if is_stuck {
            return Err(InflateError::Damaged);
        }
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::wamp::{PingMark, marked_ping, text_frame};

    use super::*;

    /// Returns the frames of a server as text: compressed ones begin with "z".
    fn texts(mut frames: &[u8]) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(len) = server_frame_len(frames) {
            let header_len = if frames[1] < 126 { 2 } else { 4 };
            let payload = &frames[header_len..len];
            texts.push(match frames[0] {
                0xc1 => format!("z{}", text(&inflate(payload, 10_000).unwrap())),
                0x81 => text(payload),
                _ => "ping".to_owned(),
            });
            frames = &frames[len..];
        }
        texts
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn only_long_texts_are_compressed() {
        let mark = PingMark {
            topic: 1,
            sequence: 2,
        };
        let long = "kittens ".repeat(50);
        let frames = [
            text_frame("short"),
            text_frame(&long),
            marked_ping(mark).to_vec(),
        ]
        .concat();
        let deflated = deflate_frames(&frames, 100).unwrap();
        assert!(deflated.len() < frames.len() / 4, "{}", deflated.len());
        assert_eq!(texts(&deflated), ["short", &format!("z{long}"), "ping"]);
        assert_eq!(deflate_frames(&frames, 401), None);
        assert!(deflate_frames(&frames, 400).is_some());
    }

    #[test]
    fn each_message_is_compressed_by_itself() {
        let long = "kittens ".repeat(50);
        let one = deflate(long.as_bytes()).unwrap();
        assert_eq!(deflate(long.as_bytes()).unwrap(), one);
        assert_eq!(inflate(&one, 400).unwrap(), long.as_bytes());
    }

    #[test]
    fn what_cannot_be_shorter_stays() {
        let random: Vec<u8> = (0..1000u32)
            .map(|n| b' ' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)
            .collect();
        let compressed = deflate(&random);
        assert!(compressed.is_none_or(|compressed| compressed.len() < random.len()));
        for text in [&b"a"[..], b"ab", b"abc"] {
            assert_eq!(deflate(text), None);
        }
    }

    #[test]
    fn the_limit_is_that_of_the_decompressed_message() {
        let zeros = deflate(&vec![b'0'; 1_000_000]).unwrap();
        assert!(zeros.len() < 2000);
        assert_eq!(inflate(&zeros, 1_000_000).unwrap().len(), 1_000_000);
        for len_max in [0, 1, 65_535, 999_999] {
            assert_eq!(
                inflate(&zeros, len_max),
                Err(InflateError::TooLong(len_max))
            );
        }
    }

    #[test]
    fn last_blocks_and_empty_messages_are_accepted() {
        // RFC 7692, sections 7.2.3.4 and 7.2.3.6.
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&last, 100).unwrap(), b"Hello");
        assert_eq!(inflate(&[0x00], 100).unwrap(), b"");
        assert_eq!(inflate(&[], 100).unwrap(), b"");
    }

    #[test]
    fn damaged_data_is_an_error() {
        for bytes in [
            &[0xff; 8][..],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x01],
        ] {
            assert_eq!(inflate(bytes, 100), Err(InflateError::Damaged), "{bytes:?}");
        }
    }
}
