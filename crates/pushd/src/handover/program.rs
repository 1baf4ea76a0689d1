//! The program that this process runs.

use std::env;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The path of the program as it was started, and the file that was there then.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    /// `None` if it could not be read.
    file: Option<Identity>,
}

/// Device, inode number, and time of the last change in seconds and nanoseconds.
type Identity = (u64, u64, i64, i64);

impl Program {
    /// Finds the program of this process. Call it at the start: later, the system knows only the deleted file.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        // The path on the command line may be a link, which an update replaces.
        let started_as = env::args_os().next().map(PathBuf::from);
        let path = match started_as.filter(|path| path.components().count() > 1) {
            Some(path) => std::path::absolute(path)?,
            None => env::current_exe()?,
        };
        let file = fs::metadata(&path).ok().map(|file| identity(&file));
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another file is there now, as after an update of a package.
    pub(crate) fn is_replaced(&self) -> bool {
        let now = fs::metadata(&self.path).ok().map(|file| identity(&file));
        now.is_some() && now != self.file
    }
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino(), file.mtime(), file.mtime_nsec())
}
