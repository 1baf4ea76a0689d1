//! Publishing in the background: the queue, its thread and callbacks into C.
#![expect(
    clippy::missing_safety_doc,
    reason = "what C must promise stands once for all, in the header's page of conventions"
)]

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use once_cell::race::OnceBox;
use pusher_proto::Receipt;

use super::cancellation;
use super::client::{PushClient, PushReceipt, get};
use super::{browser_count, guard, optional, remember, text_of_len};
use crate::deadline::Deadline;
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

    fn queue(&self) -> Result<&Queue<Callback>, Error> {
        let first = self
            .queue
            .get_or_try_init(|| self.start().map(|queue| PerProcess::new(queue).into()))?;
        first.try_get(|_inherited| self.start())
    }

    fn existing(&self) -> Option<&Queue<Callback>> {
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
struct Callback {
    function: PushCallback,
    context: *mut c_void,
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

/// As push_client_publish(), but only puts the event into a queue, which a thread of the library's
/// empties over a connection of its own: events come out in the order in which they went in. The
/// thread is started by a process's first call.
///
/// callback: is told what became of the event, may be NULL. context: for the callback.
///
/// Returns 0 at once, or a code below 0 for what can't be queued (PUSH_EFULL if there is no room);
/// then there will be no callback.
///
/// A forked child begins with an empty queue: what was queued before the fork is its parent's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_publish_async(
    client: *mut PushClient,
    category: *const c_char,
    category_len: usize,
    json: *const c_char,
    json_len: usize,
    id: *const c_char,
    callback: PushCallback,
    context: *mut c_void,
) -> c_int {
    guard(|| {
        // SAFETY: our caller promises a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        // SAFETY: our caller promises texts of these lengths, or NULL.
        let (category, json, id) = unsafe {
            (
                text_of_len(category, category_len, "category")?,
                text_of_len(json, json_len, "json")?,
                optional(id, "id")?,
            )
        };
        let settle = Callback {
            function: callback,
            context,
        };
        client
            .background
            .queue()?
            .push(category, json, id, settle)?;
        Ok(0)
    })
}

/// Waits until every event of push_client_publish_async() is answered and its callback has
/// returned, at most timeout_ms milliseconds (0: does not wait).
///
/// Returns how many are undelivered: those that still wait, and those that failed since the last
/// call; 0 if all is well (INT_MAX if there are more), or a code below 0. If it is not 0,
/// push_last_error() says more. In a callback it does not wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn push_client_flush(client: *mut PushClient, timeout_ms: u64) -> c_int {
    guard(|| {
        // SAFETY: our caller promises a client that is not freed, or NULL.
        let client = unsafe { get(client)? };
        let deadline = Deadline::after(Duration::from_millis(timeout_ms));
        let Some(queue) = client.background.existing() else {
            return Ok(0);
        };
        let undelivered = queue.flush(&deadline);
        let count = undelivered.waiting_count + undelivered.failed_count;
        if count > 0 {
            remember(undelivered.to_string());
        }
        Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
    })
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
