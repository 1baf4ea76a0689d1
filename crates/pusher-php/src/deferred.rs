//! Events that are published after the page.
//!
//! Encoded events wait in the memory of this process (or thread) and are sent as one batch at the end of the request,
//! also after `exit()` or a fatal error. Nothing is kept for the next request.

use std::cell::RefCell;
use std::mem;

use ext_php_rs::zend::{ExecuteData, try_catch};
use pusher::{Batch, Error, Event, ProcessId};

use crate::exception::PusherError;
use crate::failure::Failure;
use crate::settings::{Given, OnFailure, Settings};
use crate::{engine, publish, publishers};

/// The name of these events in messages.
const EVENTS: &str = "deferred events";

thread_local! {
    static QUEUE: RefCell<Queue> = const { RefCell::new(Queue::new()) };
}

struct Queue {
    batch: Batch,
    /// The process that filled the queue. A forked child must not send the events that it inherited.
    process: Option<ProcessId>,
    /// The request's events are sent. Later events are sent at once.
    is_over: bool,
}

impl Queue {
    const fn new() -> Self {
        Self {
            batch: Batch::new(),
            process: None,
            is_over: false,
        }
    }

    fn take(&mut self) -> Batch {
        let batch = mem::take(&mut self.batch);
        match self.process == Some(ProcessId::current()) {
            true => batch,
            false => Batch::new(),
        }
    }

    fn push(&mut self, event: &Event) -> Result<(), Error> {
        let process = Some(ProcessId::current());
        if self.process != process {
            *self = Self {
                process,
                is_over: self.is_over,
                ..Self::new()
            };
        }
        self.batch.push(event)
    }
}

/// Queues the event of a `Pusher::defer`. A full queue is sent first, so that the order is kept.
pub(crate) fn defer(frame: &mut ExecuteData) -> Result<(), Failure> {
    let arguments = engine::publish_arguments(frame).ok_or(Failure::Thrown)?;
    publish::with_event(arguments, |event| {
        let settings =
            Settings::read(&Given::default()).map_err(|error| Failure::mistake(&error))?;
        let mut failed = Ok(());
        let mut pushed = push(event);
        if matches!(pushed, Err(Error::BatchFull)) {
            failed = send(&settings);
            pushed = push(event);
        }
        pushed.map_err(|error| Failure::mistake(&error))?;
        publishers::count(|counters| counters.deferred += 1);
        if QUEUE.with_borrow(|queue| queue.is_over) {
            return send(&settings);
        }
        failed
    })
}

fn push(event: &Event) -> Result<(), Error> {
    QUEUE.with_borrow_mut(|queue| queue.push(event))
}

/// RINIT.
pub(crate) extern "C" fn begin(_module_type: i32, _module_number: i32) -> i32 {
    QUEUE.with_borrow_mut(|queue| *queue = Queue::new());
    0
}

/// RSHUTDOWN: the page has ended, by itself, by `exit()` or by a fatal error, its destructors and
/// shutdown functions have run and all that it printed is on its way.
pub(crate) extern "C" fn end(_module_type: i32, _module_number: i32) -> i32 {
    if QUEUE.with_borrow(|queue| queue.batch.is_empty()) {
        QUEUE.with_borrow_mut(|queue| queue.is_over = true);
        return 0;
    }
    // Each step has its own `try_catch`: user code in the first and the last may bail out, and a bailout that left this
    // function would keep other modules from ending their request.
    let _ = try_catch(finish_page);
    let sent = try_catch(send_all);
    if let Ok(Err(failure)) = sent {
        let _ = try_catch(|| failure.report());
    }
    0
}

/// Finishes the response before publishing. FPM ends it; Apache can only flush it. An open session would make the
/// visitor's next page wait, so it is closed.
fn finish_page() {
    engine::call_if_there("session_write_close");
    engine::call_if_there("fastcgi_finish_request");
    engine::flush_page();
}

fn send_all() -> Result<(), Failure> {
    QUEUE.with_borrow_mut(|queue| queue.is_over = true);
    match Settings::read(&Given::default()) {
        Ok(settings) => send(&settings),
        Err(error) => {
            let count = QUEUE.with_borrow_mut(Queue::take).len();
            publishers::count(|counters| counters.failed += count as u64);
            let error = PusherError::from(&error).among(count, count, EVENTS);
            Err(Failure::Failed(error, OnFailure::Warning))
        }
    }
}

/// Sends the queue. A failure is at most a warning, because the page's code may have ended and cannot catch an exception.
fn send(settings: &Settings) -> Result<(), Failure> {
    let batch = QUEUE.with_borrow_mut(Queue::take);
    let published = publishers::publish_batch(settings, &batch);
    let missing_count = published.missing_count();
    match published.error {
        None => Ok(()),
        Some(error) => Err(Failure::Failed(
            error.among(missing_count, batch.len(), EVENTS),
            settings.on_failure.no_exception(),
        )),
    }
}
