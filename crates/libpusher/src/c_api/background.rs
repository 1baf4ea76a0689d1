//! The queue of one client, its thread and its callbacks into C.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use once_cell::race::OnceBox;
use pusher_proto::Receipt;

use super::cancellation;
use super::receipt::PushReceipt;
use super::{browser_count, remember};
use crate::error::Error;
use crate::options::Options;
use crate::per_process::PerProcess;
use crate::queue::{Queue, Settle};

/// Gets the answer to an event of push_client_publish_async(), once for each, in a thread of the
/// library's.
///
/// context: what was passed in with the event. result: as push_publish() returns it;
/// push_last_error() says why, if it is below 0. receipt: NULL if it is below 0; valid until the
/// callback returns.
///
/// It must not leave by a C++ exception, longjmp() or pthread_exit(), and the next event waits until it returns.
/// It may call everything here, also for the same client.
pub type PushCallback =
    Option<unsafe extern "C" fn(context: *mut c_void, result: c_int, receipt: *const PushReceipt)>;

/// A client's queue, made with its thread when the first event comes, in each process.
#[derive(Debug)]
pub(super) struct Background {
    options: Options,
    bytes_max: usize,
    queue: OnceBox<PerProcess<Queue<Callback>>>,
}

impl Background {
    pub(super) fn new(options: Options, bytes_max: usize) -> Self {
        Self {
            options,
            bytes_max,
            queue: OnceBox::new(),
        }
    }

    pub(super) fn queue(&self) -> Result<&Queue<Callback>, Error> {
        let first = self
            .queue
            .get_or_try_init(|| self.start().map(|queue| PerProcess::new(queue).into()))?;
        first.try_get(|_inherited| self.start())
    }

    pub(super) fn existing(&self) -> Option<&Queue<Callback>> {
        self.queue.get()?.existing()
    }

    /// Signals are the program's: the library's thread takes none of them away.
    fn start(&self) -> Result<Queue<Callback>, Error> {
        let started = with_signals_blocked(|| {
            Queue::start(self.options.clone(), self.bytes_max, cancellation::disable)
        });
        started.map_err(|source| Error::Thread { source })
    }
}

/// Whom to tell, in C.
#[derive(Debug)]
pub(super) struct Callback {
    pub(super) function: PushCallback,
    pub(super) context: *mut c_void,
}

// SAFETY: the header says that the callback runs in another thread; the context is the program's.
unsafe impl Send for Callback {}

impl Settle for Callback {
    fn settle(self, answer: Result<Receipt, &Error>) {
        let Some(function) = self.function else {
            return;
        };
        match answer {
            Ok(receipt) => {
                let shown = PushReceipt::from(receipt);
                // SAFETY: the program promises a function that can be called with its context.
                unsafe { function(self.context, browser_count(receipt), &shown) };
            }
            Err(error) => {
                remember(error.to_string());
                // SAFETY: as above; the header says that there is no receipt.
                unsafe { function(self.context, error.code(), ptr::null()) };
            }
        }
    }
}

/// Calls `start` with signals blocked in this thread, so that a thread which it starts begins with
/// them blocked: all but those by which the system says that a program is broken.
fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
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

/// To block these would keep a program's own handler from reporting a crash in a callback.
const BROKEN_SIGNALS: [c_int; 6] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGTRAP,
];
