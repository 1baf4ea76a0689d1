//! The output of a program, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The lines so far. A thread collects them until the program closes the pipe.
#[derive(Debug, Clone)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// Collects the lines of `source`.
    pub fn follow(source: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let log = Self(Arc::clone(&shared));
        thread::spawn(move || {
            let lines = BufReader::new(source).split(b'\n').map_while(Result::ok);
            for line in lines {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                shared.change(|state| state.lines.push(line));
            }
            shared.change(|state| state.ended = true);
        });
        log
    }

    /// Returns the first result of `wanted` on a line. `None`: the program closed the pipe, or `deadline_ms` passed.
    pub fn find<T>(
        &self,
        deadline_ms: u64,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + Duration::from_millis(deadline_ms);
        let mut state = self.0.state.lock().unwrap();
        let mut seen = 0;
        loop {
            while let Some(line) = state.lines.get(seen) {
                if let Some(found) = wanted(line) {
                    return Some(found);
                }
                seen += 1;
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return None;
            }
            state = self.0.grown.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Returns all lines so far.
    pub fn text(&self) -> String {
        self.0.state.lock().unwrap().lines.join("\n")
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.grown.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_sees_earlier_and_later_lines() {
        let log = Log::follow(&b"one\ntwo 2\n"[..]);
        let number = log.find(1_000, |line| line.strip_prefix("two ").map(str::to_owned));
        assert_eq!(number.as_deref(), Some("2"));
        assert_eq!(
            log.find(1_000, |line| line.strip_prefix("three").map(|_| ())),
            None
        );
        assert_eq!(log.text(), "one\ntwo 2");
    }
}
