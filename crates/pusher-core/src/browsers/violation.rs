//! Reasons for closing a session.

use crate::stats::ViolationKind;

/// The session must end with the kind's close code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) kind: ViolationKind,
    pub(crate) reason: String,
}
