//! The state directory: its files, and every system call on them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::access;
use super::error::StoreError;
use super::faults::{StoreCall, before};

/// Name of the file whose lock keeps other servers out.
const LOCK: &str = "lock";

/// Files of other rooms in the directory, which belongs to whoever has opened the store.
pub(crate) const REVOCATIONS: &str = "revocations";
pub(crate) const NEW_REVOCATIONS: &str = "revocations.new";
const OTHER_FILES: [&str; 2] = [REVOCATIONS, NEW_REVOCATIONS];

/// End of the name of a segment. Not `.log`: scripts that remove old logs would remove events.
const SUFFIX: &str = ".events";

/// Digits of the sequence number in the name of a segment. The names sort like the numbers.
const DIGITS: usize = 20;

/// An open state directory. No other process can open it meanwhile.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    handle: Arc<DirectoryHandle>,
    /// The lock ends when the file is closed.
    _lock: File,
}

/// What a directory has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// First sequence numbers of all segments, in order.
    pub(super) segments: Vec<u64>,
    /// Number of files of other programs.
    pub(super) foreign_count: usize,
    pub(super) foreign_example: OsString,
}

impl Directory {
    /// Opens a directory, and locks it. Creates it if it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |action| move |source| StoreError::io(action, path, source);
        make(path).map_err(failed("create"))?;
        access::check(path)?;
        let handle = DirectoryHandle::open(path).map_err(failed("read"))?;
        let lock = path.join(LOCK);
        match try_lock(&lock) {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                handle: Arc::new(handle),
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(StoreError::io("lock", &lock, source)),
        }
    }

    pub(super) fn handle(&self) -> &Arc<DirectoryHandle> {
        &self.handle
    }

    pub(super) fn list(&self) -> io::Result<Listing> {
        before(StoreCall::List, 0)?;
        let mut listing = Listing::default();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            match first_sequence(&name) {
                Some(first) if entry.file_type()?.is_file() => listing.segments.push(first),
                _ if name == LOCK || OTHER_FILES.iter().any(|other| name == *other) => {}
                _ => {
                    listing.foreign_count += 1;
                    listing.foreign_example = name;
                }
            }
        }
        listing.segments.sort_unstable();
        Ok(listing)
    }

    pub(super) fn file(&self, first: u64) -> PathBuf {
        self.path.join(file_name(first))
    }

    /// Replaces the content of `buffer` by at most `len_max` bytes from the beginning of a file.
    pub(super) fn read(&self, first: u64, len_max: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        before(StoreCall::Open, 0)?;
        let file = File::open(self.file(first))?;
        let len = file.metadata()?.len().min(len_max);
        buffer.clear();
        buffer.reserve(usize::try_from(len).map_err(|_| ErrorKind::OutOfMemory)?);
        before(StoreCall::Read, 0)?;
        file.take(len_max).read_to_end(buffer)?;
        Ok(())
    }

    /// Creates an empty file. Replaces an existing one.
    pub(super) fn create(&self, first: u64) -> io::Result<File> {
        before(StoreCall::Create, 0)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        access::private(&mut options).open(self.file(first))
    }

    pub(super) fn truncate(&self, first: u64, len: u64) -> io::Result<()> {
        before(StoreCall::Truncate, 0)?;
        let file = OpenOptions::new().write(true).open(self.file(first))?;
        file.set_len(len)
    }

    /// Removes a file, which may be missing.
    pub(super) fn remove(&self, first: u64) -> io::Result<()> {
        before(StoreCall::Remove, 0)?;
        match fs::remove_file(self.file(first)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the content of a file durable.
    pub(super) fn sync_file(&self, first: u64) -> io::Result<()> {
        before(StoreCall::Open, 0)?;
        // Windows syncs only files that are open for writing.
        let file = OpenOptions::new().write(true).open(self.file(first))?;
        sync_data(&file)
    }
}

/// Syncs the list of files.
#[derive(Debug)]
pub(super) struct DirectoryHandle {
    /// `None` on systems where directories cannot be synced.
    file: Option<File>,
}

impl DirectoryHandle {
    fn open(path: &Path) -> io::Result<Self> {
        before(StoreCall::Open, 0)?;
        let file = cfg!(unix).then(|| File::open(path)).transpose()?;
        Ok(Self { file })
    }

    /// Makes durable which files exist.
    pub(super) fn sync(&self) -> io::Result<()> {
        before(StoreCall::Sync, 0)?;
        self.file.as_ref().map_or(Ok(()), File::sync_all)
    }
}

/// Makes durable which files a directory has, after one was renamed. Does nothing on systems where that is not possible.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    DirectoryHandle::open(path)?.sync()
}

/// Writes all bytes at the end of what has been written through `file`.
pub(super) fn write_all(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let len = before(StoreCall::Write, bytes.len())?;
        match file.write(&bytes[..len]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn sync_data(file: &File) -> io::Result<()> {
    before(StoreCall::Sync, 0)?;
    file.sync_data()
}

/// Returns the time since the last change of a log. `None` if there is no log.
pub(crate) fn idle_time(path: &Path) -> Option<Duration> {
    let changed = event_files(path).filter_map(|file| file.metadata().ok()?.modified().ok());
    // A clock that was set back: no time has passed.
    Some(changed.max()?.elapsed().unwrap_or_default())
}

/// Removes the files of a log as far as that is possible, oldest first.
pub(crate) fn discard(path: &Path) {
    let mut files: Vec<_> = event_files(path).map(|file| file.path()).collect();
    files.sort();
    for file in files {
        if fs::remove_file(file).is_err() {
            return;
        }
    }
}

fn event_files(path: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let files = fs::read_dir(path).into_iter().flatten().flatten();
    files.filter(|file| first_sequence(&file.file_name()).is_some())
}

/// Returns the name of a segment.
pub(super) fn file_name(first: u64) -> String {
    format!("{first:0DIGITS$}{SUFFIX}")
}

/// Reads the name of a segment. `None`: it is another file.
fn first_sequence(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

fn make(path: &Path) -> io::Result<()> {
    before(StoreCall::MakeDirectory, 0)?;
    let mut builder = DirBuilder::new();
    access::private_directory(builder.recursive(true)).create(path)
}

fn try_lock(path: &Path) -> Result<File, TryLockError> {
    before(StoreCall::Lock, 0).map_err(TryLockError::Error)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = access::private(&mut options).open(path);
    let file = file.map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}
