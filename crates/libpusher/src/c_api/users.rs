//! Revocation and presence, as C calls it.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::ffi::{c_char, c_int};

use super::arguments::text;
use super::call_error::{CallError, invalid};
use super::client::{PushClient, get};
use super::guard;
use super::output::write_text;
use crate::shared::{SharedPublisher, process_wide};

/// Size of a buffer that is large enough for every answer to push_presence(): 100 members with the
/// longest sub and info, and a NUL.
pub const PUSH_PRESENCE_SIZE: usize = 393216;

/// Ends all tickets of a user that were signed up to now, by this machine's clock, and the private
/// subscriptions of the user's browsers, at every pushd that shares the log.
///
/// Call it when the user has logged out, or may no longer read a topic. sub: the user, as in
/// push_ticket(), 1 to 255 bytes.
///
/// Uses the connection of push_publish(), and takes at most its timeout. If the connection was lost, it
/// connects again once. Returns the number of sessions at the answering pushd that lost their ticket, at
/// most INT_MAX - 1, or a code below 0. A pushd that is too old has no tickets: PUSH_EREFUSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_revoke(sub: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a string, or NULL.
        let sub = unsafe { text(sub, "sub")? };
        Ok(sessions(process_wide()?.revoke(sub)?))
    })
}

/// Revokes over the client's connection, like push_revoke().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_revoke(client: *mut PushClient, sub: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees a client that is not freed and a string, or NULL.
        let (client, sub) = unsafe { (get(client)?, text(sub, "sub")?) };
        Ok(sessions(client.publisher.revoke(sub)?))
    })
}

/// Asks for the members of a topic: its subscribers with a ticket that has a sub, each user once. pushd
/// must have presence for the topic (--presence).
///
/// out: receives a JSON object and a NUL, `{"count":2,"members":[{"sub":"7","info":{}},{"sub":"9"}]}` for
/// example. count is the number of members, and members has the first 100 of them.
///
/// size: the size of out. If it is too small, the result is PUSH_ETOOBIG, and push_last_error() has the
/// size. PUSH_PRESENCE_SIZE is always enough.
///
/// Uses the connection of push_publish(), and takes at most its timeout. If the connection was lost, it
/// connects again once. Returns the length of the text, or a code below 0. If the topic has no presence
/// or pushd is too old: PUSH_EREFUSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_presence(
    topic: *const c_char,
    out: *mut c_char,
    size: usize,
) -> c_int {
    // SAFETY: the caller guarantees a string and a buffer of this size, or NULL.
    unsafe { presence(|| Ok(process_wide()?), topic, out, size) }
}

/// Asks over the client's connection, like push_presence().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_presence(
    client: *mut PushClient,
    topic: *const c_char,
    out: *mut c_char,
    size: usize,
) -> c_int {
    // SAFETY: the caller guarantees a client that is not freed, a string and a buffer of this size, or NULL.
    unsafe {
        let publisher = || get(client).map(|client| &client.publisher);
        presence(publisher, topic, out, size)
    }
}

/// The result of a revocation. `INT_MAX` would be `PUSH_SPOOLED`.
fn sessions(count: u64) -> c_int {
    let count = c_int::try_from(count).unwrap_or(c_int::MAX);
    count.min(c_int::MAX - 1)
}

/// # Safety
/// `topic` as for [`text`], `out` as for [`write_text`].
unsafe fn presence<'a>(
    publisher: impl FnOnce() -> Result<&'a SharedPublisher, CallError>,
    topic: *const c_char,
    out: *mut c_char,
    size: usize,
) -> c_int {
    guard(|| {
        let publisher = publisher()?;
        if out.is_null() {
            return Err(invalid("out is NULL".to_owned()));
        }
        // SAFETY: the caller guarantees it.
        let topic = unsafe { text(topic, "topic")? };
        let presence = publisher.presence(topic)?;
        // SAFETY: the caller guarantees it.
        unsafe { write_text(&presence.to_string(), out, size) }
    })
}
