//! The spool's file on Unix. Publishers hold shared locks, because the kernel appends each record in one piece. Only the daemon
//! takes the exclusive lock.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::file::temporary_name;

/// Mode of the file: other publishers and the daemon are members of its group.
const MODE: u32 = 0o660;

/// Creates an empty active file with its mode at once, so that no other publisher finds it with the mode that the umask
/// leaves.
pub(super) fn create(dir: &Path, path: &Path) -> io::Result<()> {
    let temporary = dir.join(temporary_name());
    let file = create_new(&temporary)?;
    let linked = file
        .set_permissions(Permissions::from_mode(MODE))
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    match linked.and(removed) {
        // The daemon has removed the name. The caller opens the active file, or makes another one.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Creates a file that did not exist.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path)
}

/// Opens an existing file. Without O_NONBLOCK, opening a named pipe would wait for its reader.
pub(super) fn open_to_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(libc::O_NONBLOCK);
    options.open(path)
}

/// Locks the file against the daemon. Closing it releases the lock.
pub(super) fn lock(file: &File) -> Result<(), TryLockError> {
    file.try_lock_shared()
}

/// Whether the path still leads to this file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => identity(file) == identity(path),
        _ => false,
    }
}
