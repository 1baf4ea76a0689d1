//! The decisions about a subscriber.

use crate::random::Random;

/// Names of the topics. They need escapes in JSON or in a query.
pub(super) const TOPICS: [&str; 4] = ["news", "chat/猫", "a&b \"c\"", "x:%41"];

/// One subscriber.
#[derive(Debug, Clone)]
pub struct SubscriberPlan {
    /// Its protocol.
    pub kind: Kind,
    /// Indexes of its topics.
    pub topics: Vec<usize>,
    /// Whether it begins with the position that its site gave it.
    pub has_position: bool,
}

/// The protocols of subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// WAMP v1 with recovery.
    Pushd1,
    /// WAMP v1 with a resume value.
    Wamp,
    /// Server-Sent Events.
    EventStream,
}

/// A wrong observation, of some event after the first `after` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaw {
    /// Index of the subscriber.
    pub subscriber: usize,
    /// Number of correct events before it.
    pub after: usize,
    /// What is wrong.
    pub kind: FlawKind,
}

/// What a subscriber with a [`Flaw`] reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlawKind {
    /// One event is missing.
    Drop,
    /// One event comes twice.
    Double,
    /// Two events of a topic change places.
    Swap,
}

impl SubscriberPlan {
    pub(super) fn new(index: usize, topics: usize, random: &mut Random) -> Self {
        // Every run has all three kinds.
        let kinds = [Kind::Pushd1, Kind::Wamp, Kind::EventStream];
        let kind = match index {
            0..3 => kinds[index],
            _ => *random.one_of(&kinds),
        };
        let mut wanted: Vec<usize> = (0..topics).filter(|_| !random.once_in(3)).collect();
        if wanted.is_empty() {
            wanted.push(random.below(topics));
        }
        Self {
            kind,
            topics: wanted,
            has_position: !random.once_in(3),
        }
    }
}
