//! The C library: the functions that `include/pusher.h` declares, and nearly all unsafe code of this crate.
//!
//! The comments on functions and codes end up in the header, so they are written for C.
#![expect(
    clippy::missing_safety_doc,
    reason = "what C must promise stands once for all, in the header's page of conventions"
)]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::{self, AssertUnwindSafe};
use std::slice;

pub mod background;
mod cancellation;
pub mod client;
pub mod codes;
pub mod publish_async;
pub mod receipt;
pub mod version;

use cancellation::NotCanceled;
use codes::{PUSH_EINTERNAL, PUSH_EINVAL};

use pusher_proto::Receipt;

use crate::error::Error;
use crate::shared;

thread_local! {
    /// What `push_last_error` shows.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// A call that did not do what it should, as C gets to see it.
struct CallError {
    code: c_int,
    text: String,
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self {
            code: error.code(),
            text: error.to_string(),
        }
    }
}

/// Sends an event to every browser that is subscribed to the category, and waits for the receipt.
///
/// category: the topic, 1 to 1024 bytes of UTF-8. json: the event, one complete JSON value in
/// UTF-8, at most 3 MiB; browsers get it byte for byte.
///
/// Returns the number of browsers that the event was queued to, 0 or more (INT_MAX if there are
/// more); or a code below 0, with its reason in push_last_error().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_publish(category: *const c_char, json: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: our caller promises strings that end with a NUL, or NULL.
        let (category, json) = unsafe { (text(category, "category")?, text(json, "json")?) };
        Ok(browser_count(shared::publish(category, json)?))
    })
}

/// What a code means, in English. Never NULL, for any number; valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn push_strerror(code: c_int) -> *const c_char {
    codes::text(code).as_ptr()
}

/// What went wrong in this thread's last call that failed: the address, the time spent, and what to
/// check. Never NULL, empty if none has failed. Valid until this thread's next call of a push_
/// function, or its end.
#[unsafe(no_mangle)]
pub extern "C" fn push_last_error() -> *const c_char {
    // A thread that is ending has lost its text.
    LAST_ERROR
        .try_with(|last| last.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

/// Runs an entry's body: no panic may reach C, no `pthread_cancel` may end it, and every failure leaves
/// its text.
///
/// What a panic may leave half-done is a publisher, which is built to survive it.
fn guard(body: impl FnOnce() -> Result<c_int, CallError>) -> c_int {
    let _not_canceled = NotCanceled::new();
    let result = panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(CallError {
            code: PUSH_EINTERNAL,
            text: "an error in libpusher (a panic), please report it".to_owned(),
        })
    });
    result.unwrap_or_else(|error| {
        remember(error.text);
        error.code
    })
}

/// How many browsers, as far as C's int can say it.
fn browser_count(receipt: Receipt) -> c_int {
    c_int::try_from(receipt.subscribers).unwrap_or(c_int::MAX)
}

fn remember(text: String) {
    // A server's text may hold a NUL, which would end it in C.
    let text = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    // Fails only in a thread that is ending.
    let _ = LAST_ERROR.try_with(|last| last.replace(text));
}

/// A string argument with its length as Rust sees it.
///
/// # Safety
/// `pointer` is NULL or points to `len` bytes that stay as they are for `'a`.
unsafe fn text_of_len<'a>(
    pointer: *const c_char,
    len: usize,
    name: &str,
) -> Result<&'a str, CallError> {
    if pointer.is_null() {
        return Err(invalid(format!("{name} is NULL")));
    }
    if isize::try_from(len).is_err() {
        return Err(invalid(format!(
            "{name}_len is {len}, which nothing can have"
        )));
    }
    // SAFETY: neither NULL nor impossibly long, the rest is our caller's promise.
    let bytes = unsafe { slice::from_raw_parts(pointer.cast::<u8>(), len) };
    str::from_utf8(bytes).map_err(|error| invalid(format!("{name} is not UTF-8: {error}")))
}

/// A string argument as Rust sees it.
///
/// # Safety
/// `pointer` is NULL or points to a string that ends with a NUL and stays as it is for `'a`.
unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, CallError> {
    if pointer.is_null() {
        return Err(invalid(format!("{name} is NULL")));
    }
    // SAFETY: it is not NULL, the rest is our caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|error| invalid(format!("{name} is not UTF-8: {error}")))
}

/// A string argument that may be left out.
///
/// # Safety
/// As of [`text`].
unsafe fn optional<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>, CallError> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: our caller's promise.
    unsafe { text(pointer, name) }.map(Some)
}

fn invalid(text: String) -> CallError {
    CallError {
        code: PUSH_EINVAL,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_error() -> String {
        // SAFETY: never NULL, and no other call of this thread comes in between.
        let text = unsafe { CStr::from_ptr(push_last_error()) };
        text.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_code() {
        assert_eq!(guard(|| panic!("on purpose")), PUSH_EINTERNAL);
        assert!(last_error().contains("please report it"));
        assert_eq!(guard(|| Ok(3)), 3);
    }

    #[test]
    fn a_text_with_a_nul_is_shown_whole() {
        remember("a\0b".to_owned());
        assert_eq!(last_error(), "a\u{fffd}b");
    }
}
