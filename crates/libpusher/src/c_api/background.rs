//! The queue of one client, its thread and its callbacks into C.

use std::ffi::{c_int, c_void};
use std::ptr;

use once_cell::race::OnceBox;

use super::cancellation;
use super::receipt::{PushReceipt, result};
use super::remember;
use super::signals::with_signals_blocked;
use crate::error::Error;
use crate::options::Options;
use crate::per_process::PerProcess;
use crate::queue::{Queue, Settle};
use crate::receipt::Receipt;

/// Receives the answer to an event of push_client_publish_async(). Called exactly once for each
/// event, in a thread of the library.
///
/// context: the pointer that was passed with the event. result: as push_publish() returns it. If it
/// is below 0, push_last_error() has the reason. receipt: NULL if result is below 0; valid until
/// the callback returns.
///
/// It must not leave by a C++ exception, longjmp() or pthread_exit(). The next event waits until it
/// returns. It may call every function of this header, also for the same client.
pub type PushCallback =
    Option<unsafe extern "C" fn(context: *mut c_void, result: c_int, receipt: *const PushReceipt)>;

/// A client's queue. The first event of each process makes it and starts its thread.
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

    /// Blocks signals in the new thread: the program's own threads handle them.
    fn start(&self) -> Result<Queue<Callback>, Error> {
        let started = with_signals_blocked(|| {
            Queue::start(self.options.clone(), self.bytes_max, cancellation::disable)
        });
        started.map_err(|source| Error::Thread { source })
    }
}

/// The C function that receives an answer, and its argument.
#[derive(Debug)]
pub(super) struct Callback {
    pub(super) function: PushCallback,
    pub(super) context: *mut c_void,
}

// SAFETY: the header says that the callback runs in another thread, so the program shares the context.
unsafe impl Send for Callback {}

impl Settle for Callback {
    fn settle(self, answer: Result<Receipt, &Error>) {
        let Some(function) = self.function else {
            return;
        };
        match answer {
            Ok(receipt) => {
                let shown = PushReceipt::from(receipt);
                // SAFETY: the program guarantees a function that can be called with its context.
                unsafe { function(self.context, result(receipt), &shown) };
            }
            Err(error) => {
                remember(error.to_string());
                // SAFETY: as above; the header says that there is no receipt.
                unsafe { function(self.context, error.code(), ptr::null()) };
            }
        }
    }
}
