//! Writes texts into the buffers of callers.

use std::ffi::{c_char, c_int};

use super::call_error::{CallError, invalid};
use super::codes::PUSH_ETOOBIG;

/// Writes a text without NUL bytes, and a NUL. Returns the length of the text.
///
/// # Safety
/// `out` is NULL, or `size` bytes can be written there.
pub(super) unsafe fn write_text(
    text: &str,
    out: *mut c_char,
    size: usize,
) -> Result<c_int, CallError> {
    if out.is_null() {
        return Err(invalid("out is NULL".to_owned()));
    }
    let too_big = || CallError {
        code: PUSH_ETOOBIG,
        text: format!(
            "the text takes {} bytes with its NUL, size is {size}",
            text.len() + 1
        ),
    };
    let len = c_int::try_from(text.len()).map_err(|_| too_big())?;
    if text.len() >= size {
        return Err(too_big());
    }
    // SAFETY: it is not NULL and large enough. The caller guarantees that it can be written.
    unsafe {
        out.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
        out.add(text.len()).write(0);
    }
    Ok(len)
}
