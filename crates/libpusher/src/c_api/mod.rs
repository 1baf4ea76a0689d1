//! The C library: the functions that `include/pusher.h` declares, and nearly all unsafe code of this crate.
//!
//! cbindgen copies the comments on functions, structs and codes into the header: they are written for C programmers.
#![expect(
    clippy::missing_safety_doc,
    reason = "the header's conventions state once what the caller must guarantee"
)]

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};
use std::panic::{self, AssertUnwindSafe};

pub mod arguments;
pub mod background;
mod call_error;
#[cfg(unix)]
mod cancellation;
pub mod client;
pub mod codes;
#[cfg(windows)]
mod no_signals;
mod output;
pub mod position;
pub mod publish_async;
pub mod publish_event;
pub mod receipt;
#[cfg(unix)]
mod signals;
pub mod ticket;
pub mod users;
pub mod version;
mod versioned;

use arguments::text;
use call_error::CallError;
use cancellation::NotCanceled;
use codes::PUSH_EINTERNAL;
#[cfg(windows)]
use {no_signals as cancellation, no_signals as signals};

use crate::event::Event;
use crate::shared;

thread_local! {
    /// The text that `push_last_error` returns.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Sends an event to every browser that is subscribed to the topic, and waits for the receipt.
///
/// category: the topic, 1 to 1024 bytes of UTF-8. json: the event, one complete JSON value in
/// UTF-8, at most 3 MiB. Browsers receive it byte for byte.
///
/// Returns the number of browsers that the event was queued to, at most INT_MAX - 1, or PUSH_SPOOLED. On
/// error, returns a code below 0; push_last_error() has the reason.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_publish(category: *const c_char, json: *const c_char) -> c_int {
    guard(|| {
        // SAFETY: the caller guarantees NUL-terminated strings, or NULL.
        let (category, json) = unsafe { (text(category, "category")?, text(json, "json")?) };
        let event = Event::new(category, json);
        Ok(receipt::result(shared::process_wide()?.publish(&event)?))
    })
}

/// Returns the meaning of a code in English, for any number. Never NULL. Valid for the life of the
/// program.
#[unsafe(no_mangle)]
pub extern "C" fn push_strerror(code: c_int) -> *const c_char {
    codes::text(code).as_ptr()
}

/// Returns the error text of this thread's last failed call: the reason, the address, the time spent
/// and the next thing to check. Never NULL. Empty if no call has failed. Valid until this thread
/// calls another push_ function or ends.
#[unsafe(no_mangle)]
pub extern "C" fn push_last_error() -> *const c_char {
    // Thread-local storage may be gone in a thread that is ending.
    LAST_ERROR
        .try_with(|last| last.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

/// Runs the body of a C function. Keeps panics and `pthread_cancel` from unwinding into C, and stores the text of
/// an error.
///
/// `AssertUnwindSafe` is right because publishers, the only state that a panic can interrupt, recover from it.
fn guard(body: impl FnOnce() -> Result<c_int, CallError>) -> c_int {
    let _not_canceled = NotCanceled::new();
    let result = panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        Err(CallError {
            code: PUSH_EINTERNAL,
            text: "a bug in libpusher (a panic): please report it".to_owned(),
        })
    });
    result.unwrap_or_else(|error| {
        remember(error.text);
        error.code
    })
}

fn remember(text: String) {
    // A server's text may contain a NUL, which would cut it off in C.
    let text = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    // Fails only in a thread that is ending: its text is lost.
    let _ = LAST_ERROR.try_with(|last| last.replace(text));
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

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
    fn nul_in_a_text_is_replaced() {
        remember("a\0b".to_owned());
        assert_eq!(last_error(), "a\u{fffd}b");
    }
}
