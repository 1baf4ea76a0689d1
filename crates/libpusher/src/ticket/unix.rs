//! Key files on Unix.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Returns the key file of pushd's packages.
pub fn default_key_file() -> PathBuf {
    "/etc/pushd/ticket.keys".into()
}

/// Opens a file to read it. Without O_NONBLOCK, opening a named pipe would wait for its writer.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Identity of a file and time of its last change. It differs after a change, and for another file at the same path.
#[derive(PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    len: u64,
    modified_ns: (i64, i64),
    changed_ns: (i64, i64),
}

impl Version {
    pub(super) fn of(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            len: file.len(),
            modified_ns: (file.mtime(), file.mtime_nsec()),
            changed_ns: (file.ctime(), file.ctime_nsec()),
        }
    }
}
