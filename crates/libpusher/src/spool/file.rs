//! The active file of a spool. `pusher_proto::spool` specifies the steps.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pusher_proto::limits::SPOOL_LEN_MAX;
use pusher_proto::spool::FILE_NAME;

use super::failure::SpoolFailure;
use crate::random_id::RandomId;

/// Mode of the file: other publishers and the daemon are members of its group.
const MODE: u32 = 0o660;

/// How often the daemon may rename the file while a writer opens it.
const OPENS_MAX: usize = 10;

/// Pause between two attempts to get the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// Appends a record to the active file of `dir`. Waits for the lock until `until`.
pub(super) fn append(dir: &Path, record: &[u8], until: Instant) -> Result<(), SpoolFailure> {
    let path = dir.join(FILE_NAME);
    let mut file = open_locked(dir, &path, until)?;
    let len = match file.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) => return Err(failure(&path, error)),
    };
    if len + record.len() as u64 > SPOOL_LEN_MAX {
        return Err(SpoolFailure::Full { path, len });
    }
    loop {
        // One call: a second one could write behind another publisher's record.
        match file.write(record) {
            Ok(written) if written == record.len() => return Ok(()),
            Ok(_) => return Err(SpoolFailure::Short(path)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failure(&path, error)),
        }
    }
}

/// Opens the active file and locks it against the daemon. Closing the file releases the lock.
fn open_locked(dir: &Path, path: &Path, until: Instant) -> Result<File, SpoolFailure> {
    for _ in 0..OPENS_MAX {
        let file = open(dir, path)?;
        loop {
            match file.try_lock_shared() {
                Ok(()) if is_at(&file, path) => return Ok(file),
                // The daemon has renamed the file, and may already read it.
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if !is_at(&file, path) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(SpoolFailure::Locked(path.to_owned()));
                }
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(failure(path, error)),
            }
        }
    }
    Err(SpoolFailure::Locked(path.to_owned()))
}

/// Opens the active file, and creates it if there is none.
fn open(dir: &Path, path: &Path) -> Result<File, SpoolFailure> {
    for _ in 0..OPENS_MAX {
        match OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened.map_err(|error| failure(path, error)),
        }
        match create(dir, path) {
            Err(error) if error.kind() == ErrorKind::NotFound && !dir.exists() => {
                return Err(SpoolFailure::NoDirectory(dir.to_owned()));
            }
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(failure(path, error));
            }
            _ => {}
        }
    }
    Err(SpoolFailure::Locked(path.to_owned()))
}

/// Creates an empty active file with its mode at once, so that no other publisher finds it with the mode that the umask
/// leaves.
fn create(dir: &Path, path: &Path) -> io::Result<()> {
    let temporary = dir.join(format!(".{}", RandomId::new().as_str()));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&temporary)?;
    let linked = file
        .set_permissions(Permissions::from_mode(MODE))
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    linked.and(removed)
}

/// Whether the path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => identity(file) == identity(path),
        _ => false,
    }
}

fn failure(path: &Path, source: io::Error) -> SpoolFailure {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::PermissionDenied => SpoolFailure::Denied(path),
        _ => SpoolFailure::Io { path, source },
    }
}
