//! The policy for events that a slow consumer does not read fast enough.

use std::fmt;
use std::str::FromStr;

use super::TopicPattern;

/// The policy for a topic's events that are queued for a slow consumer. With every policy, events arrive whole, and
/// those of a topic in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlowPolicy {
    /// Drops no event. If the outbox is full, the browser reads the events of topics with history from the log; for other
    /// topics it is dropped.
    #[default]
    Disconnect,
    /// Drops the oldest queued events to make room for new ones.
    DropOldest,
    /// Keeps only the latest queued event of the topic. For values that replace the previous one, such as a score or a
    /// price.
    KeepLatest,
}

/// A text that is not a [`SlowPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a slow policy is disconnect, drop-oldest or keep-latest")]
pub struct SlowPolicyError;

const NAMES: [(&str, SlowPolicy); 3] = [
    ("disconnect", SlowPolicy::Disconnect),
    ("drop-oldest", SlowPolicy::DropOldest),
    ("keep-latest", SlowPolicy::KeepLatest),
];

impl FromStr for SlowPolicy {
    type Err = SlowPolicyError;

    fn from_str(text: &str) -> Result<Self, SlowPolicyError> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, policy)| *policy).ok_or(SlowPolicyError)
    }
}

impl fmt::Display for SlowPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NAMES.iter().find(|(_, policy)| policy == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

/// Returns the policy of a topic: the first pattern that matches decides.
pub(crate) fn slow_policy_of(policies: &[(TopicPattern, SlowPolicy)], topic: &str) -> SlowPolicy {
    let mut policies = policies.iter();
    let matching = policies.find(|(pattern, _)| pattern.matches(topic));
    matching.map_or(SlowPolicy::default(), |&(_, policy)| policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_pattern_decides() {
        let policies = [
            ("chat/log", "disconnect"),
            ("chat/*", "drop-oldest"),
            ("*", "keep-latest"),
        ]
        .map(|(pattern, policy)| (pattern.parse().unwrap(), policy.parse().unwrap()));
        for (topic, policy) in [
            ("chat/log", SlowPolicy::Disconnect),
            ("chat/1", SlowPolicy::DropOldest),
            ("score", SlowPolicy::KeepLatest),
        ] {
            assert_eq!(slow_policy_of(&policies, topic), policy, "{topic}");
        }
        assert_eq!(slow_policy_of(&[], "t"), SlowPolicy::Disconnect);
        assert_eq!("drop".parse::<SlowPolicy>(), Err(SlowPolicyError));
    }
}
