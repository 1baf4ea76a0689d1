//! Tickets, as C calls it.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::ffi::{c_char, c_int};
use std::path::PathBuf;
use std::slice;

use pusher_proto::limits::{TICKET_LEN_MAX, TICKET_TTL_S};
use pusher_proto::ticket::TicketRequest;

use super::arguments::{optional, text};
use super::call_error::{CallError, invalid};
use super::guard;
use super::output::write_text;
use crate::ticket::{default_key_file, sign_ticket};

/// Size of a buffer for a ticket, in bytes, with the NUL byte at the end.
pub const PUSH_TICKET_SIZE: usize = 4097;

const _: () = assert!(PUSH_TICKET_SIZE == TICKET_LEN_MAX + 1);

/// Signs a ticket for a user of your site. The user's browser sends the ticket to pushd, and may then
/// subscribe to the private topics that the ticket names. The ticket is valid from now on. Signing
/// needs no connection to pushd.
///
/// topics: an array of topics_count strings, 1 to 100: topics, and patterns with a * at the end,
/// directly behind . / : or -, as in "user.7.*". ttl_s: seconds until it ends, 1 to 86400. 0: 300. sub:
/// the user, 1 to 255 bytes, for push_revoke() and push_presence(). NULL: none. info: one JSON value of
/// at most 2048 bytes, which push_presence() reports beside sub. NULL: none. key_file: the path of the
/// keys, the same file as pushd's ticket-key-file. NULL: /etc/pushd/ticket.keys, and on Windows
/// pushd\ticket.keys in ProgramData. out: receives the ticket, less than PUSH_TICKET_SIZE bytes of ASCII
/// and a NUL. size: the size of out, at least PUSH_TICKET_SIZE.
///
/// Each thread reads the file once, and again after a change. Returns the length of the ticket, or a code
/// below 0: PUSH_ECONFIG if the keys cannot be read or ttl_s is out of bounds.
///
/// Give the ticket to the page of this user only, as the cookie pushd_ticket for example.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_ticket(
    topics: *const *const c_char,
    topics_count: usize,
    ttl_s: u64,
    sub: *const c_char,
    info: *const c_char,
    key_file: *const c_char,
    out: *mut c_char,
    size: usize,
) -> c_int {
    guard(|| {
        if out.is_null() {
            return Err(invalid("out is NULL".to_owned()));
        }
        if size < PUSH_TICKET_SIZE {
            return Err(invalid(format!(
                "size is {size}, less than PUSH_TICKET_SIZE ({PUSH_TICKET_SIZE})"
            )));
        }
        // SAFETY: the caller guarantees so many strings, and strings or NULL for the others.
        let (topics, sub, info, key_file) = unsafe {
            (
                texts(topics, topics_count)?,
                optional(sub, "sub")?,
                optional(info, "info")?,
                optional(key_file, "key_file")?,
            )
        };
        let request = TicketRequest {
            topics: &topics,
            ttl_s: if ttl_s == 0 { TICKET_TTL_S } else { ttl_s },
            sub,
            info,
        };
        let key_file = key_file.map_or_else(default_key_file, PathBuf::from);
        let ticket = sign_ticket(&key_file, &request)?;
        // SAFETY: the caller guarantees a buffer of this size.
        unsafe { write_text(&ticket, out, size) }
    })
}

/// Converts an array of strings.
///
/// # Safety
/// `pointer` is NULL or points to `count` pointers, each as for [`text`].
unsafe fn texts<'a>(
    pointer: *const *const c_char,
    count: usize,
) -> Result<Vec<&'a str>, CallError> {
    if count == 0 {
        // `sign_ticket` says how many are allowed.
        return Ok(Vec::new());
    }
    if pointer.is_null() {
        return Err(invalid("topics is NULL".to_owned()));
    }
    if isize::try_from(count.saturating_mul(size_of::<*const c_char>())).is_err() {
        return Err(invalid(format!(
            "topics_count is {count}, more than any array can have"
        )));
    }
    // SAFETY: not NULL and not too long. The caller guarantees the rest.
    let pointers = unsafe { slice::from_raw_parts(pointer, count) };
    let texts = pointers.iter().enumerate();
    texts
        // SAFETY: the caller guarantees it.
        .map(|(index, &pointer)| unsafe { text(pointer, &format!("topics[{index}]")) })
        .collect()
}
