//! The key of the demo's tickets. PHP signs with it, and pushd verifies.

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::apache;
use crate::args::Demo;

const KEY_LEN: usize = 32;

/// The blog's topics for all readers, whose members pushd shows. `CATEGORIES` in the blog's setup.php has them, too.
const CATEGORIES: [&str; 3] = ["kittensCategory", "puppiesCategory", "birdsCategory"];

/// A key file, removed when this value is dropped.
pub(super) struct Keys {
    pub(super) file: PathBuf,
    _folder: TempDir,
}

impl Keys {
    /// Makes a file that only this user and the web server can read.
    pub(super) fn make(options: &Demo) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pushd-demo-").tempdir()?;
        let file = folder.path().join("ticket.key");
        fs::write(&file, format!("demo {}\n", random_key()?))?;
        fs::set_permissions(&file, Permissions::from_mode(0o640))?;
        if let Some(group) = apache::group().filter(|_| options.apache) {
            for path in [folder.path(), &file] {
                chown(path, None, Some(group)).context("can't give the key to Apache's group")?;
            }
            fs::set_permissions(folder.path(), Permissions::from_mode(0o750))?;
        }
        Ok(Self {
            file,
            _folder: folder,
        })
    }

    /// Returns the flags of pushd.
    pub(super) fn flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("--ticket-key-file={}", self.file.display()),
            "--private-topics=user.*".to_owned(),
        ];
        flags.extend(CATEGORIES.map(|category| format!("--presence={category}")));
        flags
    }
}

fn random_key() -> Result<String> {
    let mut bytes = [0; KEY_LEN];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut key = String::new();
    for byte in bytes {
        // Writing to a String can't fail.
        let _ = write!(key, "{byte:02x}");
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_not_for_everybody() {
        let keys = Keys::make(&Demo::default()).unwrap();
        let mode = fs::metadata(&keys.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let text = fs::read_to_string(&keys.file).unwrap();
        let (id, key) = text.trim_end().split_once(' ').unwrap();
        assert_eq!((id, key.len()), ("demo", 2 * KEY_LEN));
    }
}
