//! Checks of the events and gaps that followers have heard.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::dialect::Dialect;
use super::follower::Follower;
use super::heard::Heard;
use super::load::Published;
use crate::simulator::Position;

/// The events of a topic, by their positions.
type Truth = BTreeMap<Position, u64>;

fn truth(published: &[Published], topic: &str) -> Truth {
    let its = published.iter().filter(|one| one.topic == topic);
    its.map(|one| (one.position, one.payload)).collect()
}

/// Waits until all followers have heard the last event, or of a gap behind it.
#[track_caller]
pub fn wait_for_last(followers: &[Follower], published: &[Published]) {
    let last = published.last().expect("an event");
    followers
        .iter()
        .for_each(|follower| follower.wait_for(last));
}

/// Waits until all followers have heard the last event, or of a gap. Checks that each has every event or has heard of a gap,
/// and that no position stands for two events.
#[track_caller]
pub fn all_are_told(followers: &[Follower], topic: &str, begin: &str, published: &[Published]) {
    wait_for_last(followers, published);
    one_event_per_position(followers, published);
    for follower in followers {
        complete_or_gap(follower, topic, begin, published);
    }
}

/// Checks that a follower has every event once, in the order of the receipts, and has heard of no gap. A resumed client may
/// have some events several times.
#[track_caller]
pub fn complete(follower: &Follower, topic: &str, published: &[Published]) {
    let dialect = follower.dialect;
    assert_eq!(follower.gaps(), 0, "{dialect:?}");
    let wanted: Vec<u64> = truth(published, topic).into_values().collect();
    let mut heard = follower.payloads();
    if matches!(dialect, Dialect::Resumed(_)) {
        let mut known = BTreeSet::new();
        heard.retain(|payload| known.insert(*payload));
    }
    let differs = (0..wanted.len().max(heard.len())).find(|&n| wanted.get(n) != heard.get(n));
    assert_eq!(
        differs,
        None,
        "{dialect:?}: {} published, {} heard, and they differ there",
        wanted.len(),
        heard.len()
    );
}

/// Checks that no position stands for two events, in all that followers and publishers have seen.
#[track_caller]
pub fn one_event_per_position(followers: &[Follower], published: &[Published]) {
    let mut known: HashMap<Position, u64> = HashMap::new();
    let receipts = published.iter().map(|one| (one.position, one.payload));
    let heard = followers.iter().flat_map(Follower::heard);
    let events = heard.filter_map(|heard| match heard {
        Heard::Event { position, payload } => Some((position?, payload)),
        Heard::Gap(_) => None,
    });
    for (position, payload) in receipts.chain(events) {
        let first = *known.entry(position).or_insert(payload);
        assert_eq!(first, payload, "two events at {position}");
    }
}

/// Checks that a follower that subscribed at `begin` has every event with a receipt, or has heard of a gap.
#[track_caller]
pub fn complete_or_gap(follower: &Follower, topic: &str, begin: &str, published: &[Published]) {
    let truth = truth(published, topic);
    let positions: HashMap<u64, Position> = truth.iter().map(|(at, id)| (*id, *at)).collect();
    let begin = Position::parse(begin).unwrap_or_else(|error| panic!("{error}"));
    let mut part = Part::new(begin);
    for heard in follower.heard() {
        match heard {
            Heard::Event { position, payload } => {
                // A resumed client does not know the position. That of a publish without a receipt is unknown.
                let Some(at) = position.or_else(|| positions.get(&payload).copied()) else {
                    continue;
                };
                // An event that was sent again has its last position here, and may have come with an earlier one.
                let is_guessed = position.is_none() && at.epoch != part.begin.epoch;
                if !is_guessed {
                    part.add(at, follower.dialect);
                }
            }
            Heard::Gap(at) => {
                part.check(&truth, follower.dialect);
                part = Part::new(at);
            }
        }
    }
    if let Some((&last, _)) = truth.last_key_value() {
        assert!(
            part.last() >= last,
            "{:?}: it has not come to the end",
            follower.dialect
        );
    }
    part.check(&truth, follower.dialect);
}

/// The events between two gaps.
struct Part {
    begin: Position,
    heard: BTreeSet<Position>,
}

impl Part {
    fn new(begin: Position) -> Self {
        Self {
            begin,
            heard: BTreeSet::new(),
        }
    }

    fn last(&self) -> Position {
        self.heard.last().copied().unwrap_or(self.begin)
    }

    #[track_caller]
    fn add(&mut self, at: Position, dialect: Dialect) {
        let is_again = at <= self.last();
        let may_be_again = matches!(dialect, Dialect::Resumed(_));
        assert!(
            !is_again || may_be_again,
            "{dialect:?}: {at} after {}",
            self.last()
        );
        assert!(
            at.epoch == self.begin.epoch,
            "{dialect:?}: {at} without a gap after {}",
            self.begin
        );
        self.heard.insert(at);
    }

    #[track_caller]
    fn check(&self, truth: &Truth, dialect: Dialect) {
        let Some(&last) = self.heard.last() else {
            return;
        };
        // A resumed client gets the events before its gap, too, that it had not confirmed.
        let begin = self.begin.min(last);
        let missing: Vec<_> = truth
            .range(begin..=last)
            .filter(|(at, _)| **at > begin && !self.heard.contains(at))
            .collect();
        assert!(
            missing.is_empty(),
            "{dialect:?}: missing between {begin} and {last}: {missing:?}"
        );
    }
}
