//! `push_event`: an event with all of its options.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::ffi::{c_char, c_int, c_uint, c_void};

use super::arguments::{event, optional};
use super::background::{Callback, PushCallback};
use super::call_error::{CallError, invalid};
use super::client::{PushClient, get};
use super::guard;
use super::receipt::{PushReceipt, result};
use super::versioned::read;
use crate::event::{Event, check_ttl};

/// An event and its options. Initialize with PUSH_EVENT_INIT, and then set the members. Later versions of
/// the library may add members at the end.
#[repr(C)]
#[derive(Debug)]
pub struct PushEvent {
    /// sizeof(push_event). It tells the library which version of this struct your program uses.
    pub struct_size: usize,
    /// The topic that browsers subscribe to. It needs no NUL byte at the end.
    pub category: *const c_char,
    /// Its length in bytes.
    pub category_len: usize,
    /// One JSON value. It needs no NUL byte at the end.
    pub json: *const c_char,
    /// Its length in bytes.
    pub json_len: usize,
    /// As for push_client_publish(); may be NULL.
    pub id: *const c_char,
    /// The session that does not get the event: that of the page that caused it. `sessionId` of
    /// pusher.js, `socket_id` of the Pusher Channels protocol, or the digits of a WAMP v2 session. A page
    /// has another session after each reconnect. A pushd that is too old for this refuses the event
    /// (PUSH_EREFUSED). NULL: every subscriber gets the event.
    pub exclude: *const c_char,
    /// How long the event may wait in the spool, 1 to 86400 seconds. 0: `ttl_s` of push_options.
    pub ttl_s: u64,
    /// 0 or PUSH_LATEST.
    pub flags: u64,
}

/// Publishes an event with options that push_client_publish() does not have. Otherwise like it.
///
/// receipt: written on success only; may be NULL.
///
/// Returns the number of subscribers that the event was queued to, the excluded one included, or as
/// push_client_publish().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish_event(
    client: *mut PushClient,
    event: *const PushEvent,
    receipt: *mut PushReceipt,
) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: the caller passes NULL or a `push_event` as the header describes it.
        let event = unsafe { to_event(event)? };
        let done = client.publisher.publish(&event)?;
        if !receipt.is_null() {
            // SAFETY: it is not NULL, and the caller guarantees that it can be written.
            unsafe { receipt.write(done.into()) };
        }
        Ok(result(done))
    })
}

/// Queues an event with options that push_client_publish_async() does not have. Otherwise like it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish_event_async(
    client: *mut PushClient,
    event: *const PushEvent,
    callback: PushCallback,
    context: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: the caller passes NULL or a `push_event` as the header describes it.
        let event = unsafe { to_event(event)? };
        let settle = Callback {
            function: callback,
            context,
        };
        client.background.queue()?.push(&event, settle)?;
        Ok(0)
    })
}

/// Converts an event of this version or a later one.
///
/// # Safety
/// `pointer` is NULL or points to a `push_event`. The struct has `struct_size` bytes, `category` has `category_len` bytes and
/// `json` has `json_len` bytes. `id` and `exclude` are NULL or end with a NUL byte.
unsafe fn to_event<'a>(pointer: *const PushEvent) -> Result<Event<'a>, CallError> {
    if pointer.is_null() {
        return Err(invalid("event is NULL".to_owned()));
    }
    // SAFETY: not NULL; the caller guarantees the rest.
    let given = unsafe { read(pointer, "event", "PUSH_EVENT_INIT")? };
    let flags = c_uint::try_from(given.flags).unwrap_or(c_uint::MAX);
    // SAFETY: the caller guarantees these lengths, and NUL bytes behind `id` and `exclude`.
    let (event, exclude) = unsafe {
        let PushEvent {
            category,
            category_len,
            json,
            json_len,
            id,
            ..
        } = *given;
        let event = event(category, category_len, json, json_len, id, flags)?;
        (event, optional(given.exclude, "exclude")?)
    };
    let ttl_s = match given.ttl_s {
        0 => None,
        ttl_s => Some(check_ttl("ttl_s", ttl_s)?),
    };
    Ok(Event {
        ttl_s,
        exclude,
        ..event
    })
}
