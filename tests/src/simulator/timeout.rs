//! Reads that end without a result.

use std::io::ErrorKind;

/// Whether a read or write ended because nothing happened for its timeout.
pub(crate) fn is_timeout(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
