//! A choice among the subscribers of a topic.

use crate::connection::SessionId;

/// Which subscribers get an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// These do not.
    pub exclude: Vec<SessionId>,
    /// Only these do, unless it is `None`.
    pub eligible: Option<Vec<SessionId>>,
}

impl Recipients {
    /// Whether the session is meant.
    pub(crate) fn include(&self, id: SessionId) -> bool {
        let eligible = self.eligible.as_ref();
        !self.exclude.contains(&id) && eligible.is_none_or(|ids| ids.contains(&id))
    }
}
