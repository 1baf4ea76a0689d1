//! Converts the arguments of C functions.

use std::ffi::{CStr, c_char, c_uint};
use std::slice;

use super::call_error::{CallError, invalid};
use crate::event::Event;

/// If several events of one topic with this flag wait in the spool, pushd publishes only the last one.
pub const PUSH_LATEST: c_uint = 1;

/// Converts the arguments that describe an event.
///
/// # Safety
/// `category` and `json` as for [`text_of_len`], `id` as for [`text`].
pub(super) unsafe fn event<'a>(
    category: *const c_char,
    category_len: usize,
    json: *const c_char,
    json_len: usize,
    id: *const c_char,
    flags: c_uint,
) -> Result<Event<'a>, CallError> {
    if flags & !PUSH_LATEST != 0 {
        return Err(invalid(format!(
            "flags is {flags}, which this version of libpusher does not know"
        )));
    }
    // SAFETY: the caller guarantees it.
    unsafe {
        Ok(Event {
            topic: text_of_len(category, category_len, "category")?,
            json: text_of_len(json, json_len, "json")?,
            id: optional(id, "id")?,
            latest: flags & PUSH_LATEST != 0,
            ttl_s: None,
            exclude: None,
        })
    }
}

/// Converts a string argument with a length.
///
/// # Safety
/// `pointer` is NULL or points to `len` bytes that do not change during `'a`.
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
            "{name}_len is {len}, more than any object can have"
        )));
    }
    // SAFETY: not NULL and not too long. The caller guarantees the rest.
    let bytes = unsafe { slice::from_raw_parts(pointer.cast::<u8>(), len) };
    str::from_utf8(bytes).map_err(|error| invalid(format!("{name} is not UTF-8: {error}")))
}

/// Converts a string argument.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string that does not change during `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str, CallError> {
    if pointer.is_null() {
        return Err(invalid(format!("{name} is NULL")));
    }
    // SAFETY: it is not NULL. The caller guarantees the rest.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|error| invalid(format!("{name} is not UTF-8: {error}")))
}

/// Converts a string argument that may be NULL.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn optional<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>, CallError> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller guarantees it.
    unsafe { text(pointer, name) }.map(Some)
}
