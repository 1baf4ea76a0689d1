//! The subscriptions of one session.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::connection::Topic;

/// A set of topics. Most sessions have one topic, which is stored without an allocation.
#[derive(Debug)]
pub(crate) enum Subscriptions {
    One(Topic),
    /// Any other number of topics. `None` is an empty set.
    Many(Option<Box<Many>>),
}

#[derive(Debug, Default)]
pub(crate) struct Many {
    topics: HashSet<Topic, RandomState>,
    bytes: usize,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self::Many(None)
    }
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(many) => many.as_ref().map_or(0, |many| many.topics.len()),
        }
    }

    /// Sum of the lengths of all topics, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::One(one) => one.len(),
            Self::Many(many) => many.as_ref().map_or(0, |many| many.bytes),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Topic> {
        let (one, many) = match self {
            Self::One(one) => (Some(one), None),
            Self::Many(many) => (None, many.as_ref()),
        };
        let many = many.into_iter().flat_map(|many| &many.topics);
        one.into_iter().chain(many)
    }

    pub(crate) fn contains(&self, topic: &str) -> bool {
        match self {
            Self::One(one) => **one == *topic,
            Self::Many(many) => many
                .as_ref()
                .is_some_and(|many| many.topics.contains(topic)),
        }
    }

    pub(crate) fn insert(&mut self, topic: Topic) {
        match self {
            Self::Many(Some(many)) => many.insert(topic),
            Self::Many(None) => *self = Self::One(topic),
            Self::One(one) => {
                let mut many = Box::<Many>::default();
                many.insert(one.clone());
                many.insert(topic);
                *self = Self::Many(Some(many));
            }
        }
    }

    pub(crate) fn remove(&mut self, topic: &str) {
        let is_empty = match self {
            Self::One(one) => **one == *topic,
            Self::Many(None) => false,
            Self::Many(Some(many)) => {
                many.remove(topic);
                many.topics.is_empty()
            }
        };
        if is_empty {
            *self = Self::default();
        }
    }
}

impl Many {
    fn insert(&mut self, topic: Topic) {
        let len = topic.len();
        if self.topics.insert(topic) {
            self.bytes += len;
        }
    }

    fn remove(&mut self, topic: &str) {
        if self.topics.remove(topic) {
            self.bytes -= topic.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(topics: &Subscriptions) -> Vec<Topic> {
        let mut topics: Vec<_> = topics.iter().cloned().collect();
        topics.sort();
        topics
    }

    #[test]
    fn set_of_any_size_keeps_count_and_bytes() {
        let mut topics = Subscriptions::default();
        let mut expected: Vec<Topic> = Vec::new();
        for topic in ["a", "b", "c"] {
            topics.insert(topic.into());
            topics.remove("unknown");
            expected.push(topic.into());
            assert_eq!(topics.len(), expected.len());
            assert_eq!(topics.bytes(), expected.len());
        }
        assert_eq!(sorted(&topics), expected);

        let mut topics = Subscriptions::default();
        for topic in ["a", "b", "c"] {
            topics.insert(topic.into());
        }
        for topic in ["b", "a", "c", "c"] {
            topics.remove(topic);
        }
        assert_eq!((topics.len(), topics.bytes()), (0, 0));
        topics.insert("d".into());
        assert_eq!(sorted(&topics), [Topic::from("d")]);
    }
}
