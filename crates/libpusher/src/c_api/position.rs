//! Asking for a position, as C calls it.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::ffi::{c_char, c_int};

use pusher_proto::Position;

use super::call_error::{CallError, invalid};
use super::client::{PushClient, get};
use super::guard;
use super::receipt::{PUSH_POSITION_SIZE, position_text};
use crate::error::Error;
use crate::shared;

/// Asks for the present position of pushd's log: a place that pages can name.
///
/// Ask before you read the data for a page, and give the position to the page. If the page subscribes
/// with it (`since` in pusher.js), it gets every event that was published in between.
///
/// out: receives the position, less than PUSH_POSITION_SIZE bytes of ASCII and a NUL. size: the size of
/// out, at least PUSH_POSITION_SIZE.
///
/// Uses the connection of push_publish(), and takes at most its timeout. If the connection was lost, it
/// connects again once. Returns 0, or a code below 0. A pushd that is too old has no positions: PUSH_EREFUSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_position(out: *mut c_char, size: usize) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a buffer of this size, or NULL.
        unsafe { fill(out, size, || shared::process_wide()?.position()) }
    })
}

/// Asks for the position over the client's connection, like push_position().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_position(
    client: *mut PushClient,
    out: *mut c_char,
    size: usize,
) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: the caller guarantees a buffer of this size, or NULL.
        unsafe { fill(out, size, || client.publisher.position()) }
    })
}

/// Checks the buffer, asks, and writes the answer.
///
/// # Safety
/// `out` is NULL, or `size` bytes can be written there.
unsafe fn fill(
    out: *mut c_char,
    size: usize,
    ask: impl FnOnce() -> Result<Position, Error>,
) -> Result<c_int, CallError> {
    if out.is_null() {
        return Err(invalid("out is NULL".to_owned()));
    }
    if size < PUSH_POSITION_SIZE {
        return Err(invalid(format!(
            "size is {size}, less than PUSH_POSITION_SIZE ({PUSH_POSITION_SIZE})"
        )));
    }
    let text = position_text(ask()?);
    // SAFETY: it is not NULL and large enough. The caller guarantees that it can be written.
    unsafe { out.cast::<[c_char; PUSH_POSITION_SIZE]>().write(text) };
    Ok(0)
}
