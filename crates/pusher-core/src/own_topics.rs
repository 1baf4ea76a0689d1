//! The topics that one session is subscribed to.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::hub::Topic;

/// A set. Most sessions have one topic, and there are very many sessions: the first one takes no
/// memory of its own.
#[derive(Debug, Default)]
pub(crate) struct OwnTopics {
    one: Option<Topic>,
    /// Made for the second topic. All the topics are in it then, and `one` is empty.
    #[expect(clippy::box_collection, reason = "the set without a box is 40 bytes")]
    many: Option<Box<HashSet<Topic, RandomState>>>,
}

impl OwnTopics {
    pub(crate) fn len(&self) -> usize {
        let many = self.many.as_ref().map_or(0, |many| many.len());
        many + usize::from(self.one.is_some())
    }

    pub(crate) fn insert(&mut self, topic: Topic) {
        match &mut self.many {
            Some(many) => {
                many.insert(topic);
            }
            None if self.one.is_none() => self.one = Some(topic),
            None => {
                let both = self.one.take().into_iter().chain([topic]);
                self.many = Some(Box::new(both.collect()));
            }
        }
    }

    pub(crate) fn remove(&mut self, topic: &str) {
        match &mut self.many {
            Some(many) => {
                many.remove(topic);
                if many.is_empty() {
                    self.many = None;
                }
            }
            None => {
                self.one.take_if(|one| **one == *topic);
            }
        }
    }
}

impl IntoIterator for OwnTopics {
    type Item = Topic;
    type IntoIter = Box<dyn Iterator<Item = Topic>>;

    fn into_iter(self) -> Self::IntoIter {
        let many = self.many.map(|many| *many).into_iter().flatten();
        Box::new(self.one.into_iter().chain(many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(topics: OwnTopics) -> Vec<Topic> {
        let mut topics: Vec<_> = topics.into_iter().collect();
        topics.sort();
        topics
    }

    #[test]
    fn it_is_a_set_whatever_its_size() {
        let mut topics = OwnTopics::default();
        let mut expected: Vec<Topic> = Vec::new();
        for topic in ["a", "b", "c"] {
            topics.insert(topic.into());
            topics.remove("unknown");
            expected.push(topic.into());
            assert_eq!(topics.len(), expected.len());
        }
        assert_eq!(sorted(topics), expected);

        let mut topics = OwnTopics::default();
        for topic in ["a", "b", "c"] {
            topics.insert(topic.into());
        }
        for topic in ["b", "a", "c", "c"] {
            topics.remove(topic);
        }
        assert_eq!(topics.len(), 0);
        topics.insert("d".into());
        assert_eq!(sorted(topics), ["d".into()]);
    }
}
