//! The result of a successful publish.

use pusher_proto::{Position, Receipt as Answer, Stored};

/// pushd's answer to an accepted event, or the news that the event is in the spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the event in pushd's log, which has all topics. Greater than that of every earlier event. 0 if it is
    /// in the spool.
    pub sequence: u64,
    /// Number of browsers that the event was queued to. With a shared log, the server adds the counts of the other
    /// servers, which are up to 2 seconds old.
    pub subscribers: u64,
    /// The place behind the event in the log. `None` if pushd is too old for positions, and in the spool.
    pub position: Option<Position>,
    /// How safely pushd keeps the event for subscribers that come back.
    pub stored: Stored,
    /// Number of servers that share the log, this one included. `None` if the server has a log of its own.
    pub nodes: Option<u64>,
    /// Whether the event is in the spool: pushd could not accept it now, and publishes it later.
    pub spooled: bool,
}

impl Receipt {
    /// Returns the receipt of an event that was written to the spool.
    pub(crate) fn of_spool() -> Self {
        Self {
            spooled: true,
            ..Self::default()
        }
    }
}

impl From<Answer> for Receipt {
    fn from(answer: Answer) -> Self {
        let Answer {
            sequence,
            subscribers,
            position,
            stored,
            nodes,
        } = answer;
        Self {
            sequence,
            subscribers,
            position,
            stored,
            nodes,
            spooled: false,
        }
    }
}
