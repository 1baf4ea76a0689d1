//! The channels that have subscribers, as the site knows them.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use pusher_proto::channels::Channel;

use crate::connection::Topic;

/// The channels of which the site was told that they are occupied.
///
/// A channel is vacated if it has no subscriber and no member at two looks, so a page that is loaded again tells nothing.
#[derive(Debug, Default)]
pub(super) struct Channels {
    occupied: HashSet<Topic, RandomState>,
    /// The occupied channels that had no subscribers at the last look.
    empty: HashSet<Topic, RandomState>,
    /// No look has been at the channels of another process yet.
    is_taken_over: bool,
}

/// The changes between two looks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) occupied: Vec<Topic>,
    pub(super) vacated: Vec<Topic>,
}

impl Channels {
    /// Returns the channels that are occupied as the site knows.
    pub(super) fn hand_over(&self) -> Vec<String> {
        self.occupied
            .iter()
            .map(|topic| topic.to_string())
            .collect()
    }

    /// Continues with the channels of another process. The first look must have all topics with subscribers.
    pub(super) fn take_over(occupied: Vec<String>) -> Self {
        let occupied = occupied.iter().map(|topic| topic.as_str().into());
        Self {
            occupied: occupied.collect(),
            empty: HashSet::default(),
            is_taken_over: true,
        }
    }

    /// Returns the channels that were empty at the last look and have no members. Call it before the changes of members are
    /// taken, so that a channel is vacated behind its last member.
    pub(super) fn candidates(&self, has_members: impl Fn(&str) -> bool) -> Vec<Topic> {
        let empty = self.empty.iter();
        let candidates = empty.filter(|topic| !has_members(topic));
        candidates.cloned().collect()
    }

    /// Records the topics whose numbers of subscribers have changed since the last look, with these numbers.
    pub(super) fn update(
        &mut self,
        candidates: Vec<Topic>,
        changed: &[(Topic, u64)],
    ) -> Difference {
        let mut difference = Difference::default();
        if std::mem::take(&mut self.is_taken_over) {
            self.empty = self.occupied.clone();
        }
        for (topic, subscribers) in changed {
            if Channel::parse(topic).is_err() {
                continue;
            }
            if *subscribers > 0 {
                self.empty.remove(topic);
                if self.occupied.insert(topic.clone()) {
                    difference.occupied.push(topic.clone());
                }
            } else if self.occupied.contains(topic) {
                self.empty.insert(topic.clone());
            }
        }
        for topic in candidates {
            // It may have a subscriber again.
            if self.empty.remove(&topic) {
                self.occupied.remove(&topic);
                difference.vacated.push(topic);
            }
        }
        difference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One look at topics whose numbers of subscribers have changed.
    fn look(
        channels: &mut Channels,
        changed: &[(&str, u64)],
        members_in: &[&str],
    ) -> (Vec<String>, Vec<String>) {
        let candidates = channels.candidates(|topic| members_in.contains(&topic));
        let changed = changed.iter().map(|&(topic, count)| (topic.into(), count));
        let difference = channels.update(candidates, &changed.collect::<Vec<_>>());
        let names = |topics: Vec<Topic>| topics.iter().map(ToString::to_string).collect();
        (names(difference.occupied), names(difference.vacated))
    }

    fn occupied(name: &str) -> (Vec<String>, Vec<String>) {
        (vec![name.to_owned()], vec![])
    }

    fn vacated(name: &str) -> (Vec<String>, Vec<String>) {
        (vec![], vec![name.to_owned()])
    }

    fn nothing() -> (Vec<String>, Vec<String>) {
        (vec![], vec![])
    }

    #[test]
    fn a_channel_is_occupied_once_and_vacated_at_the_second_look() {
        let mut channels = Channels::default();
        assert_eq!(look(&mut channels, &[("a", 1)], &[]), occupied("a"));
        assert_eq!(look(&mut channels, &[("a", 2)], &[]), nothing());
        assert_eq!(look(&mut channels, &[("a", 0)], &[]), nothing());
        assert_eq!(look(&mut channels, &[], &[]), vacated("a"));
        assert_eq!(look(&mut channels, &[], &[]), nothing());
        assert_eq!(look(&mut channels, &[("a", 1)], &[]), occupied("a"));
    }

    #[test]
    fn a_short_visit_or_absence_is_no_change() {
        let mut channels = Channels::default();
        assert_eq!(look(&mut channels, &[("a", 0)], &[]), nothing());
        assert_eq!(look(&mut channels, &[], &[]), nothing());
        look(&mut channels, &[("a", 1)], &[]);
        assert_eq!(look(&mut channels, &[("a", 0)], &[]), nothing());
        assert_eq!(look(&mut channels, &[("a", 1)], &[]), nothing());
        assert_eq!(look(&mut channels, &[], &[]), nothing());
        // It came and left again between two looks.
        look(&mut channels, &[("a", 0)], &[]);
        assert_eq!(look(&mut channels, &[("a", 0)], &[]), vacated("a"));
        assert_eq!(look(&mut channels, &[], &[]), nothing());
    }

    #[test]
    fn the_channels_of_another_process_have_two_looks_too() {
        let names = ["a", "b"].map(str::to_owned).to_vec();
        let mut channels = Channels::take_over(names);
        assert_eq!(look(&mut channels, &[("a", 1)], &[]), nothing());
        assert_eq!(look(&mut channels, &[], &[]), vacated("b"));
        assert_eq!(look(&mut channels, &[], &[]), nothing());
    }

    #[test]
    fn a_channel_with_members_is_occupied() {
        let mut channels = Channels::default();
        let name = "presence-a";
        look(&mut channels, &[(name, 1)], &[name]);
        look(&mut channels, &[(name, 0)], &[name]);
        assert_eq!(look(&mut channels, &[], &[name]), nothing());
        assert_eq!(look(&mut channels, &[], &[]), vacated(name));
    }

    #[test]
    fn topics_that_are_no_channels_are_ignored() {
        let mut channels = Channels::default();
        let changed = [("http://example.com/a", 1), ("pushd:presence:a", 1)];
        assert_eq!(look(&mut channels, &changed, &[]), nothing());
    }
}
