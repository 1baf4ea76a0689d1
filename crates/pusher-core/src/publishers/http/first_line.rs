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

/// Reads until the line is complete, and checks its version. Returns all bytes read so far, for hyper. A line of more
/// than `len_max` bytes is returned unchecked: hyper refuses it. `None` if the connection ended.
pub(super) async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    first: Vec<u8>,
    len_max: usize,
) -> Option<Result<Vec<u8>, HttpRefusal>> {
    let mut arrived = Arrived(first);
    let mut seen = 0;
    loop {
        let new = &arrived.0[seen..];
        if let Some(end) = new.iter().position(|&byte| byte == b'\n') {
            let checked = check_version(&arrived.0[..seen + end]);
            return Some(checked.map(|()| arrived.0));
        }
        seen = arrived.0.len();
        if seen > len_max {
            return Some(Ok(arrived.0));
        }
        if !matches!(wire.read(&mut arrived, None).await, ReadOutcome::More) {
            return None;
        }
    }
}
