//! The work that servers are measured with.

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its name in the report.
    pub title: &'static str,
    /// Number of topics.
    pub topics: usize,
    /// Number of subscribers of each topic.
    pub subscribers: usize,
    /// The time of the next publish.
    pub pace: Pace,
}

/// A rule for the time of the next publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// This number of events a second, to the topics in turn.
    Rate(u32),
    /// As soon as fewer than this number of events are undelivered. With 1, a server has nothing to batch.
    Window(usize),
    /// Never. The scenario measures the cost of an idle connection.
    Idle,
}

/// Length of a published event, in bytes.
pub const EVENT_LEN: usize = 512;

/// All scenarios.
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
    /// Returns the scenario with this name.
    pub fn find(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|scenario| scenario.name == name)
    }

    /// Returns the number of connections in all topics.
    pub fn connections(&self) -> usize {
        self.topics * self.subscribers
    }
}
