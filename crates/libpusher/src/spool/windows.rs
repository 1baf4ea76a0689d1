//! The spool's file on Windows, where a process with a shared lock may not write. So each publisher takes the exclusive lock.
//! The directory passes its permissions on to the file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use same_file::Handle;

/// Creates an empty active file.
pub(super) fn create(_dir: &Path, path: &Path) -> io::Result<()> {
    create_new(path).map(drop)
}

/// Creates a file that did not exist.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens an existing file.
pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

/// Locks the file against the daemon and other publishers. Closing it releases the lock.
pub(super) fn lock(file: &File) -> Result<(), TryLockError> {
    file.try_lock()
}

/// Whether the path still leads to this file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let opened = file.try_clone().and_then(Handle::from_file);
    match (opened, Handle::from_path(path)) {
        (Ok(opened), Ok(named)) => opened == named,
        _ => false,
    }
}
