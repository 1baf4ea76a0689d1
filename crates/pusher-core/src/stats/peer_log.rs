//! Log lines about what peers do wrong: few enough that nobody can fill a disk with them.

use std::collections::VecDeque;
use std::fmt::{self, Display, Write};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines that may come at once.
const BURST: u32 = 100;

/// How long it takes until one more may come.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Lines that are remembered.
const RECENT_MAX: usize = 50;

/// Longest complaint, in characters: some quote what the peer has said.
const LEN_MAX: usize = 500;

/// What peers do wrong, all of them together. The first [`BURST`] lines come at once, then one
/// every [`LINE_EVERY`]; each tells how many were left out before it.
#[derive(Debug)]
pub(crate) struct PeerLog(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Lines that may come now.
    left: u32,
    /// Since when another may come.
    since: Instant,
    left_out: u64,
    /// The last lines, the newest last.
    recent: VecDeque<PeerLogEntry>,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct PeerLogEntry {
    pub(crate) at: Instant,
    pub(crate) peer: String,
    pub(crate) what: String,
}

impl PeerLog {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            left: BURST,
            since: Instant::now(),
            left_out: 0,
            recent: VecDeque::new(),
        }))
    }

    /// Warns the operator of something that a peer did, if there is a line left for it.
    pub(crate) fn about(&self, peer: &str, what: impl Display) {
        let Some(left_out) = self.0.lock().take(Instant::now()) else {
            return;
        };
        let what = shown(&what);
        match left_out {
            0 => tracing::warn!(peer, "{what}"),
            left_out => tracing::warn!(peer, left_out, "{what}"),
        }
        self.0.lock().remember(peer, what);
    }

    /// The last lines.
    pub(crate) fn recent(&self) -> Vec<PeerLogEntry> {
        self.0.lock().recent.iter().cloned().collect()
    }
}

impl State {
    /// Uses a line up: how many were left out before it, `None` if there is none.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let waited = now.saturating_duration_since(self.since).as_secs() / LINE_EVERY.as_secs();
        let more = u32::try_from(waited).unwrap_or(u32::MAX);
        self.since += LINE_EVERY * more;
        self.left = self.left.saturating_add(more).min(BURST);
        if self.left == 0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.left_out))
    }

    fn remember(&mut self, peer: &str, what: String) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(PeerLogEntry {
            at: Instant::now(),
            peer: peer.to_owned(),
            what,
        });
    }
}

/// One line of text, whatever a peer made of it.
fn shown(what: &impl Display) -> String {
    let mut line = Line {
        text: String::new(),
        left: LEN_MAX,
    };
    if write!(line, "{what}").is_err() {
        line.text.push('…');
    }
    line.text
}

/// Takes no more than fits, and no control characters.
struct Line {
    text: String,
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
    use super::*;

    #[test]
    fn a_flood_gives_a_burst_and_then_a_line_a_second() {
        let complaints = PeerLog::new();
        let mut state = complaints.0.lock();
        let start = state.since;
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
        // After a long silence there is a burst again, and no more.
        for _ in 0..BURST {
            assert_eq!(state.take(at(1_000_000)), Some(0));
        }
        assert_eq!(state.take(at(1_000_000)), None);
    }

    #[test]
    fn a_complaint_is_one_short_line() {
        assert_eq!(shown(&"a\n\u{1b}[2J\u{9b}猫"), "a\\n\\u{1b}[2J\\u{9b}猫");
        assert_eq!(shown(&"猫".repeat(LEN_MAX)), "猫".repeat(LEN_MAX));
        let cut = shown(&"猫".repeat(LEN_MAX + 1));
        assert_eq!(cut, format!("{}…", "猫".repeat(LEN_MAX)));
    }
}
