//! Structs that later versions may extend. Each begins with its size.

use std::ptr;
use std::slice;

use super::call_error::{CallError, invalid};

/// Largest such struct that any version may ever have, in bytes.
const SIZE_MAX: usize = 4096;

/// Checks a struct that the caller's version of the header declares: this version or a later one. Members that this version
/// does not know must be 0.
///
/// The error text names the argument, `name`, and the macro that initializes the struct, `init`.
///
/// # Safety
/// `pointer` points to a struct that begins with a `size_t`: the size of the whole struct in bytes. Nobody writes to the
/// struct during `'a`.
pub(super) unsafe fn read<'a, T>(
    pointer: *const T,
    name: &str,
    init: &str,
) -> Result<&'a T, CallError> {
    // SAFETY: every version of the struct begins with its size.
    let size = unsafe { ptr::read(pointer.cast::<usize>()) };
    let known_size = size_of::<T>();
    if !(known_size..=SIZE_MAX).contains(&size) {
        return Err(invalid(format!(
            "struct_size of {name} is {size}, not {known_size}: initialize it with {init}"
        )));
    }
    // SAFETY: the struct has this size, so these bytes follow the members that this version knows.
    let unknown =
        unsafe { slice::from_raw_parts(pointer.cast::<u8>().add(known_size), size - known_size) };
    if unknown.iter().any(|byte| *byte != 0) {
        return Err(invalid(format!(
            "{name} sets a member that this version of libpusher does not know"
        )));
    }
    // SAFETY: the struct has at least this version's size.
    Ok(unsafe { &*pointer })
}
