//! A progress line on the terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often progress is shown.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A line on the terminal that is overwritten. Without a terminal, nothing is shown.
#[derive(Debug)]
pub(crate) struct Progress {
    is_terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            shown: None,
        }
    }

    /// Shows the text, at most once per `INTERVAL`.
    pub(crate) fn show(&mut self, text: impl FnOnce() -> String) {
        let is_early = self.shown.is_some_and(|shown| shown.elapsed() < INTERVAL);
        if self.is_terminal && !is_early {
            self.shown = Some(Instant::now());
            self.write(&text());
        }
    }

    /// Clears the line.
    pub(crate) fn clear(&mut self) {
        if self.is_terminal && self.shown.take().is_some() {
            self.write("");
        }
    }

    fn write(&self, text: &str) {
        let mut stderr = io::stderr();
        let _closed = write!(stderr, "\r{text}\x1b[K").and_then(|()| stderr.flush());
    }
}
