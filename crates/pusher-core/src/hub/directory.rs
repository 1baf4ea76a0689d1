//! The topics that have subscribers, and the number of subscribers per shard.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::connection::Topic;

/// All topics that have a subscriber.
///
/// Forgets a topic with its last subscriber, so topics without subscribers take no memory. The hub keeps it behind the
/// lock that orders events: see [`hub`](super).
#[derive(Debug)]
pub(super) struct Directory {
    topics: HashMap<Topic, Entry, RandomState>,
    shards: usize,
    /// Topics whose number of subscribers has changed, for each reader that takes them.
    changed: [Option<HashSet<Topic, RandomState>>; 2],
}

/// A task that takes the topics whose number of subscribers has changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ChangeReader {
    /// Reports them to the other nodes.
    Nodes,
    /// Tells the site about its channels.
    Webhooks,
}

#[derive(Debug)]
struct Entry {
    /// Number of subscribers, by index of their shard.
    subscribers_by_shard: Box<[u32]>,
}

/// The shards to which an event of one topic goes.
pub(super) struct Destinations<'a> {
    pub(super) topic: &'a Topic,
    entry: &'a Entry,
}

impl Directory {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            topics: HashMap::default(),
            shards,
            changed: [None, None],
        }
    }

    /// Returns the destinations of an event. `None` if the topic has no subscribers.
    pub(super) fn destinations(&self, topic: &str) -> Option<Destinations<'_>> {
        let (topic, entry) = self.topics.get_key_value(topic)?;
        Some(Destinations { topic, entry })
    }

    /// Counts a subscriber. Returns the shared copy of the topic's name.
    pub(super) fn subscribe(&mut self, topic: &str, shard: usize) -> Topic {
        if let Some((known, _)) = self.topics.get_key_value(topic) {
            let known = known.clone();
            self.add(known.clone(), shard);
            return known;
        }
        let topic: Topic = Arc::from(topic);
        self.add(topic.clone(), shard);
        topic
    }

    fn add(&mut self, topic: Topic, shard: usize) {
        for changed in self.changed.iter_mut().flatten() {
            changed.insert(topic.clone());
        }
        let entry = self.topics.entry(topic).or_insert_with(|| Entry {
            subscribers_by_shard: vec![0; self.shards].into(),
        });
        entry.subscribers_by_shard[shard] += 1;
    }

    /// Removes a subscriber. Forgets the topic if it was the last one.
    pub(super) fn unsubscribe(&mut self, topic: &str, shard: usize) {
        for changed in self.changed.iter_mut().flatten() {
            if !changed.contains(topic)
                && let Some((topic, _)) = self.topics.get_key_value(topic)
            {
                changed.insert(topic.clone());
            }
        }
        let Some(entry) = self.topics.get_mut(topic) else {
            return;
        };
        entry.subscribers_by_shard[shard] -= 1;
        if entry.subscribers() == 0 {
            self.topics.remove(topic);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    /// Returns every topic, and the shards that have subscribers.
    pub(super) fn all_destinations(&self) -> impl Iterator<Item = (&Topic, Vec<usize>)> {
        let topics = self.topics.iter();
        topics.map(|(topic, entry)| {
            let destinations = Destinations { topic, entry };
            (topic, destinations.shards().collect())
        })
    }

    /// Returns the topics whose numbers of subscribers have changed since the reader's last call, with these numbers, or
    /// those of all topics.
    pub(super) fn take_changed(
        &mut self,
        reader: ChangeReader,
        is_full: bool,
    ) -> Vec<(Topic, u64)> {
        let changed = self.changed[reader as usize].replace(HashSet::default());
        match changed.filter(|_| !is_full) {
            None => self.topics_with(""),
            Some(changed) => changed
                .into_iter()
                .map(|topic| {
                    let subscribers = self.subscribers(&topic);
                    (topic, subscribers)
                })
                .collect(),
        }
    }

    /// Forgets the changes for a reader until its next call.
    pub(super) fn stop_changes(&mut self, reader: ChangeReader) {
        self.changed[reader as usize] = None;
    }

    /// Returns every topic that begins with `prefix`, with its number of subscribers.
    pub(super) fn topics_with(&self, prefix: &str) -> Vec<(Topic, u64)> {
        let topics = self.topics.iter();
        topics
            .filter(|(topic, _)| topic.starts_with(prefix))
            .map(|(topic, entry)| (topic.clone(), entry.subscribers()))
            .collect()
    }

    /// Returns the `n` topics with the most subscribers, largest first. Equal ones are sorted by name.
    pub(super) fn largest(&self, n: usize) -> Vec<(Topic, u64)> {
        // A heap of the `n` largest topics so far, with the smallest of them on top, to be replaced.
        let mut largest = BinaryHeap::with_capacity(n.min(self.topics.len()));
        for (topic, entry) in &self.topics {
            let candidate = Reverse((entry.subscribers(), Reverse(topic)));
            if largest.len() < n {
                largest.push(candidate);
            } else if let Some(mut smallest) = largest.peek_mut()
                && candidate < *smallest
            {
                *smallest = candidate;
            }
        }
        let sorted = largest.into_sorted_vec().into_iter();
        sorted
            .map(|Reverse((subscribers, Reverse(topic)))| (topic.clone(), subscribers))
            .collect()
    }

    pub(super) fn subscribers(&self, topic: &str) -> u64 {
        self.topics.get(topic).map_or(0, Entry::subscribers)
    }
}

impl Entry {
    fn subscribers(&self) -> u64 {
        let counts = self.subscribers_by_shard.iter();
        counts.map(|&count| u64::from(count)).sum()
    }
}

impl Destinations<'_> {
    pub(super) fn subscribers(&self) -> u64 {
        self.entry.subscribers()
    }

    /// Returns the index of each shard that has subscribers.
    pub(super) fn shards(&self) -> impl Iterator<Item = usize> {
        let counts = self.entry.subscribers_by_shard.iter().enumerate();
        counts.filter_map(|(shard, &count)| (count > 0).then_some(shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(directory: &Directory, topic: &str) -> Option<(u64, Vec<usize>)> {
        let found = directory.destinations(topic)?;
        Some((found.subscribers(), found.shards().collect()))
    }

    #[test]
    fn destinations_are_the_shards_with_subscribers() {
        let mut directory = Directory::new(3);
        directory.subscribe("a", 2);
        directory.subscribe("a", 2);
        directory.subscribe("a", 0);
        assert_eq!(destinations(&directory, "a"), Some((3, vec![0, 2])));
        directory.unsubscribe("a", 0);
        assert_eq!(destinations(&directory, "a"), Some((2, vec![2])));
        assert_eq!(directory.topics_with(""), [("a".into(), 2)]);
        assert_eq!(directory.topics_with("b"), []);
        assert_eq!(destinations(&directory, "b"), None);
    }

    #[test]
    fn largest_topics_are_sorted_by_subscribers_then_name() {
        let mut directory = Directory::new(1);
        for (topic, subscribers) in [("a", 1), ("b", 3), ("c", 1), ("d", 2), ("e", 1)] {
            for _ in 0..subscribers {
                directory.subscribe(topic, 0);
            }
        }
        let largest = |n| directory.largest(n);
        assert_eq!(largest(0), []);
        assert_eq!(largest(2), [("b".into(), 3), ("d".into(), 2)]);
        let names: Vec<_> = largest(4).into_iter().map(|(topic, _)| topic).collect();
        assert_eq!(names, ["b", "d", "a", "c"].map(Topic::from));
        assert_eq!(largest(9).len(), 5);
    }

    #[test]
    fn each_reader_takes_all_changes() {
        let mut directory = Directory::new(1);
        let take = |directory: &mut Directory, reader| {
            let mut changed = directory.take_changed(reader, false);
            changed.sort();
            changed
        };
        let topics = |counts: &[(&str, u64)]| -> Vec<(Topic, u64)> {
            let counts = counts.iter();
            counts
                .map(|&(topic, count)| (topic.into(), count))
                .collect()
        };
        directory.subscribe("a", 0);
        let (nodes, webhooks) = (ChangeReader::Nodes, ChangeReader::Webhooks);
        assert_eq!(take(&mut directory, webhooks), topics(&[("a", 1)]));
        directory.subscribe("a", 0);
        assert_eq!(take(&mut directory, nodes), topics(&[("a", 2)]));
        directory.unsubscribe("a", 0);
        directory.subscribe("b", 0);
        directory.unsubscribe("b", 0);
        let changed = topics(&[("a", 1), ("b", 0)]);
        assert_eq!(take(&mut directory, webhooks), changed);
        assert_eq!(take(&mut directory, webhooks), []);
        assert_eq!(take(&mut directory, nodes), changed);
        directory.stop_changes(webhooks);
        directory.unsubscribe("a", 0);
        assert_eq!(take(&mut directory, webhooks), [], "no topic is left");
        assert_eq!(take(&mut directory, nodes), topics(&[("a", 0)]));
    }

    #[test]
    fn idle_topics_are_forgotten() {
        let mut directory = Directory::new(1);
        directory.subscribe("a", 0);
        directory.unsubscribe("a", 0);
        directory.unsubscribe("unknown", 0);
        assert_eq!(directory.len(), 0);
    }
}
