//! A queue of log lines. One thread writes them to standard error: if the reader stops reading (a stopped `tee`,
//! Ctrl-S, a stalled log driver), only that thread blocks.
//!
//! Standard error is not made non-blocking: the flag belongs to the open file, which the parent's shell shares.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Limit of the lines that are queued or being written, in bytes. Further lines are dropped and counted.
const LEN_MAX: usize = 1024 * 1024;

/// Writes one line. Blocks while the reader does not read.
pub(super) type Sink = Box<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

/// A bounded queue of log lines, in order. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    sink: Sink,
    state: Mutex<State>,
    /// Signals the thread that there are lines.
    filled: Condvar,
    /// Signals [`Queue::flush`] that all lines are written.
    drained: Condvar,
    /// The log thread. Before it starts, callers write their lines themselves.
    writer: OnceLock<ThreadId>,
    /// The log thread could not write its own last line.
    has_failed: AtomicBool,
    /// Lines dropped since the start.
    dropped: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    /// Whole lines.
    pending: Vec<u8>,
    /// Lines dropped after those in `pending`.
    dropped: u64,
    /// Bytes that the thread has taken and not written yet.
    in_writing: usize,
    is_writing: bool,
}

impl Queue {
    pub(super) fn new(sink: Sink) -> Self {
        Self(Arc::new(Shared {
            sink,
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            writer: OnceLock::new(),
            has_failed: AtomicBool::new(false),
            dropped: Arc::default(),
        }))
    }

    /// Starts the thread. At each gap the thread calls `report` with the number of dropped lines, after the lines
    /// before the gap. Lines that `report` logs are written at once.
    pub(super) fn start(&self, report: impl Fn(u64) + Send + 'static) -> io::Result<()> {
        let shared = self.0.clone();
        let builder = thread::Builder::new().name("log".to_owned());
        let thread = builder.spawn(move || shared.write_all(report))?;
        // The caller is the only thread so far: from here on its lines are queued.
        let _ = self.0.writer.set(thread.thread().id());
        Ok(())
    }

    /// Takes a line. Never blocks once there is a thread.
    pub(super) fn push(&self, line: &[u8]) {
        match self.0.writer.get() {
            Some(writer) if *writer != thread::current().id() => self.0.push(line),
            _ => self.0.write_now(line),
        }
    }

    /// Waits until every line is written, at most for `timeout`. Returns whether every line is.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        if self.0.writer.get().is_none() {
            return true;
        }
        let deadline = Instant::now() + timeout;
        let mut state = self.0.state.lock();
        while !state.is_drained() {
            if self.0.drained.wait_until(&mut state, deadline).timed_out() {
                return state.is_drained();
            }
        }
        true
    }

    /// Counts the lines that were dropped since the start.
    pub(super) fn dropped(&self) -> Arc<AtomicU64> {
        self.0.dropped.clone()
    }
}

impl State {
    fn is_drained(&self) -> bool {
        !self.is_writing && self.pending.is_empty() && self.dropped == 0
    }
}

impl Shared {
    fn push(&self, line: &[u8]) {
        let mut state = self.state.lock();
        let len = state.pending.len() + state.in_writing + line.len();
        // After a dropped line, all further lines are dropped until the thread takes the queue. So the report of
        // dropped lines stands at the gap.
        if state.dropped > 0 || len > LEN_MAX {
            state.dropped += 1;
            self.dropped.fetch_add(1, Relaxed);
        } else {
            state.pending.extend_from_slice(line);
        }
        self.filled.notify_one();
    }

    /// Writes a line on the thread that logs it.
    fn write_now(&self, line: &[u8]) {
        let has_failed = (self.sink)(line).is_err();
        self.has_failed.store(has_failed, Relaxed);
    }

    /// The log thread: writes lines until the process ends.
    fn write_all(&self, report: impl Fn(u64)) {
        let mut unreported = 0;
        loop {
            let (lines, dropped) = self.take();
            let failed = self.write(&lines);
            self.dropped.fetch_add(failed, Relaxed);
            unreported += failed + dropped;
            if unreported > 0 {
                self.has_failed.store(false, Relaxed);
                report(unreported);
                if !self.has_failed.load(Relaxed) {
                    unreported = 0;
                }
            }
            let mut state = self.state.lock();
            (state.is_writing, state.in_writing) = (false, 0);
            if state.is_drained() {
                self.drained.notify_all();
            }
        }
    }

    /// Waits for lines and takes all of them, with the number of lines dropped after them.
    fn take(&self) -> (Vec<u8>, u64) {
        let mut state = self.state.lock();
        while state.is_drained() {
            self.filled.wait(&mut state);
        }
        let lines = std::mem::take(&mut state.pending);
        (state.is_writing, state.in_writing) = (true, lines.len());
        (lines, std::mem::take(&mut state.dropped))
    }

    /// Writes line by line, so that lines of other processes fit between. Returns how many failed.
    fn write(&self, lines: &[u8]) -> u64 {
        let lines = lines.split_inclusive(|&byte| byte == b'\n');
        let failed = lines.filter(|line| (self.sink)(line).is_err());
        failed.count() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Returns a queue, its written lines, and a sender that lets the reader take one line. Reports are `N dropped`.
    fn stalled() -> (Queue, Receiver<String>, Sender<io::Result<()>>) {
        let (written, lines) = mpsc::channel();
        let (permit, permits) = mpsc::channel();
        let permits = Mutex::new(permits);
        let queue = Queue::new(Box::new(move |line| {
            written
                .send(String::from_utf8_lossy(line).into_owned())
                .unwrap();
            permits.lock().recv().unwrap_or(Ok(()))
        }));
        let log = queue.clone();
        queue
            .start(move |lines| log.push(format!("{lines} dropped\n").as_bytes()))
            .unwrap();
        (queue, lines, permit)
    }

    #[test]
    fn stalled_reader_blocks_no_caller_and_sees_the_gap() {
        let (queue, lines, permit) = stalled();
        let next = || lines.recv_timeout(PATIENCE).unwrap();
        queue.push(b"first\n");
        assert_eq!(next(), "first\n");
        let long = [b"x".repeat(LEN_MAX / 4 - 1), b"\n".to_vec()].concat();
        for _ in 0..5 {
            queue.push(&long);
        }
        queue.push(b"short, after the gap\n");
        assert_eq!(queue.dropped().load(Relaxed), 3);
        assert!(!queue.flush(Duration::from_millis(1)), "nobody reads");
        drop(permit);
        for _ in 0..3 {
            assert_eq!(next().len(), long.len());
        }
        assert_eq!(next(), "3 dropped\n");
        assert!(queue.flush(PATIENCE));
        queue.push(b"last\n");
        assert_eq!(next(), "last\n");
        assert_eq!(queue.dropped().load(Relaxed), 3);
    }

    #[test]
    fn line_beyond_the_limit_is_dropped() {
        let (queue, lines, permit) = stalled();
        drop(permit);
        for (len, written) in [(LEN_MAX, LEN_MAX), (LEN_MAX + 1, "1 dropped\n".len())] {
            queue.push(&b"x".repeat(len));
            assert_eq!(lines.recv_timeout(PATIENCE).unwrap().len(), written);
            assert!(queue.flush(PATIENCE));
        }
    }

    #[test]
    fn failed_lines_are_reported_later() {
        let (queue, lines, permit) = stalled();
        let full = || Err(io::ErrorKind::StorageFull.into());
        for (line, outcomes, written) in [
            ("a\n", [full(), full()], ["a\n", "1 dropped\n"]),
            ("b\n", [Ok(()), Ok(())], ["b\n", "1 dropped\n"]),
        ] {
            outcomes
                .into_iter()
                .for_each(|outcome| permit.send(outcome).unwrap());
            queue.push(line.as_bytes());
            for line in written {
                assert_eq!(lines.recv_timeout(PATIENCE).unwrap(), line);
            }
            assert!(queue.flush(PATIENCE));
        }
        assert_eq!(queue.dropped().load(Relaxed), 1);
    }

    #[test]
    fn callers_write_before_the_thread_starts() {
        let (written, lines) = mpsc::channel();
        let queue = Queue::new(Box::new(move |line| {
            written.send(line.to_vec()).unwrap();
            Ok(())
        }));
        queue.push(b"early\n");
        assert_eq!(lines.try_recv().unwrap(), b"early\n");
        assert!(queue.flush(Duration::ZERO));
    }
}
