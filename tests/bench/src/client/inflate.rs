//! Frames of subscribers that have agreed on compressed messages.

use anyhow::{Context, Result};
use flate2::{Decompress, FlushDecompress};
use pusher_proto::permessage_deflate::{COMPRESSED, TAIL};
use pusher_proto::wamp::{server_frame_len, server_frame_text};

/// Bytes of a message around its event, at most.
const AROUND_LEN_MAX: usize = 1024;

/// The texts of complete frames, and the length of these frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) texts: Vec<u8>,
    pub(super) taken: usize,
}

/// Returns the texts of the frames that are complete.
pub(super) fn frames(bytes: &[u8], event_len: usize) -> Result<Frames> {
    let mut frames = Frames::default();
    let mut decompress = Decompress::new(false);
    let mut text = Vec::with_capacity(event_len + AROUND_LEN_MAX);
    while let Some(len) = server_frame_len(&bytes[frames.taken..])
        && let Some(frame) = bytes[frames.taken..].get(..len)
    {
        frames.taken += len;
        if let Some(text) = server_frame_text(frame) {
            frames.texts.extend_from_slice(text);
        } else if frame[0] & COMPRESSED != 0 {
            decompress.reset(false);
            text.clear();
            let message = [payload(frame), &TAIL].concat();
            let inflated = decompress.decompress_vec(&message, &mut text, FlushDecompress::Sync);
            inflated.context("a message is damaged")?;
            frames.texts.extend_from_slice(&text);
        }
    }
    Ok(frames)
}

fn payload(frame: &[u8]) -> &[u8] {
    match frame[1] {
        126 => &frame[4..],
        127 => &frame[10..],
        _ => &frame[2..],
    }
}
