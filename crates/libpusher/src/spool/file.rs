//! The active file of a spool. `pusher_proto::spool` specifies the steps.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pusher_proto::limits::SPOOL_LEN_MAX;
use pusher_proto::spool::{FILE_NAME, TEMPORARY};

use super::failure::SpoolFailure;
use super::system::{create, is_at, lock, open_to_append};
use crate::random_id::RandomId;

/// How often a writer opens the file at least, if the daemon renames it each time.
const OPENS_MIN: usize = 10;

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
            // Without the last line feed, the record is complete: the next one begins with a line feed.
            Ok(written) if written + 1 >= record.len() => return Ok(()),
            Ok(_) => return Err(SpoolFailure::Short(path)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failure(&path, error)),
        }
    }
}

/// Opens the active file and locks it against the daemon. Closing the file releases the lock.
fn open_locked(dir: &Path, path: &Path, until: Instant) -> Result<File, SpoolFailure> {
    for opens in 0.. {
        if opens >= OPENS_MIN && Instant::now() >= until {
            break;
        }
        let file = open(dir, path, until)?;
        loop {
            match lock(&file) {
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
fn open(dir: &Path, path: &Path, until: Instant) -> Result<File, SpoolFailure> {
    for opens in 0.. {
        if opens >= OPENS_MIN && Instant::now() >= until {
            break;
        }
        if let Some(file) = open_existing(path)? {
            return Ok(file);
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

/// Opens the active file. Returns `None` if there is none.
pub(super) fn open_existing(path: &Path) -> Result<Option<File>, SpoolFailure> {
    let is_file = |metadata: io::Result<fs::Metadata>| metadata.map(|found| found.is_file());
    match open_to_append(path) {
        Ok(file) => match is_file(file.metadata()) {
            Ok(true) => Ok(Some(file)),
            Ok(false) => Err(SpoolFailure::NotAFile(path.to_owned())),
            Err(error) => Err(failure(path, error)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // A pipe without a reader, a socket, or a directory.
        Err(_) if matches!(is_file(fs::metadata(path)), Ok(false)) => {
            Err(SpoolFailure::NotAFile(path.to_owned()))
        }
        Err(error) => Err(failure(path, error)),
    }
}

/// A name that no other publisher uses. The daemon removes it if it stays.
pub(super) fn temporary_name() -> String {
    format!("{TEMPORARY}{}", RandomId::new().as_str())
}

pub(super) fn failure(path: &Path, source: io::Error) -> SpoolFailure {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::PermissionDenied => SpoolFailure::Denied(path),
        _ => SpoolFailure::Io { path, source },
    }
}
