//! The topics of a session by their numbers.

use crate::connection::{Topic, wamp2_subscription};

/// The topics to which a session is subscribed, in the order of their numbers. Most sessions have one or none.
#[derive(Debug, Default)]
pub(crate) struct NumberedTopics(Vec<(u64, Topic)>);

impl NumberedTopics {
    pub(super) fn get(&self, number: u64) -> Option<&Topic> {
        let index = self.find(number).ok()?;
        Some(&self.0[index].1)
    }

    /// Adds a topic, unless its number is there.
    pub(super) fn insert(&mut self, number: u64, topic: Topic) {
        if let Err(index) = self.find(number) {
            if self.0.is_empty() {
                // Otherwise there would be room for four.
                self.0.reserve_exact(1);
            }
            self.0.insert(index, (number, topic));
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Topic> {
        let index = self.find(number).ok()?;
        Some(self.0.remove(index).1)
    }

    /// Returns numbers and topics for another process.
    pub(super) fn hand_over(&self) -> Vec<(u64, String)> {
        let topics = self.0.iter();
        topics
            .map(|(number, topic)| (*number, topic.to_string()))
            .collect()
    }

    /// Continues with the topics of another process. `None` if one has another number here: the client does not know the
    /// number that the next event would have.
    pub(super) fn take_over(topics: Vec<(u64, String)>) -> Option<Self> {
        let mut taken = Self::default();
        for (number, topic) in topics {
            if number != wamp2_subscription(&topic) {
                return None;
            }
            taken.insert(number, topic.as_str().into());
        }
        Some(taken)
    }

    fn find(&self, number: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |&(number, _)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_found_by_their_numbers() {
        let mut topics = NumberedTopics::default();
        for (number, topic) in [(5, "five"), (1, "one"), (3, "three"), (3, "other")] {
            topics.insert(number, topic.into());
        }
        for (number, topic) in [(1, Some("one")), (2, None), (3, Some("three"))] {
            assert_eq!(topics.get(number).map(|topic| &**topic), topic);
        }
        assert_eq!(topics.remove(3).as_deref(), Some("three"));
        assert_eq!(topics.remove(3), None);
        assert_eq!(topics.get(5).map(|topic| &**topic), Some("five"));
    }

    #[test]
    fn topics_of_another_process_need_the_numbers_of_this_one() {
        let number = wamp2_subscription("a");
        let taken = |number| NumberedTopics::take_over(vec![(number, "a".to_owned())]);
        assert_eq!(
            taken(number).unwrap().get(number).map(|topic| &**topic),
            Some("a")
        );
        assert!(taken(number + 1).is_none());
    }
}
