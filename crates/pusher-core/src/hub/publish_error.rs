//! Reasons for refusing a publish.

use pusher_proto::{JsonError, TopicError};

/// Reason why a publish was refused. No subscriber gets the event.
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
        /// Length of the event in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Events arrive faster than the server can send them. Try again in a moment.
    #[error("the server has no room for more events now")]
    Overloaded,
    /// The log that the server shares with others cannot be reached now, or did not answer in time. The event may be
    /// published nevertheless, unless a retry with the same id tells. Try again in a moment.
    #[error("{0}")]
    LogUnavailable(String),
    /// The server shares its log with others, so a publish must wait: use
    /// [`Hub::publish_async`](crate::Hub::publish_async).
    #[error("the server shares its log with others: use publish_async")]
    SharedLog,
    /// The server is shutting down, so subscribers would not get the event.
    #[error("the server is about to end")]
    Ending,
}
