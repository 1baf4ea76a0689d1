//! Who is subscribed to a topic, at all servers that share the log.

use crate::context::Context;
use crate::presence::Members;

/// Why the members of a topic are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum PresenceError {
    #[error("topic {0:?} has no presence: add it to the setting presence")]
    Off(String),
    #[error("the log that the server shares with others cannot be reached")]
    LogUnavailable,
}

/// Returns the members of a topic.
pub(super) async fn members(context: &Context, topic: &str) -> Result<Members, PresenceError> {
    if !context.presence.is_on(topic) {
        return Err(PresenceError::Off(topic.to_owned()));
    }
    match &context.node {
        None => Ok(context.presence.members(topic)),
        Some(node) => {
            let members = node.members(topic).await;
            members.ok_or(PresenceError::LogUnavailable)
        }
    }
}

/// Returns the number of members of each topic.
pub(super) async fn counts(
    context: &Context,
    topics: &[&str],
) -> Result<Vec<usize>, PresenceError> {
    match &context.node {
        None => Ok(topics
            .iter()
            .map(|topic| context.presence.count(topic))
            .collect()),
        Some(node) => {
            let counts = node.member_counts(topics).await;
            counts.ok_or(PresenceError::LogUnavailable)
        }
    }
}
