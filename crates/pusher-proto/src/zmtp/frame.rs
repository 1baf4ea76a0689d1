//! Frames: flags, length, body.

use std::ops::Range;

use super::error::ZmtpError;

pub(super) const MORE: u8 = 1;
pub(super) const LONG: u8 = 2;
pub(super) const COMMAND: u8 = 4;

/// The header of a frame.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) flags: u8,
    pub(super) has_more: bool,
    pub(super) is_command: bool,
    /// Length of the header itself in bytes.
    pub(super) len: usize,
    /// The length that the peer announces. Not trusted.
    pub(super) body_len: u64,
}

/// A complete frame. `body` is its position in the buffer.
pub(super) struct Frame {
    pub(super) has_more: bool,
    pub(super) is_command: bool,
    pub(super) body: Range<usize>,
}

/// Reads the header at the beginning of `bytes`. Returns `None` if it is incomplete.
pub(super) fn header(bytes: &[u8]) -> Result<Option<Header>, ZmtpError> {
    let Some((&flags, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(ZmtpError::Flags(flags));
    }
    let is_long = flags & LONG != 0;
    let body_len = match is_long {
        true => rest.first_chunk().map(|&len| u64::from_be_bytes(len)),
        false => rest.first().map(|&len| u64::from(len)),
    };
    Ok(body_len.map(|body_len| Header {
        flags,
        has_more: flags & MORE != 0,
        is_command: flags & COMMAND != 0,
        len: if is_long { 9 } else { 2 },
        body_len,
    }))
}
