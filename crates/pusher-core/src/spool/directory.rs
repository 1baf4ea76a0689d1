//! The files of the directory.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pusher_proto::spool::{FILE_NAME, TEMPORARY};

use super::claimed::Claimed;
use super::permission::refusal;

/// Begin of the names of files that the server has taken. The rest makes their order that of their ages.
const CLAIMED: &str = "draining-";

/// The file for records that cannot be published: damaged ones, and those of a newer version. The names of whole files
/// begin with it.
const SET_ASIDE: &str = "set-aside";

/// Longest file of records that are set aside. Later ones are only counted and logged.
const SET_ASIDE_LEN_MAX: u64 = 16 * 1024 * 1024;

/// Files of one directory. Other users may write to it, so the server follows no links in it.
#[derive(Debug)]
pub(crate) struct SpoolDirectory {
    path: PathBuf,
}

/// Why a taken file is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Its owner may not publish.
    #[error("{0}")]
    Refused(&'static str),
    #[error(transparent)]
    Io(#[from] io::Error),
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
        self.remove_temporary_names()?;
        Ok(claimed)
    }

    /// Removes the names under which publishers make the active file. A publisher that was killed leaves its name, and a
    /// taken file would have two. A publisher whose name is gone makes another file.
    fn remove_temporary_names(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let is_temporary = name
                .to_str()
                .is_some_and(|name| name.starts_with(TEMPORARY));
            if is_temporary
                && let Err(error) = fs::remove_file(self.path.join(name))
                && error.kind() != ErrorKind::NotFound
            {
                return Err(error);
            }
        }
        Ok(())
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

    /// Opens a taken file whose owner may publish.
    pub(crate) fn open(&self, path: &Path) -> Result<Claimed, OpenError> {
        // The server can perhaps not open the file of a stranger.
        self.check(&fs::symlink_metadata(path)?)?;
        let file = no_links(OpenOptions::new().read(true)).open(path)?;
        // Another file can have this name by now.
        self.check(&file.metadata()?)?;
        Ok(Claimed::new(path.to_owned(), file))
    }

    fn check(&self, file: &Metadata) -> Result<(), OpenError> {
        let directory = fs::metadata(&self.path)?;
        refusal(&directory, file).map_or(Ok(()), |reason| Err(OpenError::Refused(reason)))
    }

    /// Keeps a taken file that is not read, for the operator.
    pub(crate) fn set_file_aside(&self, path: &Path) -> io::Result<()> {
        let number = number(path).unwrap_or_default();
        let aside = format!("{SET_ASIDE}-{number:039}");
        fs::rename(path, self.path.join(aside))
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
        let opened = directory.open(&claimed[0]);
        assert!(matches!(opened, Err(OpenError::Refused(_))), "{opened:?}");
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
