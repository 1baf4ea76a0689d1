//! Key files on Windows.

use std::fs::{File, Metadata};
use std::io;
use std::os::windows::fs::MetadataExt;
use std::path::{Path, PathBuf};

use known_folders::{KnownFolder, get_known_folder_path};

/// Returns the key file of pushd's packages.
pub fn default_key_file() -> PathBuf {
    let data = get_known_folder_path(KnownFolder::ProgramData);
    let data = data.unwrap_or_else(|| r"C:\ProgramData".into());
    data.join("pushd").join("ticket.keys")
}

/// Opens a file to read it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Times of a file. They differ after a change, and for another file at the same path.
#[derive(PartialEq, Eq)]
pub(super) struct Version {
    len: u64,
    created: u64,
    modified: u64,
}

impl Version {
    pub(super) fn of(file: &Metadata) -> Self {
        Self {
            len: file.len(),
            created: file.creation_time(),
            modified: file.last_write_time(),
        }
    }
}
