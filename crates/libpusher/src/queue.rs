//! Publishes in the background: a bounded queue and one thread that empties it.
//!
//! The caller's thread checks and encodes; the queue's thread takes all that is there, writes it in
//! chunks and reads each chunk's answers. So a single event goes at once, and a million of them in
//! few system calls.

use std::fmt;
use std::io;
use std::mem;
use std::ops::Range;
use std::os::unix::thread::JoinHandleExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use pusher_proto::Receipt;

use crate::batch::next_chunk;
use crate::deadline::Deadline;
use crate::encode::encode;
use crate::error::Error;
use crate::options::Options;
use crate::process::ProcessId;
use crate::publisher::Publisher;

/// How much memory an empty queue may keep.
const KEEP_CAPACITY_MAX: usize = 256 * 1024;

/// Who waits for an event's answer.
pub(crate) trait Settle: Send + 'static {
    /// Gets the answer, on the queue's thread.
    fn settle(self, answer: Result<Receipt, &Error>);
}

/// A queue and its thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Queue<S> {
    shared: Arc<Shared<S>>,
    worker: Option<JoinHandle<()>>,
    process: ProcessId,
}

#[derive(Debug)]
struct Shared<S> {
    state: Mutex<State<S>>,
    /// There is work, or the end.
    work: Condvar,
    /// There is nothing left to do.
    idle: Condvar,
    bytes_max: usize,
}

#[derive(Debug)]
struct State<S> {
    waiting: Messages<S>,
    /// Of the batch that the thread has taken: events and bytes not yet settled.
    taken_count: usize,
    taken_bytes: usize,
    /// Not delivered since the last flush.
    failed_count: usize,
    last_failure: String,
    has_ended: bool,
    is_worker_idle: bool,
    last_request: u64,
}

/// Encoded messages, one behind the other, with consecutive request numbers.
#[derive(Debug)]
struct Messages<S> {
    messages: Vec<u8>,
    entries: Vec<Entry<S>>,
}

#[derive(Debug)]
struct Entry<S> {
    request: u64,
    /// Where its message ends.
    end: usize,
    settle: S,
}

/// What a flush leaves.
#[derive(Debug)]
pub(crate) struct Undelivered {
    /// Events that are still to be sent or answered.
    pub(crate) waiting_count: usize,
    /// Events that were not published, or perhaps not, since the last flush.
    pub(crate) failed_count: usize,
    /// Why the last of them failed.
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
    /// Starts the thread, which calls `prepare` first. `bytes_max` bounds the queued messages together with
    /// their entries.
    pub(crate) fn start(options: Options, bytes_max: usize, prepare: fn()) -> io::Result<Self> {
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
        })
    }

    /// Puts an event into the queue; never waits. What can't be published, or has no room, is an
    /// error, and not settled.
    pub(crate) fn push(
        &self,
        topic: &str,
        event: &str,
        id: Option<&str>,
        settle: S,
    ) -> Result<(), Error> {
        let mut state = self.shared.lock();
        if state.has_ended {
            return Err(Error::Canceled);
        }
        state.push(topic, event, id, settle, self.shared.bytes_max)?;
        // To wake somebody is a system call.
        if mem::take(&mut state.is_worker_idle) {
            self.shared.work.notify_one();
        }
        Ok(())
    }

    /// Waits until everything is settled, at most until the deadline; says what is not delivered.
    /// The thread itself, in a callback, does not wait for itself.
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
    /// Waits for the thread, which ends after the chunk that it is busy with: not longer than the
    /// timeout (and what its callbacks need).
    fn drop(&mut self) {
        let is_worker = self.is_worker();
        let Some(worker) = self.worker.take() else {
            return;
        };
        if self.process != ProcessId::current() {
            // The thread is the parent's; here is neither it nor a lock that it would give back.
            let _not_ours = worker.into_pthread_t();
            return;
        }
        self.shared.end();
        if !is_worker {
            // Has it panicked, there is nothing more to do about it here.
            let _ = worker.join();
        }
    }
}

impl<S> Shared<S> {
    /// A panic while the lock was held leaves nothing half-done that matters.
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.work.notify_one();
        self.idle.notify_all();
    }

    /// The batch that was taken is settled.
    fn forget_batch(&self) {
        let mut state = self.lock();
        state.taken_count = 0;
        state.taken_bytes = 0;
        if state.is_settled() {
            self.idle.notify_all();
        }
    }
}

impl<S: Settle> Shared<S> {
    /// Hands out an event's answer, not holding the lock; whether to go on with the next.
    fn settle(&self, settle: S, answer: Result<Receipt, &Error>) -> bool {
        settle.settle(answer);
        let mut state = self.lock();
        state.taken_count -= 1;
        if let Err(error) = answer {
            state.failed_count += 1;
            // Only the text of the last one counts, and a broken server may fail them all.
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

    fn push(
        &mut self,
        topic: &str,
        event: &str,
        id: Option<&str>,
        settle: S,
        bytes_max: usize,
    ) -> Result<(), Error> {
        let start = self.waiting.messages.len();
        let request = self.last_request + 1;
        encode(&mut self.waiting.messages, request, topic, event, id)?;
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

    /// Empty again, with an ordinary buffer, not one that a big batch left.
    fn clear(&mut self) {
        if self.messages.capacity() + self.entries.capacity() > KEEP_CAPACITY_MAX {
            *self = Self::new();
        }
        self.messages.clear();
        self.entries.clear();
    }
}

/// What the thread does.
struct Worker<S: Settle> {
    shared: Arc<Shared<S>>,
    publisher: Publisher,
    batch: Messages<S>,
}

impl<S: Settle> Worker<S> {
    fn new(shared: Arc<Shared<S>>, options: Options) -> Self {
        Self {
            shared,
            publisher: Publisher::new(options),
            batch: Messages::new(),
        }
    }

    fn run(mut self) {
        loop {
            let is_last = self.take_batch();
            self.publish_batch();
            self.shared.forget_batch();
            if is_last {
                return;
            }
        }
    }

    /// Waits for events, or the end, and takes all there are; whether it was the end.
    fn take_batch(&mut self) -> bool {
        self.batch.clear();
        let mut state = self.shared.lock();
        while state.waiting.entries.is_empty() && !state.has_ended {
            state.is_worker_idle = true;
            let woken = self.shared.work.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut self.batch, &mut state.waiting);
        state.taken_count = self.batch.entries.len();
        state.taken_bytes = self.batch.bytes();
        state.has_ended
    }

    /// Publishes chunk by chunk. After the end, what is left is canceled.
    fn publish_batch(&mut self) {
        let shared = &self.shared;
        let mut entries = self.batch.entries.drain(..);
        let mut start = 0;
        while let Some((requests, end)) = chunk(entries.as_slice(), start) {
            if shared.lock().has_ended {
                for entry in entries {
                    shared.settle(entry.settle, Err(&Error::Canceled));
                }
                return;
            }
            let messages = &self.batch.messages[start..end];
            self.publisher
                .publish_encoded(messages, requests, |answer| {
                    let entry = entries.next();
                    entry.is_none_or(|entry| shared.settle(entry.settle, answer))
                });
            start = end;
        }
    }
}

impl<S: Settle> Drop for Worker<S> {
    /// Nobody may wait for a thread that is gone, whatever the reason.
    fn drop(&mut self) {
        self.shared.end();
    }
}

/// The request numbers of the next chunk, and where its messages end; `None` if nothing is left.
fn chunk<S>(entries: &[Entry<S>], start: usize) -> Option<(Range<u64>, usize)> {
    let first = entries.first()?.request;
    let (count, end) = next_chunk(entries.iter().map(|entry| entry.end), start)?;
    Some((first..first + count as u64, end))
}
