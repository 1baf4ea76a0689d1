//! The subscriptions of one session.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::connection::Topic;

/// A set of topics. Most sessions have one topic, so the first topic is stored without an allocation.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    one: Option<Topic>,
    /// Allocated for the second topic. Then it holds all topics, and `one` is empty.
    many: Option<Box<Many>>,
}

#[derive(Debug, Default)]
struct Many {
    topics: HashSet<Topic, RandomState>,
    bytes: usize,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        let many = self.many.as_ref().map_or(0, |many| many.topics.len());
        many + usize::from(self.one.is_some())
    }

    /// Sum of the lengths of all topics, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let many = self.many.as_ref().map_or(0, |many| many.bytes);
        many + self.one.as_ref().map_or(0, |one| one.len())
    }

    pub(crate) fn insert(&mut self, topic: Topic) {
        match &mut self.many {
            Some(many) => many.insert(topic),
            None => match self.one.take() {
                None => self.one = Some(topic),
                Some(first) => {
                    let many = self.many.insert(Box::default());
                    many.insert(first);
                    many.insert(topic);
                }
            },
        }
    }

    pub(crate) fn remove(&mut self, topic: &str) {
        match &mut self.many {
            Some(many) => {
                many.remove(topic);
                if many.topics.is_empty() {
                    self.many = None;
                }
            }
            None => {
                self.one.take_if(|one| **one == *topic);
            }
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

impl IntoIterator for Subscriptions {
    type Item = Topic;
    type IntoIter = Box<dyn Iterator<Item = Topic>>;

    fn into_iter(self) -> Self::IntoIter {
        let many = self.many.map(|many| many.topics).into_iter().flatten();
        Box::new(self.one.into_iter().chain(many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(topics: Subscriptions) -> Vec<Topic> {
        let mut topics: Vec<_> = topics.into_iter().collect();
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
        assert_eq!(sorted(topics), expected);

        let mut topics = Subscriptions::default();
        for topic in ["a", "b", "c"] {
            topics.insert(topic.into());
        }
        for topic in ["b", "a", "c", "c"] {
            topics.remove(topic);
        }
        assert_eq!((topics.len(), topics.bytes()), (0, 0));
        topics.insert("d".into());
        assert_eq!(sorted(topics), [Topic::from("d")]);
    }
}
