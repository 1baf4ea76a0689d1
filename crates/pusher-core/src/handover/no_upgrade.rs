//! Why a program is not upgraded.

/// Why the program of a server is not replaced by another one. The text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoUpgrade {
    /// The server is about to end.
    #[error("the server is about to end")]
    Ending,
    /// The other program could not be run.
    #[error("{0}")]
    NotRun(String),
    /// The other program did not answer in time.
    #[error("{0}")]
    Silent(String),
    /// The other program cannot take over.
    #[error("{0}")]
    Refused(String),
}
