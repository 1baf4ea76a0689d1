//! Disables `pthread_cancel` during a call: cancellation would unwind through Rust, which aborts the program.

use std::ffi::c_int;

/// glibc's and musl's value; the libc crate does not define it.
#[cfg(not(target_vendor = "apple"))]
const PTHREAD_CANCEL_DISABLE: c_int = 1;
#[cfg(target_vendor = "apple")]
const PTHREAD_CANCEL_DISABLE: c_int = 0;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old_state: *mut c_int) -> c_int;
}

/// Disables cancellation of this thread until it is dropped. A cancellation that was requested meanwhile takes effect
/// at the next cancellation point after the drop.
pub(super) struct NotCanceled {
    /// The program's own setting. The drop restores it.
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

/// Disables cancellation of the library's own thread, for as long as it runs.
pub(super) fn disable() {
    set(PTHREAD_CANCEL_DISABLE);
}

/// Returns the previous state.
fn set(state: c_int) -> c_int {
    let mut before = 0;
    // SAFETY: it writes the old state to `before`. It fails only for an unknown state.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}
