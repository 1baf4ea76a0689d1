//! What goes wrong in a run.

use super::plan::{Kind, SubscriberPlan};
use crate::random::Random;
use crate::relay::Direction;

/// A disaster and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The phase in which it happens.
    pub phase: usize,
    /// Number of phases that it lasts, if it lasts.
    pub lasts: usize,
    /// What happens.
    pub disaster: Disaster,
}

/// One disaster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disaster {
    /// The connection of a subscriber is reset.
    Cut(usize),
    /// The connection of a subscriber forwards nothing, and stays open. When the disaster is over, the client looks
    /// whether its connection still works.
    HalfOpen(usize, Direction),
    /// A subscriber reads nothing.
    Slow(usize),
    /// A subscriber closes its connection as a page does that is left, and connects again.
    Leave(usize),
    /// A `pushd.1` or `wamp` subscriber unsubscribes from the topic with this index of its own, and subscribes again.
    Resubscribe {
        /// The subscriber.
        subscriber: usize,
        /// Index of the topic among its own.
        topic: usize,
    },
    /// The connection of a publisher is reset while answers are due.
    CutPublisher(usize),
    /// The daemon is stopped (SIGSTOP) for this time, and continued.
    Freeze {
        /// The time.
        ms: u64,
    },
    /// The daemon ends on SIGTERM, and starts again after this time.
    Terminate {
        /// The time.
        down_ms: u64,
    },
    /// The daemon is killed (SIGKILL), and starts again after this time.
    Kill {
        /// The time.
        down_ms: u64,
    },
    /// Many events of one topic at once.
    Burst {
        /// The topic.
        topic: usize,
        /// Number of events.
        events: usize,
        /// Length of each.
        len: usize,
    },
}

impl Step {
    pub(super) fn new(
        phase: usize,
        subscribers: &[SubscriberPlan],
        publishers: usize,
        topics: usize,
        random: &mut Random,
    ) -> Self {
        let subscriber = random.below(subscribers.len());
        let disaster = match random.below(12) {
            0 | 1 => Disaster::Cut(subscriber),
            2 => {
                let directions = [Direction::Both, Direction::ToClient, Direction::ToServer];
                Disaster::HalfOpen(subscriber, *random.one_of(&directions))
            }
            3 => Disaster::Slow(subscriber),
            4 => Disaster::Leave(subscriber),
            5 | 6 => match subscribers[subscriber].kind {
                Kind::EventStream => Disaster::Leave(subscriber),
                Kind::Pushd1 | Kind::Wamp => Disaster::Resubscribe {
                    subscriber,
                    topic: random.below(subscribers[subscriber].topics.len()),
                },
            },
            7 => Disaster::CutPublisher(random.below(publishers)),
            8 => Disaster::Freeze {
                ms: random.below(300) as u64,
            },
            9 => Disaster::Terminate {
                down_ms: random.below(100) as u64,
            },
            10 => Disaster::Kill {
                down_ms: random.below(100) as u64,
            },
            _ => Disaster::Burst {
                topic: random.below(topics),
                events: [20, 200, 1100][random.below(3)],
                len: [10, 1_000, 5_000][random.below(3)],
            },
        };
        Self {
            phase,
            lasts: random.below(3),
            disaster,
        }
    }
}
