//! What goes wrong in a run.

use super::state::Damage;
use super::subscriber_plan::{Kind, SubscriberPlan};
use crate::random::Random;
use crate::relay::Direction;

/// A disaster and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The phase in which it happens.
    pub phase: usize,
    /// Number of phases that it lasts, if it lasts.
    pub lasts: usize,
    /// The node to which it happens. The first subscriber that connects again uses it, the next one the next node.
    pub node: usize,
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
    /// A subscriber closes its connection, and another page takes its place: it has no position, or the present one.
    NewPage(usize),
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
        /// What happens to its files meanwhile.
        damage: Option<Damage>,
    },
    /// The daemon is killed (SIGKILL), and starts again after this time.
    Kill {
        /// The time.
        down_ms: u64,
        /// What happens to its files meanwhile.
        damage: Option<Damage>,
    },
    /// The disk is full.
    FullDisk,
    /// Redis fails.
    Redis(RedisDisaster),
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

/// A failure of the Redis that several nodes share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisDisaster {
    /// It closes all connections.
    KillClients,
    /// It is stopped (SIGSTOP) for this time, and continued.
    Freeze {
        /// The time.
        ms: u64,
    },
    /// It is killed (SIGKILL), and starts again after this time without its data.
    Kill {
        /// The time.
        down_ms: u64,
    },
    /// Somebody deletes all keys.
    Flush,
}

impl RedisDisaster {
    fn some(random: &mut Random) -> Self {
        match random.below(6) {
            0..3 => Self::KillClients,
            3 => Self::Freeze {
                ms: random.below(300) as u64,
            },
            4 => Self::Kill {
                down_ms: random.below(100) as u64,
            },
            _ => Self::Flush,
        }
    }
}

impl Disaster {
    /// Whether it is one of the state directory. A torn tail of a killed daemon is none: the next one cuts it off. Behind
    /// the end that a daemon writes on SIGTERM, it is damage.
    pub(super) fn is_of_disk(&self) -> bool {
        match self {
            Self::FullDisk => true,
            Self::Terminate { damage, .. } => damage.is_some(),
            Self::Kill { damage, .. } => !matches!(damage, None | Some(Damage::TornTail { .. })),
            _ => false,
        }
    }

    /// Whether it needs a file system of its own.
    pub(super) fn needs_small_disk(&self) -> bool {
        match self {
            Self::FullDisk => true,
            Self::Terminate { damage, .. } | Self::Kill { damage, .. } => {
                *damage == Some(Damage::ReadOnly)
            }
            _ => false,
        }
    }
}

impl Step {
    /// Decides a failure of Redis.
    pub(super) fn of_redis(phase: usize, random: &mut Random) -> Self {
        Self {
            phase,
            lasts: 0,
            node: 0,
            disaster: Disaster::Redis(RedisDisaster::some(random)),
        }
    }

    /// Decides one disaster, or several that belong together.
    pub(super) fn some(
        phase: usize,
        subscribers: &[SubscriberPlan],
        publishers: usize,
        topics: usize,
        random: &mut Random,
    ) -> Vec<Self> {
        let subscriber = random.below(subscribers.len());
        let lasts = random.below(3);
        let step = |disaster| Self {
            phase,
            lasts,
            node: 0,
            disaster,
        };
        let first = match random.below(14) {
            0 | 1 => Disaster::Cut(subscriber),
            2 => {
                let directions = [Direction::Both, Direction::ToClient, Direction::ToServer];
                Disaster::HalfOpen(subscriber, *random.one_of(&directions))
            }
            3 => Disaster::Slow(subscriber),
            4 => Disaster::Leave(subscriber),
            5 => Disaster::NewPage(subscriber),
            6 | 7 => resubscribe(subscriber, subscribers, random),
            8 => Disaster::CutPublisher(random.below(publishers)),
            9 => Disaster::Freeze {
                ms: random.below(300) as u64,
            },
            10 => Disaster::Terminate {
                down_ms: random.below(100) as u64,
                damage: damage(random),
            },
            11 => Disaster::Kill {
                down_ms: random.below(100) as u64,
                damage: damage(random),
            },
            12 => Disaster::FullDisk,
            _ => burst(topics, random),
        };
        let mut steps = vec![step(first)];
        // A slow subscriber is only interesting while many events come, and if something else happens to it.
        if matches!(steps[0].disaster, Disaster::Slow(_)) {
            let topic = *random.one_of(&subscribers[subscriber].topics);
            steps.push(step(Disaster::Burst {
                topic,
                events: [100, 400, 900][random.below(3)],
                len: 10_000,
            }));
            match random.below(4) {
                0 => steps.push(step(resubscribe(subscriber, subscribers, random))),
                1 => steps.push(step(Disaster::Cut(subscriber))),
                2 => steps.push(step(burst(topics, random))),
                _ => {}
            }
        }
        steps
    }
}

fn resubscribe(subscriber: usize, subscribers: &[SubscriberPlan], random: &mut Random) -> Disaster {
    let SubscriberPlan { kind, topics, .. } = &subscribers[subscriber];
    match kind {
        Kind::EventStream => Disaster::Leave(subscriber),
        Kind::Pushd1 | Kind::Wamp => Disaster::Resubscribe {
            subscriber,
            topic: random.below(topics.len()),
        },
    }
}

fn burst(topics: usize, random: &mut Random) -> Disaster {
    Disaster::Burst {
        topic: random.below(topics),
        events: [20, 200, 1100][random.below(3)],
        len: [10, 1_000, 5_000][random.below(3)],
    }
}

fn damage(random: &mut Random) -> Option<Damage> {
    let damage = match random.below(12) {
        0 => Damage::TornTail {
            len: 1 + random.below(80),
        },
        1 | 2 => Damage::FlippedBit {
            place: random.below(1_000_000),
            bit: u8::try_from(random.below(8)).unwrap_or(0),
        },
        3 => Damage::MissingFile {
            index: random.below(8),
        },
        4 => Damage::ReadOnly,
        _ => return None,
    };
    Some(damage)
}
