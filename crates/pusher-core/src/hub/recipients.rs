//! The recipients of an event, if not all subscribers.

use pusher_proto::SessionName;

use crate::connection::SessionId;
use crate::handover;

/// Selects the subscribers that get an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Sessions that do not get it.
    pub exclude: Vec<SessionId>,
    /// WAMP v2 sessions that do not get it, by their numbers.
    pub exclude_numbers: Vec<u64>,
    /// The only sessions that get it. `None` for all.
    pub eligible: Option<Vec<SessionId>>,
}

impl Recipients {
    /// Returns all subscribers but one session.
    pub fn all_but(session: SessionName) -> Self {
        let mut recipients = Self::default();
        match session {
            SessionName::Id(id) => recipients.exclude.push(SessionId::from_u128(id)),
            SessionName::Number(number) => recipients.exclude_numbers.push(number),
        }
        recipients
    }

    pub(super) fn hand_over(&self) -> handover::Recipients {
        let numbers = |ids: &Vec<SessionId>| ids.iter().map(|id| id.to_u128()).collect();
        handover::Recipients {
            exclude: numbers(&self.exclude),
            eligible: self.eligible.as_ref().map(numbers),
            exclude_numbers: self.exclude_numbers.clone(),
        }
    }

    pub(super) fn take_over(handed: handover::Recipients) -> Self {
        let ids = |numbers: Vec<u128>| numbers.into_iter().map(SessionId::from_u128).collect();
        Self {
            exclude: ids(handed.exclude),
            exclude_numbers: handed.exclude_numbers,
            eligible: handed.eligible.map(ids),
        }
    }

    /// Whether the session gets the event.
    pub(crate) fn include(&self, id: SessionId) -> bool {
        let eligible = self.eligible.as_ref();
        !self.exclude.contains(&id)
            && !self.exclude_numbers.contains(&id.number())
            && eligible.is_none_or(|ids| ids.contains(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_of_a_session_excludes_it_and_no_other() {
        let (one, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        for name in [
            one.to_string(),
            one.socket_id().to_string(),
            one.number().to_string(),
        ] {
            let recipients = Recipients::all_but(name.parse().unwrap());
            for recipients in [Recipients::take_over(recipients.hand_over()), recipients] {
                assert!(!recipients.include(one), "{name}");
                assert!(recipients.include(other), "{name}");
            }
        }
    }
}
