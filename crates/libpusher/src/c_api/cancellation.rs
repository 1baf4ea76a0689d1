//! Keeps `pthread_cancel` out of our calls: it would unwind through Rust, which ends the program.

use std::ffi::c_int;

/// glibc's and musl's value; the libc crate does not define it.
#[cfg(not(target_vendor = "apple"))]
const PTHREAD_CANCEL_DISABLE: c_int = 1;
#[cfg(target_vendor = "apple")]
const PTHREAD_CANCEL_DISABLE: c_int = 0;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old_state: *mut c_int) -> c_int;
}

/// While it lives the thread is not canceled. A cancellation requested meanwhile takes effect at the next cancellation
/// point after it is dropped.
pub(super) struct NotCanceled {
    /// The program's own setting, restored at the end.
    before: c_int,
}

impl NotCanceled {
    pub(super) fn new() -> Self {
        Self {
            before: set(PTHREAD_CANCEL_DISABLE),
        }
    }
}

impl Drop for NotCanceled {
    fn drop(&mut self) {
        set(self.before);
    }
}

/// For a thread of our own, as long as it runs.
pub(super) fn disable() {
    set(PTHREAD_CANCEL_DISABLE);
}

/// Returns the state before.
fn set(state: c_int) -> c_int {
    let mut before = 0;
    // SAFETY: it writes the old state to `before`; it fails only for a state that does not exist.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}
