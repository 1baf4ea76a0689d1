//! Checks the first request line of a connection, because hyper answers an unsupported version with 400 and no text.

use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::HttpRefusal;
use super::request::check_version;
use crate::publishers::wire::{Inbox, ReadOutcome, Wire};

/// The bytes read so far.
struct Arrived(Vec<u8>);

impl Inbox for Arrived {
    const MESSAGE: &str = "a request line";

    fn feed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn unfinished_len(&self) -> usize {
        self.0.len()
    }
}

/// Outcome of [`read`].
pub(super) enum FirstLine {
    /// All bytes read so far, for hyper.
    Complete(Vec<u8>),
    Refused(HttpRefusal),
    /// The connection has ended.
    Gone,
    /// Another process continues with these bytes.
    HandOver(Vec<u8>),
}

/// Reads until the line is complete, and checks its version. A line of more than `len_max` bytes is returned unchecked: hyper
/// refuses it.
pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    first: Vec<u8>,
    len_max: usize,
) -> FirstLine {
    let mut arrived = Arrived(first);
    let mut seen = 0;
    loop {
        if seen == 0 {
            // Empty lines in front of a request mean nothing (RFC 9112, section 2.2).
            let is_empty_line = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let begin = arrived.0.iter().position(|byte| !is_empty_line(byte));
            arrived.0.drain(..begin.unwrap_or(arrived.0.len()));
        }
        let new = &arrived.0[seen..];
        if let Some(end) = new.iter().position(|&byte| byte == b'\n') {
            return match check_version(&arrived.0[..seen + end]) {
                Ok(()) => FirstLine::Complete(arrived.0),
                Err(refusal) => FirstLine::Refused(refusal),
            };
        }
        seen = arrived.0.len();
        if seen > len_max {
            return FirstLine::Complete(arrived.0);
        }
        match wire.read(&mut arrived, None).await {
            ReadOutcome::More => {}
            ReadOutcome::HandOver => return FirstLine::HandOver(arrived.0),
            _ => return FirstLine::Gone,
        }
    }
}
