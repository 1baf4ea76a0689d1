//! What an operator should know about the files that the server found at its start.

use std::ffi::OsString;
use std::fmt;

/// One line for the log of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// The server was killed. The events are complete.
    Killed,
    /// The last write was cut. It had not been acknowledged.
    TornTail {
        /// The file.
        file: String,
        /// Length of the file up to the end of its last event.
        kept_len: u64,
        /// Number of bytes that were removed.
        removed_len: u64,
    },
    /// A file has wrong bytes. A new epoch begins.
    Damaged {
        /// The file.
        file: String,
        /// Offset of the first wrong entry.
        offset: u64,
    },
    /// Events before this file are missing. A new epoch begins.
    Missing {
        /// The file.
        file: String,
    },
    /// The machine stopped, and may have lost events that were not synced. A new epoch begins.
    MachineCrash,
    /// The sequence numbers are used up. A new epoch begins.
    NumbersUsedUp,
    /// Files of other programs, which the server leaves alone.
    ForeignFiles {
        /// Number of files.
        count: usize,
        /// Name of one of them.
        example: OsString,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("the server was killed: the log continues"),
            Self::TornTail {
                file,
                kept_len,
                removed_len,
            } => write!(
                f,
                "removed an incomplete write: file={file} kept_bytes={kept_len} removed_bytes={removed_len}"
            ),
            Self::Damaged { file, offset } => write!(
                f,
                "damaged file: a new log begins, and clients are told of a gap: check the disk: file={file} offset={offset}"
            ),
            Self::Missing { file } => write!(
                f,
                "missing events: a new log begins, and clients are told of a gap: before_file={file}"
            ),
            Self::MachineCrash => f.write_str(
                "the machine stopped without a shutdown: a new log begins, and clients are told of a gap",
            ),
            Self::NumbersUsedUp => f.write_str(
                "the sequence numbers are used up: a new log begins, and clients are told of a gap",
            ),
            Self::ForeignFiles { count, example } => write!(
                f,
                "ignored files of other programs in the state directory: count={count} example={example:?}"
            ),
        }
    }
}
