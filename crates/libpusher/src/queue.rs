//! Publishes in the background: a bounded queue, and one thread that empties it.
//!
//! The caller's thread checks and encodes an event. The worker thread takes all queued messages, writes them in
//! chunks and reads the answers to each chunk. A single event is therefore sent at once, and a million events
//! need few system calls.

use std::fmt;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::batch::next_chunk;
use crate::deadline::Deadline;
use crate::encode::{Message, WaitOptions, encode};
use crate::error::Error;
use crate::event::Event;
use crate::options::Options;
use crate::process::ProcessId;
use crate::publisher::Publisher;
use crate::random_id::RandomId;
use crate::receipt::Receipt;
use crate::spool::Spool;

/// Largest buffer that an empty queue keeps, in bytes.
const KEEP_CAPACITY_MAX: usize = 256 * 1024;

/// Receives the answer to one event.
pub(crate) trait Settle: Send + 'static {
    /// Runs on the worker thread.
    fn settle(self, answer: Result<Receipt, &Error>);
}

/// A queue and its worker thread. Dropping the queue ends the thread.
#[derive(Debug)]
pub(crate) struct Queue<S> {
    shared: Arc<Shared<S>>,
    worker: Option<JoinHandle<()>>,
    process: ProcessId,
    /// Whether events without an id get a random one, because they may be written to the spool.
    gives_ids: bool,
}

#[derive(Debug)]
struct Shared<S> {
    state: Mutex<State<S>>,
    /// Signaled when messages were queued, and at the end.
    work: Condvar,
    /// Signaled when every event is settled, and at the end.
    idle: Condvar,
    bytes_max: usize,
}

#[derive(Debug)]
struct State<S> {
    waiting: Messages<S>,
    /// Events and bytes that the worker has taken and not yet settled.
    taken_count: usize,
    taken_bytes: usize,
    /// Events that failed since the last flush.
    failed_count: usize,
    last_failure: String,
    has_ended: bool,
    is_worker_idle: bool,
    last_request: u64,
}

/// Encoded messages in order, with consecutive request numbers.
#[derive(Debug)]
struct Messages<S> {
    messages: Vec<u8>,
    entries: Vec<Entry<S>>,
}

#[derive(Debug)]
struct Entry<S> {
    request: u64,
    /// The offset at which its message ends.
    end: usize,
    wait: WaitOptions,
    settle: S,
}

/// The events that a flush could not deliver.
#[derive(Debug)]
pub(crate) struct Undelivered {
    /// Events without an answer yet.
    pub(crate) waiting_count: usize,
    /// Events since the last flush that failed. Some of them may have been published.
    pub(crate) failed_count: usize,
    /// The error of the last one.
    pub(crate) last_failure: String,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events still wait to be published",
            self.waiting_count
        )?;
        if self.failed_count > 0 {
            write!(f, ", {} failed", self.failed_count)?;
            write!(f, ", the last one because: {}", self.last_failure)?;
        }
        Ok(())
    }
}

impl<S: Settle> Queue<S> {
    /// Starts the worker thread, which calls `prepare` first. `bytes_max` limits the queued messages and their
    /// entries together.
    pub(crate) fn start(options: Options, bytes_max: usize, prepare: fn()) -> io::Result<Self> {
        let gives_ids = options.spool_dir.is_some();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new()),
            work: Condvar::new(),
            idle: Condvar::new(),
            bytes_max,
        });
        let worker = thread::Builder::new().name("libpusher".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                prepare();
                Worker::new(shared, options).run();
            }
        })?;
        Ok(Self {
            shared,
            worker: Some(worker),
            process: ProcessId::current(),
            gives_ids,
        })
    }

    /// Queues an event without waiting. An invalid event, or one that does not fit, is an error and is never
    /// settled.
    pub(crate) fn push(&self, event: &Event<'_>, settle: S) -> Result<(), Error> {
        let made = (self.gives_ids && event.id.is_none()).then(RandomId::new);
        let event = event.or_id(made.as_ref());
        let mut state = self.shared.lock();
        if state.has_ended {
            return Err(Error::Canceled);
        }
        state.push(&event, settle, self.shared.bytes_max)?;
        // Waking the worker is a system call: skip it if the worker is busy.
        if mem::take(&mut state.is_worker_idle) {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    /// Waits until every event is settled, at most until the deadline. Returns the undelivered events. When the
    /// worker thread itself calls it, from a callback, it does not wait.
    pub(crate) fn flush(&self, deadline: &Deadline) -> Undelivered {
        let mut state = self.shared.lock();
        while !state.is_settled() && !state.has_ended && !self.is_worker() {
            let Ok(remaining) = deadline.remaining() else {
                break;
            };
            let woken = self.shared.idle.wait_timeout(state, remaining);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
        Undelivered {
            waiting_count: state.waiting.entries.len() + state.taken_count,
            failed_count: mem::take(&mut state.failed_count),
            last_failure: mem::take(&mut state.last_failure),
        }
    }
}

impl<S> Queue<S> {
    fn is_worker(&self) -> bool {
        let worker = self.worker.as_ref().map(|worker| worker.thread().id());
        worker == Some(thread::current().id())
    }
}

impl<S> Drop for Queue<S> {
    /// Waits for the worker, which ends after its current chunk: at most the timeout, plus the time that
    /// callbacks take.
    fn drop(&mut self) {
        let is_worker = self.is_worker();
        let Some(worker) = self.worker.take() else {
            return;
        };
        if self.process != ProcessId::current() {
            // This is a forked child: the thread exists in the parent only, and its locks are never released here.
            let _not_ours = ManuallyDrop::new(worker);
            return;
        }
        self.shared.end();
        if !is_worker {
            // If the worker panicked, there is nothing left to do here.
            let _ = worker.join();
        }
    }
}

impl<S> Shared<S> {
    /// The state stays consistent if a thread panics while it holds the lock, so poisoning is ignored.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.work.notify_one();
        self.idle.notify_all();
    }

    /// Marks the taken messages as settled.
    fn forget_taken(&self) {
        let mut state = self.lock();
        state.taken_count = 0;
        state.taken_bytes = 0;
        if state.is_settled() {
            self.idle.notify_all();
        }
    }
}

impl<S: Settle> Shared<S> {
    /// Delivers an answer without holding the lock, because the receiver is user code. Returns whether to go on.
    fn settle(&self, settle: S, answer: Result<Receipt, &Error>) -> bool {
        settle.settle(answer);
        let mut state = self.lock();
        state.taken_count -= 1;
        if let Err(error) = answer {
            state.failed_count += 1;
            // Only the last text is kept: a broken server can fail every event.
            state.last_failure = error.to_string();
        }
        !state.has_ended
    }
}

impl<S> State<S> {
    fn new() -> Self {
        Self {
            waiting: Messages::new(),
            taken_count: 0,
            taken_bytes: 0,
            failed_count: 0,
            last_failure: String::new(),
            has_ended: false,
            is_worker_idle: false,
            last_request: 0,
        }
    }

    fn push(&mut self, event: &Event<'_>, settle: S, bytes_max: usize) -> Result<(), Error> {
        let start = self.waiting.messages.len();
        let request = self.last_request + 1;
        encode(&mut self.waiting.messages, request, event)?;
        let end = self.waiting.messages.len();
        let entries_bytes = (self.waiting.entries.len() + 1) * size_of::<Entry<S>>();
        if self.taken_bytes + end + entries_bytes > bytes_max {
            self.waiting.messages.truncate(start);
            return Err(Error::QueueFull { bytes_max });
        }
        self.last_request = request;
        let entry = Entry {
            request,
            end,
            wait: WaitOptions::of(event),
            settle,
        };
        self.waiting.entries.push(entry);
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.waiting.entries.is_empty() && self.taken_count == 0
    }
}

impl<S> Messages<S> {
    fn new() -> Self {
        Self {
            messages: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.messages.len() + self.entries.len() * size_of::<Entry<S>>()
    }

    /// Empties the buffers, and frees them if they have become large.
    fn clear(&mut self) {
        if self.messages.capacity() + self.entries.capacity() > KEEP_CAPACITY_MAX {
            *self = Self::new();
        }
        self.messages.clear();
        self.entries.clear();
    }
}

/// The worker thread's state.
struct Worker<S: Settle> {
    shared: Arc<Shared<S>>,
    publisher: Publisher,
    spool: Option<Spool>,
    taken: Messages<S>,
}

impl<S: Settle> Worker<S> {
    fn new(shared: Arc<Shared<S>>, options: Options) -> Self {
        Self {
            shared,
            spool: Spool::of(&options),
            publisher: Publisher::new(options),
            taken: Messages::new(),
        }
    }

    fn run(mut self) {
        loop {
            let is_last = self.take_messages();
            self.publish_taken();
            self.shared.forget_taken();
            if is_last {
                return;
            }
        }
    }

    /// Waits for events or the end, and takes all events. Returns whether it was the end.
    fn take_messages(&mut self) -> bool {
        self.taken.clear();
        let mut state = self.shared.lock();
        while state.waiting.entries.is_empty() && !state.has_ended {
            state.is_worker_idle = true;
            let woken = self.shared.work.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut self.taken, &mut state.waiting);
        state.taken_count = self.taken.entries.len();
        state.taken_bytes = self.taken.bytes();
        state.has_ended
    }

    /// Publishes chunk by chunk. After the end, cancels the remaining events.
    fn publish_taken(&mut self) {
        let shared = &self.shared;
        let mut entries = self.taken.entries.drain(..);
        let mut start = 0;
        // The offset of the next message.
        let mut begin = 0;
        while let Some((requests, end)) = chunk(entries.as_slice(), start) {
            if shared.lock().has_ended {
                for entry in entries {
                    shared.settle(entry.settle, Err(&Error::Canceled));
                }
                return;
            }
            let messages = &self.taken.messages;
            let (timeout, spool) = (self.publisher.timeout(), self.spool.as_ref());
            self.publisher
                .publish_encoded(&messages[start..end], requests, |answer| {
                    let Some(entry) = entries.next() else {
                        return true;
                    };
                    let text = &messages[mem::replace(&mut begin, entry.end)..entry.end];
                    let wait = entry.wait;
                    let rescued = answer.err().zip(spool).and_then(|(error, spool)| {
                        let deadline = Deadline::after(timeout);
                        Message { text, wait }.with(|event| spool.rescue(event, error, &deadline))
                    });
                    match &rescued {
                        Some(rescued) => shared.settle(entry.settle, rescued.as_ref().copied()),
                        None => shared.settle(entry.settle, answer),
                    }
                });
            start = end;
        }
    }
}

impl<S: Settle> Drop for Worker<S> {
    /// Wakes every waiting thread, also if the worker panicked.
    fn drop(&mut self) {
        self.shared.end();
    }
}

/// Returns the request numbers of the next chunk and the offset at which it ends, or `None` at the end.
fn chunk<S>(entries: &[Entry<S>], start: usize) -> Option<(Range<u64>, usize)> {
    let first = entries.first()?.request;
    let (count, end) = next_chunk(entries.iter().map(|entry| entry.end), start)?;
    Some((first..first + count as u64, end))
}
