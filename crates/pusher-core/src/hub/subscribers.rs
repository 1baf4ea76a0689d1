//! The subscribers of one topic in one shard.
//!
//! A subscriber is *live* if it gets every event of the fan-out, and *waiting* if it already has the events up to some
//! sequence number: it has just subscribed, or it reads older events from the log. A waiting subscriber becomes live when
//! a round begins behind its number. So nothing is missed or doubled, and a round need not compare numbers for each
//! subscriber.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::sessions::{ById, Sessions};
use crate::connection::{Encoding, Session};

#[derive(Debug, Default)]
pub(super) struct Subscribers {
    /// The live subscribers by encoding. A round of the fan-out keeps the sets that it started with. A set is copied only
    /// if a subscriber is added or removed during the round.
    live: [Option<Arc<Sessions>>; Encoding::COUNT],
    waiting: IndexMap<ById, Progress, RandomState>,
}

/// The events that a waiting subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The subscriber has all events up to this sequence number.
    pub(crate) after: u64,
    /// The subscriber reads from the log. The fan-out skips it.
    pub(crate) is_reading: bool,
}

/// The subscribers of one round.
#[derive(Debug, Default)]
pub(super) struct RoundSubscribers {
    /// Those that get all events of the round.
    pub(super) live: Vec<(Encoding, Arc<Sessions>)>,
    /// Those that get only the events behind a sequence number.
    pub(super) late: Vec<(Session, u64)>,
}

impl Subscribers {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.live.iter().all(Option::is_none)
    }

    pub(super) fn contains(&self, session: &Session) -> bool {
        self.waiting.contains_key(&session.id()) || self.is_live(session)
    }

    pub(super) fn len(&self) -> usize {
        let live = self.live.iter().flatten().map(|live| live.len());
        live.sum::<usize>() + self.waiting.len()
    }

    pub(super) fn is_live(&self, session: &Session) -> bool {
        let live = self.live_set(session.connection().encoding());
        live.is_some_and(|live| live.contains(&session.id()))
    }

    /// Returns the live subscribers with an encoding.
    pub(super) fn live_set(&self, encoding: Encoding) -> Option<&Arc<Sessions>> {
        self.live[encoding.position()].as_ref()
    }

    pub(super) fn add_live(&mut self, session: &Session) {
        let encoding = session.connection().encoding();
        let live = self.live[encoding.position()].get_or_insert_default();
        Arc::make_mut(live).insert(ById(session.clone()));
    }

    pub(super) fn add_waiting(&mut self, session: &Session, progress: Progress) {
        self.waiting.insert(ById(session.clone()), progress);
    }

    /// Removes a subscriber. Returns whether it was one.
    pub(super) fn remove(&mut self, session: &Session) -> bool {
        self.waiting.swap_remove(&session.id()).is_some() || self.remove_live(session)
    }

    fn remove_live(&mut self, session: &Session) -> bool {
        let live = &mut self.live[session.connection().encoding().position()];
        let Some(sessions) = live else {
            return false;
        };
        if !sessions.contains(&session.id()) {
            return false;
        }
        if sessions.len() == 1 {
            *live = None;
        } else {
            Arc::make_mut(sessions).swap_remove(&session.id());
        }
        true
    }

    /// Makes a subscriber read from the log behind `after`, if it does not read already.
    pub(super) fn fall_behind(&mut self, session: &Session, after: u64) {
        let progress = self.progress(session);
        let is_reading = progress.is_some_and(|progress| progress.is_reading);
        if !is_reading && (progress.is_some() || self.remove_live(session)) {
            let progress = Progress {
                after,
                is_reading: true,
            };
            self.add_waiting(session, progress);
        }
    }

    pub(super) fn progress(&self, session: &Session) -> Option<Progress> {
        self.waiting.get(&session.id()).copied()
    }

    pub(super) fn set_progress(&mut self, session: &Session, progress: Progress) {
        if let Some(known) = self.waiting.get_mut(&session.id()) {
            *known = progress;
        }
    }

    /// Returns the subscribers of a round with the events from `first` to `last`.
    pub(super) fn begin_round(&mut self, first: u64, last: u64) -> RoundSubscribers {
        let late = match self.waiting.is_empty() {
            true => Vec::new(),
            false => self.admit(first, last),
        };
        let live = Encoding::all()
            .filter_map(|encoding| Some((encoding, self.live_set(encoding)?.clone())));
        RoundSubscribers {
            live: live.collect(),
            late,
        }
    }

    /// Makes waiting subscribers live that need all events from `first`. Returns those that need only a part.
    fn admit(&mut self, first: u64, last: u64) -> Vec<(Session, u64)> {
        let mut late = Vec::new();
        let mut admitted = Vec::new();
        self.waiting.retain(|ById(session), progress| {
            if progress.is_reading {
                return true;
            }
            if progress.after < first {
                admitted.push(session.clone());
                return false;
            }
            if progress.after < last {
                late.push((session.clone(), progress.after));
                progress.after = last;
            }
            true
        });
        for session in admitted {
            self.add_live(&session);
        }
        if self.waiting.is_empty() {
            // Frees its memory.
            self.waiting = IndexMap::default();
        }
        late
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        let live = self.live.iter().flatten().flat_map(|live| live.iter());
        live.chain(self.waiting.keys()).map(|ById(session)| session)
    }
}
