//! How far the requests of one connection are, for a hand-over.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use http::HeaderMap;
use parking_lot::Mutex;

use super::kept_request::KeptRequest;

/// A request is being handled.
const REQUEST: u8 = 1;
/// Its answer is not sent yet.
const ANSWER: u8 = 2;
/// Nothing is read any more, unless only this process can answer the request.
const STOPPED: u8 = 4;
/// The answer is a stream that does not end by itself.
const STREAM: u8 = 8;
/// The request waits, and has had no effect yet.
const WAITING: u8 = 16;
/// The client was told to send the body.
const CONTINUED: u8 = 32;
/// Something was written that is not flushed.
const UNSENT: u8 = 64;

/// What hyper writes for `Expect: 100-continue`.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The state of one connection. Only its own task changes it.
#[derive(Debug)]
pub(super) struct Progress {
    flags: AtomicU8,
    request: Mutex<KeptRequest>,
}

impl Progress {
    pub(super) fn new(request: KeptRequest) -> Self {
        Self {
            flags: AtomicU8::new(0),
            request: Mutex::new(request),
        }
    }

    /// Records bytes that hyper reads.
    pub(super) fn read(&self, bytes: &[u8]) {
        self.request.lock().push(bytes);
    }

    /// Records that a request has arrived, perhaps without its body.
    pub(super) fn begin(&self, headers: &HeaderMap) {
        self.request.lock().head_is_parsed(headers);
        self.remove(CONTINUED);
        self.add(REQUEST | ANSWER);
    }

    /// Marks the request as waiting until the guard is dropped. Meanwhile it must not have any effect, because another process may
    /// handle it again from its beginning.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.add(WAITING);
        Waiting(self)
    }

    /// Records that the answer is known.
    pub(super) fn answer(&self, is_stream: bool) {
        self.request.lock().request_is_answered();
        self.remove(REQUEST);
        if is_stream {
            self.add(STREAM);
        }
    }

    /// Records that hyper writes.
    pub(super) fn write(&self, bytes: &[u8]) {
        self.add(UNSENT);
        if self.has(REQUEST) && bytes.ends_with(CONTINUE) {
            self.add(CONTINUED);
        }
    }

    /// Records that everything that was written is sent. Returns whether there was anything.
    pub(super) fn flushed(&self) -> bool {
        let had_unsent = self.has(UNSENT);
        self.remove(UNSENT);
        if had_unsent && !self.has(REQUEST) {
            self.remove(ANSWER);
        }
        had_unsent
    }

    pub(super) fn stop_reading(&self) {
        self.add(STOPPED);
    }

    /// Whether the bytes that have arrived may be read.
    pub(super) fn may_read(&self) -> bool {
        !self.has(STOPPED) || !self.is_quiet() && self.request.lock().is_given_up()
    }

    /// Whether every request is answered.
    pub(super) fn is_quiet(&self) -> bool {
        !self.has(REQUEST | ANSWER | STREAM)
    }

    /// Whether the answer is a stream that does not end by itself.
    pub(super) fn is_stream(&self) -> bool {
        self.has(STREAM)
    }

    /// Returns the bytes of a request that waits, and all that were read behind it. `None` if there is no such request, or if
    /// answers before it are not sent yet.
    pub(super) fn take_waiting(&self) -> Option<Vec<u8>> {
        match self.has(WAITING) && !self.has(UNSENT) {
            true => self.request.lock().take(self.has(CONTINUED)),
            false => None,
        }
    }

    fn has(&self, flags: u8) -> bool {
        self.flags.load(Relaxed) & flags != 0
    }

    fn add(&self, flags: u8) {
        self.flags.fetch_or(flags, Relaxed);
    }

    fn remove(&self, flags: u8) {
        self.flags.fetch_and(!flags, Relaxed);
    }
}

/// A request waits as long as this exists. See [`Progress::wait`].
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Progress);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.remove(WAITING);
    }
}
