//! Signals in the library's own thread.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

/// Calls `start` with signals blocked in this thread. A thread that `start` starts inherits the mask. Signals that
/// report a crash are not blocked.
pub(super) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let mut blocked = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: the first call fills `blocked`, the last one reads it and fills `before`.
    let is_blocked = unsafe {
        libc::sigfillset(blocked.as_mut_ptr());
        for signal in BROKEN_SIGNALS {
            libc::sigdelset(blocked.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr()) == 0
    };
    let started = start();
    if is_blocked {
        // SAFETY: `before` was filled by the call that succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    started
}

/// Signals that report a crash. If they were blocked, the program's own handler could not report a crash in a
/// callback.
const BROKEN_SIGNALS: [c_int; 6] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGTRAP,
];
