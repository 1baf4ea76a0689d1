//! Reasons for refusing a publish.

use pusher_proto::{JsonError, TopicError};

/// Why nobody got an event.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The topic is empty or too long.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The event is not one JSON value.
    #[error("the event is {0}")]
    Event(#[from] JsonError),
    /// The event is too long.
    #[error("the event is {len} bytes long, at most {max} are allowed (event-len-max)")]
    EventTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Events come in faster than they can be sent; try again in a moment.
    #[error("the server has no room for more events now")]
    Overloaded,
    /// The server ends: its browsers would not get the event any more.
    #[error("the server is about to end")]
    Ending,
}
