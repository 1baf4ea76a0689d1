//! The files of the directory.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pusher_proto::spool::FILE_NAME;

use super::claimed::Claimed;

/// Begin of the names of files that the server has taken. The rest makes their order that of their ages.
const CLAIMED: &str = "draining-";

/// The file for records that cannot be published: damaged ones, and those of a newer version.
const SET_ASIDE: &str = "set-aside";

/// Longest file of records that are set aside. Later ones are only counted and logged.
const SET_ASIDE_LEN_MAX: u64 = 16 * 1024 * 1024;

/// Files of one directory. Other users may write to it, so the server follows no links in it.
#[derive(Debug)]
pub(crate) struct SpoolDirectory {
    path: PathBuf,
}

impl SpoolDirectory {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the active file, if there is one. Returns all files that are taken, oldest first.
    pub(crate) fn claim(&self) -> io::Result<Vec<PathBuf>> {
        let mut claimed = self.claimed()?;
        let active = self.path.join(FILE_NAME);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_ns = since.map_or(0, |since| since.as_nanos());
        let last = claimed.last().and_then(|last| number(last)).unwrap_or(0);
        // Behind the others, also if the clock went back.
        let number = now_ns.max(last + 1);
        let taken = self.path.join(format!("{CLAIMED}{number:039}"));
        match fs::rename(&active, &taken) {
            Ok(()) => claimed.push(taken),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(claimed)
    }

    fn claimed(&self) -> io::Result<Vec<PathBuf>> {
        let mut claimed = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if number(&path).is_some() {
                claimed.push(path);
            }
        }
        claimed.sort();
        Ok(claimed)
    }

    /// Opens a taken file.
    pub(crate) fn open(&self, path: &Path) -> io::Result<Claimed> {
        let file = no_links(OpenOptions::new().read(true)).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidData, "not a regular file"));
        }
        Ok(Claimed::new(path.to_owned(), file))
    }

    /// Keeps a line that cannot be published, for the operator. Returns false if there is no room for it.
    pub(crate) fn set_aside(&self, line: &[u8]) -> io::Result<bool> {
        let mut options = OpenOptions::new();
        let options = no_links(options.append(true).create(true));
        let mut file: File = options.open(self.path.join(SET_ASIDE))?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() + line.len() as u64 > SET_ASIDE_LEN_MAX {
            return Ok(false);
        }
        file.write_all(&[line, b"\n"].concat())?;
        Ok(true)
    }
}

/// Returns the number in the name of a taken file.
fn number(path: &Path) -> Option<u128> {
    let name = path.file_name().and_then(OsStr::to_str)?;
    name.strip_prefix(CLAIMED)?.parse().ok()
}

#[cfg(unix)]
fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .mode(0o640)
}

#[cfg(not(unix))]
fn no_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_files_are_in_the_order_of_their_ages() {
        let folder = tempfile::tempdir().unwrap();
        let directory = SpoolDirectory::new(folder.path());
        assert_eq!(directory.claim().unwrap(), Vec::<PathBuf>::new());
        let write = |text: &str| fs::write(folder.path().join(FILE_NAME), text).unwrap();
        write("first");
        // As if the clock had gone back.
        let future = folder.path().join(format!("{CLAIMED}{:039}", u64::MAX));
        fs::rename(&directory.claim().unwrap()[0], &future).unwrap();
        write("second");
        fs::write(folder.path().join("set-aside"), "").unwrap();
        let claimed = directory.claim().unwrap();
        let texts = claimed.iter().map(|path| fs::read_to_string(path).unwrap());
        assert_eq!(texts.collect::<Vec<_>>(), ["first", "second"]);
        assert_eq!(directory.claim().unwrap(), claimed);
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let directory = SpoolDirectory::new(&folder.path().join("missing"));
        assert_eq!(directory.claim().unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let directory = SpoolDirectory::new(folder.path());
        let secret = folder.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        for name in [FILE_NAME, SET_ASIDE] {
            std::os::unix::fs::symlink(&secret, folder.path().join(name)).unwrap();
        }
        let claimed = directory.claim().unwrap();
        assert!(directory.open(&claimed[0]).is_err());
        assert!(directory.set_aside(b"x").is_err());
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    }

    #[test]
    fn lines_are_set_aside_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let directory = SpoolDirectory::new(folder.path());
        assert!(directory.set_aside(b"a").unwrap());
        assert!(directory.set_aside(b"b").unwrap());
        let file = folder.path().join(SET_ASIDE);
        assert_eq!(fs::read_to_string(&file).unwrap(), "a\nb\n");
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_len(SET_ASIDE_LEN_MAX)
            .unwrap();
        assert!(!directory.set_aside(b"c").unwrap());
    }
}
