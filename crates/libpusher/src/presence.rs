//! The members of a topic.

use std::fmt;

/// The members of a topic: its subscribers with a ticket that has a `sub`, each user once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Number of members.
    pub count: u64,
    /// The first 100 members, as a JSON array of `{"sub":"7","info":{"name":"Ann"}}`. `info` may be missing.
    pub members: String,
}

/// As a JSON object: `{"count":1,"members":[{"sub":"7"}]}`.
impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, members } = self;
        write!(f, "{{\"count\":{count},\"members\":{members}}}")
    }
}
