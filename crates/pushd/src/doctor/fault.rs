//! The reason why a step of the doctor failed, and advice.

/// A reason and advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A stable name for programs. PROXIES.md lists them.
    pub(super) code: &'static str,
    /// The reason.
    pub(crate) what: String,
    /// The advice. May have several lines; lines that begin with blanks are to be copied.
    pub(crate) todo: String,
}

impl Fault {
    pub(super) fn new(
        code: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            code,
            what: what.into(),
            todo: todo.into(),
        }
    }
}
