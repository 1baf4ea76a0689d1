//! What publishers and subscribers saw in a run.

use super::event::EventId;
use super::position::Position;
use super::subscriber_plan::Kind;

/// A moment of the run's logical clock. If one action ended before another began, its number is smaller.
pub type Tick = u64;

/// One event and the result of its publish.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its id.
    pub id: EventId,
    /// Index of its topic.
    pub topic: usize,
    /// Length of its filling.
    pub len: usize,
    /// When the publisher began to send it for the first time.
    pub at: Tick,
    /// Number of times that it was sent. After a restart, an event may have a second place.
    pub attempts: usize,
    /// The result.
    pub fate: Fate,
}

/// The result of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No answer came, so it may have been published.
    Unknown,
    /// The daemon refused it.
    Refused,
    /// The daemon sent a receipt.
    Accepted {
        /// The position behind the event.
        position: Position,
        /// When the receipt came.
        at: Tick,
    },
}

/// One observation of a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A connection is open.
    Connected,
    /// A subscription to a topic begins. Nothing more is known about an earlier subscription.
    Begin {
        /// The topic.
        topic: usize,
        /// Where the subscription begins.
        from: From,
    },
    /// The daemon said that the end of its log was here.
    Top {
        /// The position.
        position: Position,
        /// When the client asked.
        asked: Tick,
        /// When the answer came.
        told: Tick,
    },
    /// An event.
    Event {
        /// The topic.
        topic: usize,
        /// The event.
        id: EventId,
        /// The position behind it, unless the protocol has none.
        position: Option<Position>,
    },
    /// The daemon said that the topic has no further events up to a position.
    Quiet {
        /// The topic.
        topic: usize,
        /// The position.
        position: Position,
    },
    /// Events before a position are missing.
    Gap {
        /// The topics.
        topics: Vec<usize>,
        /// The position.
        position: Position,
    },
    /// Another page takes the subscriber's place.
    NewPage {
        /// The topic.
        topic: usize,
        /// The position that the site gave it.
        begin: Option<Position>,
    },
    /// The client has unsubscribed from a topic.
    Left {
        /// The topic.
        topic: usize,
    },
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// Behind a position.
    Position(Position),
    /// With some of the last events before a position.
    Latest {
        /// The position.
        position: Position,
        /// The number of events.
        count: u64,
    },
    /// At some moment before this one. So all events that were sent later belong to it.
    Before(Tick),
}

/// All observations of one subscriber, in order.
#[derive(Debug, Clone)]
pub struct Observations {
    /// Its protocol.
    pub kind: Kind,
    /// Its topics.
    pub topics: Vec<usize>,
    /// The observations.
    pub notes: Vec<Note>,
}

/// Everything that happened in a run.
#[derive(Debug, Clone)]
pub struct Record {
    /// The end of the log when the run began.
    pub begin: Position,
    /// The publishes.
    pub sent: Vec<Sent>,
    /// The subscribers.
    pub subscribers: Vec<Observations>,
    /// The last event of each topic.
    pub ends: Vec<End>,
    /// Number of times that a daemon was started.
    pub starts: usize,
    /// Largest number of epochs.
    pub epochs_max: usize,
    /// Whether several nodes share the log. A node may not have read an event yet for which another node sent a receipt.
    pub is_shared: bool,
    /// Whether the disk or Redis failed, so that the daemons may have forgotten any event.
    pub has_lost_log: bool,
    /// Whether a restart may forget publish ids although the epoch continues: those that the log no longer has.
    pub forgets_ids: bool,
}

/// The last event of a topic. Every subscriber reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The event.
    pub id: EventId,
    /// The position behind it.
    pub position: Position,
}
