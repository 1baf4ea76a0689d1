//! The limits of the log in Redis. They are those of a node's own log.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::config::Limits;

/// Bytes that an entry takes in Redis beside its texts, about.
const ENTRY_COST: usize = 64;

/// Bytes that are trimmed together.
const GROUP_LEN: usize = 64 * 1024;

/// The log in Redis keeps at least this much, and for so long, for nodes that read slowly.
const LEN_MIN: usize = 1024 * 1024;
const AGE_MIN_MS: u64 = 60_000;

/// The entries of the log that a node has read, in groups.
#[derive(Debug, Default)]
pub(super) struct TrimLine(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: VecDeque<Group>,
    /// Bytes of all groups.
    len: usize,
}

#[derive(Debug)]
struct Group {
    /// Sequence number of its first entry.
    first: u64,
    /// Time of its last entry, in ms.
    last_ms: u64,
    len: usize,
}

impl TrimLine {
    /// Adds the newest entry.
    pub(super) fn add(&self, sequence: u64, len: usize, time_ms: u64) {
        let mut state = self.0.lock();
        let len = len + ENTRY_COST;
        state.len += len;
        match state.groups.back_mut() {
            Some(group) if group.len < GROUP_LEN => {
                group.len += len;
                group.last_ms = time_ms;
            }
            _ => state.groups.push_back(Group {
                first: sequence,
                last_ms: time_ms,
                len,
            }),
        }
    }

    /// Forgets all entries: another epoch has begun.
    pub(super) fn clear(&self) {
        *self.0.lock() = State::default();
    }

    /// Returns the sequence number of the first entry to keep. 0 keeps all.
    pub(super) fn line(&self, limits: &Limits, now_ms: u64) -> u64 {
        let len_max = limits.history_len_max.max(LEN_MIN);
        let age_max_ms = u64::try_from(limits.history_age_max.as_millis()).unwrap_or(u64::MAX);
        let oldest_ms = now_ms.saturating_sub(age_max_ms.max(AGE_MIN_MS));
        let mut state = self.0.lock();
        while state.groups.len() > 1
            && let Some(group) = state.groups.front()
            && (state.len > len_max || group.last_ms < oldest_ms)
        {
            state.len -= group.len;
            state.groups.pop_front();
        }
        state.groups.front().map_or(0, |group| group.first)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line_of(entries: &[(usize, u64)], now_ms: u64) -> u64 {
        let line = TrimLine::default();
        for (sequence, (len, time_ms)) in (1..).zip(entries) {
            line.add(sequence, *len, *time_ms);
        }
        let limits = Limits {
            history_len_max: 0,
            history_age_max: Duration::ZERO,
            ..Limits::default()
        };
        line.line(&limits, now_ms)
    }

    #[test]
    fn old_and_many_entries_are_trimmed() {
        let whole_group = GROUP_LEN - ENTRY_COST;
        let groups = LEN_MIN / GROUP_LEN;
        assert_eq!(line_of(&[], 0), 0);
        assert_eq!(line_of(&[(1, 0), (1, 0)], 0), 1);
        assert_eq!(line_of(&vec![(whole_group, 0); groups], 0), 1);
        assert_eq!(line_of(&vec![(whole_group, 0); groups + 2], 0), 3);
        let aged = [(whole_group, 0), (whole_group, 1), (whole_group, 2)];
        assert_eq!(line_of(&aged, AGE_MIN_MS + 1), 2);
        assert_eq!(line_of(&aged, AGE_MIN_MS * 9), 3, "the last group stays");
    }
}
