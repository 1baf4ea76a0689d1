//! A rate-limited log of misbehaving peers, so that no peer can fill a disk with log lines.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write};
use std::time::Instant;

use parking_lot::Mutex;

use super::token_bucket::TokenBucket;

/// Lines that may be written at once, after a quiet time.
const BURST: u16 = 100;

/// Lines a second after the burst.
const PER_SECOND: u32 = 1;

/// Lines that the status page can show.
const RECENT_MAX: usize = 50;

/// Longest line in characters. Some lines quote bytes of the peer.
const LEN_MAX: usize = 500;

/// Log lines about all peers together, at most [`BURST`] at once and [`PER_SECOND`] after that. Each line says how many
/// lines were left out before it.
#[derive(Debug)]
pub(crate) struct PeerLog(Mutex<State>);

#[derive(Debug)]
struct State {
    started: Instant,
    bucket: TokenBucket,
    left_out: u64,
    /// The last lines, oldest first.
    recent: VecDeque<PeerLogEntry>,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct PeerLogEntry {
    pub(crate) at: Instant,
    pub(crate) peer: String,
    pub(crate) message: String,
}

impl PeerLog {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            started: Instant::now(),
            bucket: TokenBucket::default(),
            left_out: 0,
            recent: VecDeque::new(),
        }))
    }

    /// Logs a warning about a peer, unless the rate limit is reached. Returns the logged line.
    pub(crate) fn about(&self, peer: &str, message: impl Display) -> Option<PeerLogEntry> {
        let left_out = self.0.lock().take(Instant::now())?;
        let message = escaped(&message);
        match left_out {
            0 => tracing::warn!(peer, "{message}"),
            left_out => tracing::warn!(peer, left_out, "{message}"),
        }
        let entry = PeerLogEntry {
            at: Instant::now(),
            peer: peer.to_owned(),
            message,
        };
        self.0.lock().remember(entry.clone());
        Some(entry)
    }

    /// Returns the last lines, oldest first.
    pub(crate) fn recent(&self) -> Vec<PeerLogEntry> {
        self.0.lock().recent.iter().cloned().collect()
    }
}

impl State {
    /// Takes one line out of the bucket. Returns how many lines were left out before it, or `None` if the bucket is
    /// empty.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let now_ms = now.saturating_duration_since(self.started).as_millis() as u64;
        self.bucket.refill(now_ms, PER_SECOND);
        if !self.bucket.take(1, BURST) {
            self.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut self.left_out))
    }

    fn remember(&mut self, entry: PeerLogEntry) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }
}

/// Escapes control characters and cuts the text to [`LEN_MAX`], so that it is one short line.
fn escaped(message: &impl Display) -> String {
    let mut line = Line {
        text: String::new(),
        left: LEN_MAX,
    };
    if write!(line, "{message}").is_err() {
        line.text.push('…');
    }
    line.text
}

/// A line that is being written.
struct Line {
    text: String,
    /// Number of characters that it may still take.
    left: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            if character.is_control() {
                self.text.extend(character.escape_default());
            } else {
                self.text.push(character);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_logs_a_burst_and_then_one_line_per_second() {
        let log = PeerLog::new();
        let mut state = log.0.lock();
        let start = state.started;
        let at = |ms| start + Duration::from_millis(ms);
        for _ in 0..BURST {
            assert_eq!(state.take(at(0)), Some(0));
        }
        for _ in 0..50 {
            assert_eq!(state.take(at(999)), None);
        }
        assert_eq!(state.take(at(1000)), Some(50));
        assert_eq!(state.take(at(1999)), None);
        assert_eq!(state.take(at(2000)), Some(1));
        assert_eq!(state.take(at(3500)), Some(0));
        assert_eq!(state.take(at(3999)), None);
        assert_eq!(state.take(at(4000)), Some(1), "half seconds are not lost");
        // A long silence allows one burst, not more.
        for _ in 0..BURST {
            assert_eq!(state.take(at(1_000_000)), Some(0));
        }
        assert_eq!(state.take(at(1_000_000)), None);
    }

    #[test]
    fn an_entry_is_one_short_line() {
        assert_eq!(escaped(&"a\n\u{1b}[2J\u{9b}猫"), "a\\n\\u{1b}[2J\\u{9b}猫");
        assert_eq!(escaped(&"猫".repeat(LEN_MAX)), "猫".repeat(LEN_MAX));
        let cut = escaped(&"猫".repeat(LEN_MAX + 1));
        assert_eq!(cut, format!("{}…", "猫".repeat(LEN_MAX)));
    }
}
