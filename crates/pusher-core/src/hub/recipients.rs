//! The recipients of an event, if not all subscribers.

use crate::connection::SessionId;

/// Selects the subscribers that get an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Sessions that do not get it.
    pub exclude: Vec<SessionId>,
    /// The only sessions that get it. `None` for all.
    pub eligible: Option<Vec<SessionId>>,
}

impl Recipients {
    /// Whether the session gets the event.
    pub(crate) fn include(&self, id: SessionId) -> bool {
        let eligible = self.eligible.as_ref();
        !self.exclude.contains(&id) && eligible.is_none_or(|ids| ids.contains(&id))
    }
}
