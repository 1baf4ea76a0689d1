//! The work that servers are measured with.

use crate::servers::{self, Kind};

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
    /// Length of an event, in bytes.
    pub event_len: usize,
    /// The time of the next publish.
    pub pace: Pace,
}

/// A rule for the time of the next publish, or a special kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// This number of events a second, to the topics in turn.
    Rate(u32),
    /// As soon as fewer than this number of events are undelivered. With 1, a server has nothing to batch.
    Window(usize),
    /// Never. The scenario measures the cost of an idle connection.
    Idle,
    /// While all subscribers are away. They come back at once: see [`storm`](crate::client::storm).
    Storm,
    /// As soon as fewer than this number of publishes have no receipt.
    Receipts(Link, usize),
    /// Often, to subscribers that stop to read: see [`stopped`](crate::client::stopped).
    Stopped,
}

/// A publisher's connection to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// TCP.
    Tcp,
    /// A unix socket.
    Unix,
}

/// Length of an event in most scenarios, in bytes.
pub const EVENT_LEN: usize = 512;

/// The scenarios that compare servers.
pub const COMPARISONS: &[Scenario] = &[
    Scenario {
        name: "paced",
        title: "100 subscribers, 100 events a second",
        topics: 1,
        subscribers: 100,
        event_len: EVENT_LEN,
        pace: Pace::Rate(100),
    },
    Scenario {
        name: "topics",
        title: "1,000 topics with 10 subscribers each, 1,000 events a second",
        topics: 1000,
        subscribers: 10,
        event_len: EVENT_LEN,
        pace: Pace::Rate(1000),
    },
    Scenario {
        name: "single",
        title: "1,000 subscribers, one event after the other",
        topics: 1,
        subscribers: 1000,
        event_len: EVENT_LEN,
        pace: Pace::Window(1),
    },
    Scenario {
        name: "flood",
        title: "1,000 subscribers, as fast as it goes",
        topics: 1,
        subscribers: 1000,
        event_len: EVENT_LEN,
        pace: Pace::Window(16),
    },
    Scenario {
        name: "flood100",
        title: "100 subscribers, as fast as it goes",
        topics: 1,
        subscribers: 100,
        event_len: EVENT_LEN,
        pace: Pace::Window(64),
    },
    Scenario {
        name: "flood10k",
        title: "10,000 subscribers, as fast as it goes",
        topics: 1,
        subscribers: 10_000,
        event_len: EVENT_LEN,
        pace: Pace::Window(4),
    },
    Scenario {
        name: "idle",
        title: "10,000 silent connections",
        topics: 1,
        subscribers: 10_000,
        event_len: EVENT_LEN,
        pace: Pace::Idle,
    },
];

/// The scenarios with large events. Nobody can batch them, and no socket takes one of 1 MiB at once.
pub const LARGE: &[Scenario] = &[
    Scenario {
        name: "large",
        title: "Events of 64 KiB to 1,000 subscribers, one after the other",
        topics: 1,
        subscribers: 1000,
        event_len: 64 * 1024,
        pace: Pace::Window(1),
    },
    Scenario {
        name: "huge",
        title: "Events of 1 MiB to 1,000 subscribers, one after the other",
        topics: 1,
        subscribers: 1000,
        event_len: 1024 * 1024,
        pace: Pace::Window(1),
    },
];

/// The scenarios for pushd's log of events.
pub const LOG: &[Scenario] = &[
    Scenario {
        name: "storm",
        title: "10,000 pages come back at once, each has missed 100 events of one topic",
        topics: 1,
        subscribers: 10_000,
        event_len: EVENT_LEN,
        pace: Pace::Storm,
    },
    Scenario {
        name: "storm-topics",
        title: "10,000 pages come back at once, each has missed 100 events of one of 100 topics",
        topics: 100,
        subscribers: 100,
        event_len: EVENT_LEN,
        pace: Pace::Storm,
    },
    receipts("receipts", "publish with receipt, TCP", 0, Link::Tcp, 1),
    receipts(
        "receipts-1",
        "publish with receipt, TCP, 1 subscriber",
        1,
        Link::Tcp,
        1,
    ),
    receipts(
        "receipts-unix",
        "publish with receipt, unix socket",
        0,
        Link::Unix,
        1,
    ),
    receipts(
        "receipts-unix-1",
        "publish with receipt, unix socket, 1 subscriber",
        1,
        Link::Unix,
        1,
    ),
    receipts(
        "receipts-flood",
        "publish with receipt, TCP, as fast as it goes",
        0,
        Link::Tcp,
        128,
    ),
    Scenario {
        name: "stopped",
        title: "10 MiB of events to 1,000 subscribers that stop to read",
        topics: 1,
        subscribers: 1000,
        event_len: EVENT_LEN,
        pace: Pace::Stopped,
    },
    Scenario {
        name: "publishes",
        title: "1 subscriber, as fast as it goes",
        topics: 1,
        subscribers: 1,
        event_len: EVENT_LEN,
        pace: Pace::Window(256),
    },
];

const fn receipts(
    name: &'static str,
    title: &'static str,
    subscribers: usize,
    link: Link,
    window: usize,
) -> Scenario {
    Scenario {
        name,
        title,
        topics: 1,
        subscribers,
        event_len: EVENT_LEN,
        pace: Pace::Receipts(link, window),
    }
}

impl Scenario {
    /// Returns all scenarios.
    pub fn all() -> impl Iterator<Item = Self> {
        COMPARISONS.iter().chain(LARGE).chain(LOG).copied()
    }

    /// Returns the scenario with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::all().find(|scenario| scenario.name == name)
    }

    /// Returns the servers that are compared if the command line names none.
    pub fn default_servers(&self) -> &'static [Kind] {
        match self.pace {
            _ if self.has_large_events() => &[
                Kind::Pushd,
                Kind::NoHistory,
                Kind::Floor,
                Kind::FloorBatch,
                Kind::UWebSockets,
            ],
            Pace::Rate(_) | Pace::Window(_) | Pace::Idle => servers::OTHERS,
            Pace::Storm => &[
                Kind::Pushd1,
                Kind::Resume,
                Kind::Sse,
                Kind::Floor,
                Kind::FloorBatch,
            ],
            Pace::Receipts(..) => &[Kind::Pushd, Kind::NoHistory, Kind::Disk],
            Pace::Stopped => &[Kind::Pushd, Kind::NoHistory, Kind::Pushd1],
        }
    }

    /// Whether the server can do the work.
    pub fn suits(&self, server: Kind) -> bool {
        match self.pace {
            Pace::Rate(_) | Pace::Window(_) | Pace::Idle => true,
            Pace::Storm => self.default_servers().contains(&server),
            Pace::Receipts(..) | Pace::Stopped => server.is_pushd(),
        }
    }

    /// Whether the events are so long that the server's memory matters.
    pub fn has_large_events(&self) -> bool {
        self.event_len > EVENT_LEN
    }

    /// Returns the number of connections in all topics.
    pub fn connections(&self) -> usize {
        self.topics * self.subscribers
    }
}
