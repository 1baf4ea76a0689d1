//! Whether the spool can be used, for diagnostics.

use std::io::ErrorKind;
use std::path::Path;

use pusher_proto::limits::SPOOL_LEN_MAX;
use pusher_proto::spool::FILE_NAME;

use super::failure::SpoolFailure;
use super::file::{failure, open_existing, temporary_name};
use super::system::create_new;

/// Checks whether this process could write an event to the spool in `dir` now. The active file stays as it is, and is
/// not created.
pub fn check_spool(dir: &Path) -> Result<(), SpoolFailure> {
    let path = dir.join(FILE_NAME);
    let Some(file) = open_existing(&path)? else {
        return check_dir(dir, &path);
    };
    let metadata = file.metadata().map_err(|error| failure(&path, error))?;
    let len = metadata.len();
    match len < SPOOL_LEN_MAX {
        true => Ok(()),
        false => Err(SpoolFailure::Full { path, len }),
    }
}

/// Checks whether the active file could be created.
fn check_dir(dir: &Path, path: &Path) -> Result<(), SpoolFailure> {
    let temporary = dir.join(temporary_name());
    match create_new(&temporary) {
        Ok(_) => {
            // The daemon may have removed it already.
            let _removed = std::fs::remove_file(&temporary);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(SpoolFailure::NoDirectory(dir.to_owned()))
        }
        Err(error) => Err(failure(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn a_check_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        check_spool(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(folder.path().join(FILE_NAME), "x").unwrap();
        check_spool(folder.path()).unwrap();
        assert_eq!(fs::read(folder.path().join(FILE_NAME)).unwrap(), b"x");
    }

    #[test]
    fn a_spool_that_cannot_be_used_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = check_spool(&folder.path().join("missing"));
        assert!(matches!(missing, Err(SpoolFailure::NoDirectory(_))));
        let path = folder.path().join(FILE_NAME);
        File::create(&path).unwrap().set_len(SPOOL_LEN_MAX).unwrap();
        let full = check_spool(folder.path());
        assert!(matches!(full, Err(SpoolFailure::Full { .. })));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let no_file = check_spool(folder.path());
        assert!(matches!(no_file, Err(SpoolFailure::NotAFile(_))));
    }
}
