//! A log file, for a process without standard error.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Longest file in bytes. A line that does not fit begins a new file. The full one is renamed to `.old`, and replaces an
/// earlier one of that name.
const LEN_MAX: u64 = 10 * 1024 * 1024;

/// Writes lines to the end of the file.
pub(super) fn sink(path: PathBuf) -> io::Result<impl Fn(&[u8]) -> io::Result<()> + Send + Sync> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let file = Mutex::new(open(&path)?);
    Ok(move |line: &[u8]| {
        let mut file = file.lock();
        if file.metadata()?.len() + line.len() as u64 > LEN_MAX {
            fs::rename(&path, old(&path))?;
            *file = open(&path)?;
        }
        file.write_all(line)
    })
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn old(path: &Path) -> OsString {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs").join("pushd.log");
        let full = folder.path().join("logs").join("pushd.log.old");
        let write = sink(path.clone()).unwrap();
        let file = || File::options().write(true).open(&path).unwrap();
        file().set_len(LEN_MAX - 2).unwrap();
        write(b"a\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), LEN_MAX);
        assert!(!full.exists());
        for line in ["b\n", "c\n"] {
            write(line.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), line);
            assert_eq!(fs::metadata(&full).unwrap().len(), LEN_MAX);
            file().set_len(LEN_MAX).unwrap();
        }
    }
}
