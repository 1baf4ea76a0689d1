//! Reasons for closing a session.

use crate::stats::ViolationKind;

/// An error of the browser that ends its session, with the close code of `kind`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) kind: ViolationKind,
    pub(crate) reason: String,
}

impl Violation {
    pub(super) fn new(kind: ViolationKind, reason: String) -> Self {
        Self { kind, reason }
    }
}
