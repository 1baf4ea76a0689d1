//! What there is to do.

/// One kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// What the command line calls it.
    pub name: &'static str,
    /// What the report calls it.
    pub title: &'static str,
    /// Topics.
    pub topics: usize,
    /// Subscribed connections of each topic.
    pub subscribers: usize,
    /// When the next event is published.
    pub pace: Pace,
}

/// When the next event is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// So many a second, to one topic after the other.
    Rate(u32),
    /// As soon as fewer than this many are on their way. With 1 a server has nothing to put together.
    Window(usize),
    /// Never: how much does a silent connection cost?
    Idle,
}

/// Length of a published event, in bytes.
pub const EVENT_LEN: usize = 512;

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "paced",
        title: "100 subscribers, 100 events a second",
        topics: 1,
        subscribers: 100,
        pace: Pace::Rate(100),
    },
    Scenario {
        name: "topics",
        title: "1,000 topics with 10 subscribers each, 1,000 events a second",
        topics: 1000,
        subscribers: 10,
        pace: Pace::Rate(1000),
    },
    Scenario {
        name: "single",
        title: "1,000 subscribers, one event after the other",
        topics: 1,
        subscribers: 1000,
        pace: Pace::Window(1),
    },
    Scenario {
        name: "flood",
        title: "1,000 subscribers, as fast as it goes",
        topics: 1,
        subscribers: 1000,
        pace: Pace::Window(16),
    },
    Scenario {
        name: "flood10k",
        title: "10,000 subscribers, as fast as it goes",
        topics: 1,
        subscribers: 10_000,
        pace: Pace::Window(4),
    },
    Scenario {
        name: "idle",
        title: "10,000 silent connections",
        topics: 1,
        subscribers: 10_000,
        pace: Pace::Idle,
    },
];

impl Scenario {
    /// The one with this name.
    pub fn find(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|scenario| scenario.name == name)
    }

    /// All connections together.
    pub fn connections(&self) -> usize {
        self.topics * self.subscribers
    }
}
