//! Topic patterns in options.

use std::fmt;
use std::str::FromStr;

/// A pattern that matches one topic (`chat`), or all topics with a prefix (`chat/*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    /// The topic, or the prefix without its `*`.
    start: String,
    is_prefix: bool,
}

impl TopicPattern {
    /// Returns the pattern `*`, which matches all topics.
    pub fn all() -> Self {
        Self {
            start: String::new(),
            is_prefix: true,
        }
    }

    /// Whether the pattern matches a topic.
    pub fn matches(&self, topic: &str) -> bool {
        match self.is_prefix {
            true => topic.starts_with(&self.start),
            false => topic == self.start,
        }
    }
}

/// A text that is not a [`TopicPattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicPatternError {
    /// The text is empty.
    #[error("the pattern is empty: use `*` for all topics")]
    Empty,
    /// A `*` that is not the last character.
    #[error("`*` is only allowed at the end of a pattern")]
    Star,
}

impl FromStr for TopicPattern {
    type Err = TopicPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let start = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() {
            return Err(TopicPatternError::Empty);
        }
        if start.contains('*') {
            return Err(TopicPatternError::Star);
        }
        Ok(Self {
            start: start.to_owned(),
            is_prefix: start.len() < text.len(),
        })
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)?;
        f.write_str(if self.is_prefix { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_one_topic_or_a_prefix() {
        for (pattern, topic, matches) in [
            ("chat", "chat", true),
            ("chat", "chat2", false),
            ("chat/*", "chat/1", true),
            ("chat/*", "chat/", true),
            ("chat/*", "chat", false),
            ("*", "anything", true),
        ] {
            let parsed: TopicPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(topic), matches, "{pattern} {topic}");
            assert_eq!(parsed.to_string(), pattern);
        }
        assert_eq!("".parse::<TopicPattern>(), Err(TopicPatternError::Empty));
        assert_eq!("a*b".parse::<TopicPattern>(), Err(TopicPatternError::Star));
    }
}
