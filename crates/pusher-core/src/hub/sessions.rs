//! Sets of sessions.

use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::connection::{Session, SessionId};

/// A set that the fan-out can visit by index, and that removes a session in constant time.
pub(super) type Sessions = IndexSet<ById, RandomState>;

/// A session that is compared and hashed by its id.
#[derive(Debug, Clone)]
pub(super) struct ById(pub(super) Session);

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl indexmap::Equivalent<ById> for SessionId {
    fn equivalent(&self, session: &ById) -> bool {
        *self == session.0.id()
    }
}
