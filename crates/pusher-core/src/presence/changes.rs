//! The changes of members, for webhooks.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::event::Change;

/// The changes since the last call of [`take`](Self::take), in order.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Option<Recorded>>);

/// Recorded changes of members.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Topics and changes, oldest first.
    pub(crate) changes: VecDeque<(Box<str>, Change)>,
    /// Number of older changes that were dropped.
    pub(crate) dropped: u64,
}

impl Changes {
    /// Records a change, if somebody takes it. At `max` changes, the oldest is dropped.
    pub(super) fn record(&self, topic: &str, change: &Change, max: usize) {
        if let Some(recorded) = &mut *self.0.lock() {
            recorded.push(topic, change.clone(), max);
        }
    }

    /// Returns the changes since the last call. `None` at the first call: from then on, changes are recorded.
    pub(super) fn take(&self) -> Option<Recorded> {
        self.0.lock().replace(Recorded::default())
    }

    /// Forgets all changes until the next call of [`take`](Self::take).
    pub(super) fn stop(&self) {
        *self.0.lock() = None;
    }
}

impl Recorded {
    pub(super) fn push(&mut self, topic: &str, change: Change, max: usize) {
        self.changes.push_back((topic.into(), change));
        if self.changes.len() > max {
            self.changes.pop_front();
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Member;
    use super::*;

    fn left(sub: &str) -> Change {
        Change::Left(Member {
            sub: sub.into(),
            info: None,
            issued_s: 0,
        })
    }

    #[test]
    fn changes_are_recorded_between_two_calls() {
        let changes = Changes::default();
        changes.record("t", &left("nobody takes it"), 2);
        assert!(changes.take().is_none());
        for sub in ["1", "2", "3"] {
            changes.record("t", &left(sub), 2);
        }
        let recorded = changes.take().unwrap();
        assert_eq!(recorded.dropped, 1);
        assert_eq!(recorded.changes.len(), 2);
        assert!(matches!(&recorded.changes[0].1, Change::Left(member) if &*member.sub == "2"));
        assert!(changes.take().unwrap().changes.is_empty());
        changes.stop();
        changes.record("t", &left("4"), 2);
        assert!(changes.take().is_none());
    }
}
