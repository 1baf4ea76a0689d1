//! The figures of runs.

use std::fmt;
use std::ops::AddAssign;

use super::record::{Fate, From, Note, Record, Sent};

/// What happened in a run, or in several.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Number of runs.
    pub runs: usize,
    /// Events with a receipt.
    pub accepted: usize,
    /// Events that subscribers received.
    pub events: usize,
    /// Connections of subscribers.
    pub connections: usize,
    /// Subscriptions that continued behind a position.
    pub recovered: usize,
    /// Gaps that subscribers were told of.
    pub gaps: usize,
    /// Starts of the daemon.
    pub starts: usize,
}

impl Totals {
    pub(super) fn of(record: &Record) -> Self {
        let mut totals = Self {
            runs: 1,
            starts: record.starts,
            ..Self::default()
        };
        let is_accepted = |sent: &&Sent| matches!(sent.fate, Fate::Accepted { .. });
        totals.accepted = record.sent.iter().filter(is_accepted).count();
        let subscribers = record.subscribers.iter();
        for note in subscribers.flat_map(|subscriber| &subscriber.notes) {
            match note {
                Note::Connected => totals.connections += 1,
                Note::Event { .. } => totals.events += 1,
                Note::Gap { .. } => totals.gaps += 1,
                Note::Begin {
                    from: From::Position(_),
                    ..
                } => totals.recovered += 1,
                _ => {}
            }
        }
        totals
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.accepted += other.accepted;
        self.events += other.events;
        self.connections += other.connections;
        self.recovered += other.recovered;
        self.gaps += other.gaps;
        self.starts += other.starts;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs: {} events accepted, {} received; {} connections, {} recovered subscriptions, {} gaps, \
             {} starts of the daemon",
            self.runs,
            self.accepted,
            self.events,
            self.connections,
            self.recovered,
            self.gaps,
            self.starts
        )
    }
}
