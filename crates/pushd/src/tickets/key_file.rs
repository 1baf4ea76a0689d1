//! Where the file is, and the keys in it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pusher_core::{TicketKeys, TicketKeysError, open_regular_file};

use crate::paths;

/// The path of the key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile(PathBuf);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error(
        "cannot read ticket-key-file {}: {source}; if there is none, `pusherd ticket rotate {}` creates it",
        file.display(),
        file.display()
    )]
    Read { file: PathBuf, source: io::Error },
    #[error("ticket-key-file {}: {source}", file.display())]
    Keys {
        file: PathBuf,
        source: TicketKeysError,
    },
}

/// The path of the key file is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path is empty")]
pub(crate) struct EmptyPath;

impl KeyFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns whether this is the file that need not exist while no topic is private.
    pub(crate) fn is_default(&self) -> bool {
        self.0 == paths::key_file()
    }

    /// Reads the keys.
    pub(crate) fn read(&self) -> Result<TicketKeys, KeyFileError> {
        let file = || self.0.clone();
        let text = open_regular_file(&self.0).and_then(io::read_to_string);
        let text = text.map_err(|source| KeyFileError::Read {
            file: file(),
            source,
        })?;
        text.parse().map_err(|source| KeyFileError::Keys {
            file: file(),
            source,
        })
    }
}

impl Default for KeyFile {
    fn default() -> Self {
        Self(paths::key_file())
    }
}

impl From<PathBuf> for KeyFile {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl FromStr for KeyFile {
    type Err = EmptyPath;

    fn from_str(path: &str) -> Result<Self, EmptyPath> {
        match path.is_empty() {
            true => Err(EmptyPath),
            false => Ok(Self(path.into())),
        }
    }
}

impl fmt::Display for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_the_file_and_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tickets");
        let file = KeyFile::from(path.clone());
        let text = file.read().unwrap_err().to_string();
        let advice = format!("`pusherd ticket rotate {file}`");
        assert!(text.contains(&advice), "{text}");
        std::fs::write(&path, "k too-short-to-be-a-key\n").unwrap();
        let text = file.read().unwrap_err().to_string();
        assert!(text.contains(&file.to_string()), "{text}");
        assert!(!text.contains("too-short"), "{text}");
        std::fs::write(&path, "k 0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(file.read().unwrap().ids().collect::<Vec<_>>(), ["k"]);
    }
}
