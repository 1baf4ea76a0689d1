//! Publishing in the background, as C calls it.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::time::Duration;

use super::arguments::event;
use super::background::{Callback, PushCallback};
use super::client::{PushClient, get};
use super::{guard, remember};
use crate::deadline::Deadline;

/// Queues an event and returns at once. A thread of the library publishes queued events in order,
/// over a connection of its own. The first call in a process starts the thread.
///
/// Arguments as for push_client_publish(). callback: receives the answer; may be NULL. context: is
/// passed to the callback.
///
/// Returns 0, or a code below 0 if the event cannot be queued (PUSH_EFULL if the queue is full). In
/// that case the callback is not called.
///
/// A forked child begins with an empty queue. Events that were queued before the fork are published
/// by the parent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish_async(
    client: *mut PushClient,
    category: *const c_char,
    category_len: usize,
    json: *const c_char,
    json_len: usize,
    id: *const c_char,
    flags: c_uint,
    callback: PushCallback,
    context: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: the caller guarantees texts of these lengths, or NULL.
        let event = unsafe { event(category, category_len, json, json_len, id, flags)? };
        let settle = Callback {
            function: callback,
            context,
        };
        client.background.queue()?.push(&event, settle)?;
        Ok(0)
    })
}

/// Waits until every event of push_client_publish_async() is answered and its callback has
/// returned, at most timeout_ms milliseconds. With 0, or in a callback, it does not wait.
///
/// Returns the number of undelivered events, at most INT_MAX: events without an answer, and events
/// that failed since the last call. 0 means that all were published. Returns a code below 0 on error.
/// If the result is not 0, push_last_error() says more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_flush(client: *mut PushClient, timeout_ms: u64) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed, or NULL.
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
