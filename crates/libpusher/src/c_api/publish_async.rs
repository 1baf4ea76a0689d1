//! Publishing in the background, as C calls it.
#![expect(
    clippy::missing_safety_doc,
    reason = "what C must promise stands once for all, in the header's page of conventions"
)]

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

use super::background::{Callback, PushCallback};
use super::client::{PushClient, get};
use super::{guard, optional, remember, text_of_len};
use crate::deadline::Deadline;

/// As push_client_publish(), but only puts the event into a queue, which a thread of the library's
/// empties over a connection of its own: events come out in the order in which they went in. The
/// thread is started by a process's first call.
///
/// callback: is told what became of the event, may be NULL. context: for the callback.
///
/// Returns 0 at once, or a code below 0 for what can't be queued (PUSH_EFULL if there is no room);
/// then there will be no callback.
///
/// A forked child begins with an empty queue: what was queued before the fork is its parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish_async(
    client: *mut PushClient,
    category: *const c_char,
    category_len: usize,
    json: *const c_char,
    json_len: usize,
    id: *const c_char,
    callback: PushCallback,
    context: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: our caller promises a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: our caller promises texts of these lengths, or NULL.
        let (category, json, id) = unsafe {
            (
                text_of_len(category, category_len, "category")?,
                text_of_len(json, json_len, "json")?,
                optional(id, "id")?,
            )
        };
        let settle = Callback {
            function: callback,
            context,
        };
        client
            .background
            .queue()?
            .push(category, json, id, settle)?;
        Ok(0)
    })
}

/// Waits until every event of push_client_publish_async() is answered and its callback has
/// returned, at most timeout_ms milliseconds (0: does not wait).
///
/// Returns how many are undelivered: those that still wait, and those that failed since the last
/// call; 0 if all is well (INT_MAX if there are more), or a code below 0. If it is not 0,
/// push_last_error() says more. In a callback it does not wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_flush(client: *mut PushClient, timeout_ms: u64) -> c_int {
    guard(|| {
        // SAFETY: our caller promises a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        let deadline = Deadline::after(Duration::from_millis(timeout_ms));
        let Some(queue) = client.background.existing() else {
            return Ok(0);
        };
        let undelivered = queue.flush(&deadline);
        let count = undelivered.waiting_count + undelivered.failed_count;
        if count > 0 {
            remember(undelivered.to_string());
        }
        Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
    })
}
