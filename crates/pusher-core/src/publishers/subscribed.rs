//! Topics that have subscribers, at all servers that share the log.

use std::collections::HashMap;

use super::present::PresenceError;
use crate::context::Context;

/// Returns the number of subscribers of each topic.
pub(super) async fn counts(context: &Context, topics: &[&str]) -> Result<Vec<u64>, PresenceError> {
    let elsewhere = match &context.node {
        None => vec![0; topics.len()],
        Some(node) => {
            let counts = node.subscribers_elsewhere(topics).await;
            counts.ok_or(PresenceError::LogUnavailable)?
        }
    };
    let here = topics
        .iter()
        .map(|topic| context.hub.subscriber_count(topic));
    Ok(here
        .zip(elsewhere)
        .map(|(here, there)| here + there)
        .collect())
}

/// Returns the topics with this prefix that have subscribers, and their numbers. If there are more than `topics_max`, some
/// may be missing.
pub(super) async fn topics(
    context: &Context,
    prefix: &str,
    topics_max: usize,
) -> Result<HashMap<String, u64>, PresenceError> {
    let mut found = match &context.node {
        None => HashMap::new(),
        Some(node) => {
            let topics = node.topics_elsewhere(prefix, topics_max).await;
            topics.ok_or(PresenceError::LogUnavailable)?
        }
    };
    for (topic, subscribers) in context.hub.topics_with(prefix) {
        *found.entry(topic.to_string()).or_default() += subscribers;
    }
    Ok(found)
}
