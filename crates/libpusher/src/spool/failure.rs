//! Why an event could not be written to the spool.

use std::io;
use std::path::{Path, PathBuf};

use pusher_proto::limits::SPOOL_LEN_MAX;

/// Why an event could not be written to the spool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolFailure {
    /// No directory is configured.
    #[error("no spool is configured")]
    Off,
    /// The directory does not exist.
    #[error("the spool directory {} does not exist{}", .0.display(), private_tmp(.0))]
    NoDirectory(PathBuf),
    /// This user may not write to the file, or not create it.
    #[error("this user may not write to {}", .0.display())]
    Denied(PathBuf),
    /// There is a named pipe, a directory or something else in place of the file.
    #[error("the spool {} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// The file has reached its largest length.
    #[error(
        "the spool {} is full: it has {len} of {SPOOL_LEN_MAX} bytes. Is pushd running, with this directory as its spool?", path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
    },
    /// Another program has the lock, or has renamed the file each time.
    #[error("another program has locked the spool {}", .0.display())]
    Locked(PathBuf),
    /// The system wrote only a part of the event. pushd moves it aside.
    #[error("only a part was written to the spool {}: is the disk full?", .0.display())]
    Short(PathBuf),
    /// Another error of the system.
    #[error("can't write to the spool {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The hint for a directory that the administrator sees, and the process does not.
fn private_tmp(dir: &Path) -> &'static str {
    match dir.starts_with("/tmp") || dir.starts_with("/var/tmp") {
        true => ": does the service have a /tmp of its own (PrivateTmp)?",
        false => "",
    }
}
