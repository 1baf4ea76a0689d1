//! A file that the server has taken.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use pusher_proto::limits::SPOOL_LEN_MAX;

/// Longest file that is read. Publishers that write at the same moment may exceed their limit.
const LEN_MAX: u64 = 2 * SPOOL_LEN_MAX;

/// A file that no publisher finds any more. One that had opened it before may still write.
#[derive(Debug)]
pub(crate) struct Claimed {
    path: PathBuf,
    file: File,
    /// Everything before it is done.
    done: u64,
}

/// The rest of a file.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) bytes: Vec<u8>,
    /// No publisher can write any more.
    pub(crate) is_complete: bool,
}

impl Claimed {
    pub(super) fn new(path: PathBuf, file: File) -> Self {
        Self {
            path,
            file,
            done: 0,
        }
    }

    /// Reads the rest of the file. While a publisher may still write, the rest ends with the last line feed.
    pub(crate) fn rest(&mut self) -> io::Result<Rest> {
        let is_complete = match self.file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let len = self.file.metadata()?.len();
        if len > LEN_MAX {
            let text = format!("the file has {len} bytes, at most {LEN_MAX} are read");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.file.seek(SeekFrom::Start(self.done))?;
        let mut bytes = Vec::new();
        (&self.file).take(LEN_MAX).read_to_end(&mut bytes)?;
        if !is_complete {
            let end = bytes.iter().rposition(|&byte| byte == b'\n');
            bytes.truncate(end.map_or(0, |end| end + 1));
        }
        Ok(Rest { bytes, is_complete })
    }

    /// Records that the next `len` bytes are done.
    pub(crate) fn set_done(&mut self, len: usize) {
        self.done += len as u64;
    }

    /// Removes the file. It is no error if it is gone.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SpoolDirectory;
    use super::*;

    fn claimed(text: &str) -> (tempfile::TempDir, Claimed) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("spool"), text).unwrap();
        let directory = SpoolDirectory::new(folder.path());
        let path = directory.claim().unwrap().remove(0);
        let claimed = directory.open(&path).unwrap();
        (folder, claimed)
    }

    #[test]
    fn a_file_is_read_from_where_it_is_not_done() {
        let (_folder, mut claimed) = claimed("one\ntwo");
        assert_eq!(claimed.rest().unwrap().bytes, b"one\ntwo");
        claimed.set_done(4);
        let rest = claimed.rest().unwrap();
        assert_eq!((&rest.bytes[..], rest.is_complete), (&b"two"[..], true));
        let path = claimed.path.clone();
        claimed.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn while_a_publisher_writes_only_whole_lines_are_read() {
        let (_folder, mut claimed) = claimed("one\ntwo");
        let publisher = File::options().append(true).open(&claimed.path).unwrap();
        publisher.lock_shared().unwrap();
        let rest = claimed.rest().unwrap();
        assert_eq!((&rest.bytes[..], rest.is_complete), (&b"one\n"[..], false));
        drop(publisher);
        assert!(claimed.rest().unwrap().is_complete);
    }

    #[test]
    fn a_file_that_no_publisher_writes_is_an_error() {
        let (_folder, mut claimed) = claimed("");
        let file = File::options().write(true).open(&claimed.path).unwrap();
        file.set_len(LEN_MAX + 1).unwrap();
        assert!(claimed.rest().is_err());
    }
}
