//! Errors of opening a store.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The events cannot be kept in a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StoreError {
    /// The operating system returned an error.
    #[error("cannot {action} {path}: {source}{remedy}", path = path.display(), remedy = remedy(source))]
    Io {
        /// "create", "lock", "list", "read", "write" or "remove".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error(
        "another server uses the state directory {path}: stop it, or give each server a directory of its own",
        path = path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory belongs to another user.
    #[error(
        "the state directory {path} belongs to the user with id {owner}, and the server runs as {user}: run it as that \
         user, or `chown -R {user} {path}`",
        path = path.display()
    )]
    #[cfg(unix)]
    Owner {
        /// The directory.
        path: PathBuf,
        /// User id of the directory.
        owner: u32,
        /// User id of this process.
        user: u32,
    },
    /// Other users could change the events.
    #[error(
        "other users can write to the state directory {path} (mode {mode:o}): run `chmod go-w {path}`",
        path = path.display()
    )]
    #[cfg(unix)]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is from a newer version of this program.
    #[error(
        "{path} has version {version} of the format, and this program reads only version {supported}: install the newer \
         program again, or move the files of the directory away, which loses their events",
        path = path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        version: u32,
        /// Version of this program.
        supported: u32,
    },
}

impl StoreError {
    /// Describes an error of the operating system.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "; the directory and all files in it must belong to the user that the server runs as"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "; the file system is read-only: mount it read-write, or use a directory on another one"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space",
        _ => "",
    }
}
