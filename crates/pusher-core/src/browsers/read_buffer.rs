//! The read buffer of a thread. Its connections use it in turn, so an idle one has none.

use std::cell::Cell;

/// Size of the buffer, in bytes.
const LEN: usize = 8 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Takes the buffer, which is empty. Return it with [`put_back`], without an await in between.
pub(super) fn take() -> Vec<u8> {
    let mut buffer = BUFFER.take();
    buffer.clear();
    buffer.reserve(LEN);
    buffer
}

pub(super) fn put_back(buffer: Vec<u8>) {
    BUFFER.set(buffer);
}
