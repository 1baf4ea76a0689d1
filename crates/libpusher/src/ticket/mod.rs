//! Signs tickets, with which browsers subscribe to private topics. No connection to pushd is needed.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::cell::Cell;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use pusher_proto::ticket::{SignError, TicketKeys, TicketRequest};

use crate::c_api::codes;
use crate::error::Error;
use crate::unix_time::unix_time_s;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use system::default_key_file;
use system::{Version, open};

/// Longest key file in bytes. Two keys take about 600, and there may be comments.
const KEY_FILE_LEN_MAX: u64 = 64 * 1024;

thread_local! {
    /// The keys that this thread used last. There is no lock, so a fork while another thread signs leaves a working child.
    static KEPT: Cell<Option<KeyFile>> = const { Cell::new(None) };
}

/// Signs a ticket with the first key of a file, beginning now.
///
/// Reads the file at the first call of each thread, and again after a change.
///
/// # Errors
/// [`Error::Config`]: the file has no keys, or cannot be read. [`Error::Argument`]: the request breaks a rule.
pub fn sign_ticket(key_file: &Path, request: &TicketRequest<'_>) -> Result<String, Error> {
    // In a thread that is ending, nothing is kept.
    let kept = KEPT.try_with(Cell::take).ok().flatten();
    let current = KeyFile::current(kept, key_file).map_err(|reason| {
        Error::config("key_file", format_args!("{}: {reason}", key_file.display()))
    })?;
    let ticket = current.keys.sign(request, unix_time_s());
    let _ = KEPT.try_with(|kept| kept.set(Some(current)));
    Ok(ticket?)
}

/// A key file as it was read.
struct KeyFile {
    path: PathBuf,
    version: Version,
    keys: TicketKeys,
}

impl KeyFile {
    /// Returns the keys of the file at `path`. Reads the file only if it has changed since `kept` was read.
    fn current(kept: Option<Self>, path: &Path) -> Result<Self, String> {
        let found = fs::metadata(path).map_err(|error| advice(path, &error))?;
        let version = Version::of(&found);
        let is_same = |kept: &Self| kept.version == version && kept.path.as_os_str() == path;
        match kept.filter(is_same) {
            Some(kept) => Ok(kept),
            None => Self::read(path),
        }
    }

    fn read(path: &Path) -> Result<Self, String> {
        let file = open(path).map_err(|error| advice(path, &error))?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is not a file".to_owned());
        }
        let mut text = String::new();
        let read = file.take(KEY_FILE_LEN_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
            _ => error.to_string(),
        })?;
        if text.len() as u64 > KEY_FILE_LEN_MAX {
            return Err(format!("it is longer than {KEY_FILE_LEN_MAX} bytes"));
        }
        let keys = text.parse::<TicketKeys>();
        Ok(Self {
            path: path.to_owned(),
            // Of the opened file. If it changes while it is read, the next call reads it again.
            version: Version::of(&metadata),
            keys: keys.map_err(|error| error.to_string())?,
        })
    }
}

fn advice(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!(
            "it does not exist: `pusherd ticket rotate {}` creates it, and pushd reads it as ticket-key-file",
            path.display()
        ),
        ErrorKind::PermissionDenied => {
            "this user may not read it: its group must be one of this user's".to_owned()
        }
        _ => error.to_string(),
    }
}

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        Self::Argument {
            code: match error {
                SignError::TopicCount(_) | SignError::Topic(_) => codes::PUSH_ETOPIC,
                SignError::Ttl(_) => codes::PUSH_ECONFIG,
                SignError::Sub(_) => codes::PUSH_EINVAL,
                SignError::Info => codes::PUSH_EJSON,
                SignError::TooLong(_) => codes::PUSH_ETOOBIG,
            },
            reason: format!("no ticket was signed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn sign(file: &Path) -> Result<String, Error> {
        sign_ticket(
            file,
            &TicketRequest {
                topics: &["orders.42"],
                ttl_s: 300,
                ..TicketRequest::default()
            },
        )
    }

    /// Whether the first key of `keys` has signed the ticket.
    fn is_signed_by(ticket: &str, keys: &str) -> bool {
        let keys: TicketKeys = keys.parse().unwrap();
        keys.verify(ticket, unix_time_s()).is_ok()
    }

    const OLD: &str = "old 0123456789abcdef0123456789abcdef\n";
    const NEW: &str = "new fedcba9876543210fedcba9876543210\n";

    #[test]
    fn a_changed_key_file_is_read_again() {
        let folder = TempDir::new().unwrap();
        let (file, other) = (folder.path().join("keys"), folder.path().join("other"));
        fs::write(&file, OLD).unwrap();
        for _ in 0..3 {
            assert!(is_signed_by(&sign(&file).unwrap(), OLD));
        }
        // As `pusherd ticket rotate` does.
        fs::write(&other, format!("{NEW}{OLD}")).unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(is_signed_by(&sign(&file).unwrap(), NEW));
        // As an editor does.
        fs::write(&file, format!("# the old one again\n{OLD}")).unwrap();
        assert!(is_signed_by(&sign(&file).unwrap(), OLD));
        // As Kubernetes does.
        fs::write(&other, NEW).unwrap();
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(is_signed_by(&sign(&link).unwrap(), OLD));
        fs::remove_file(&link).unwrap();
        symlink(&other, &link).unwrap();
        assert!(is_signed_by(&sign(&link).unwrap(), NEW));
    }

    #[test]
    fn a_key_file_that_went_is_an_error() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("keys");
        fs::write(&file, OLD).unwrap();
        sign(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let error = sign(&file).unwrap_err();
        assert_eq!(error.code(), codes::PUSH_ECONFIG);
        assert!(error.is_callers_mistake());
        let text = error.to_string();
        for part in ["pusherd ticket rotate", &file.display().to_string()] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn mistakes_in_a_key_file_do_not_show_its_text() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("keys");
        let long = "# filler\n".repeat(8000);
        for (text, part) in [
            (&b""[..], "no key"),
            (b"k1 s3cret\n", "line 1 is not `ID KEY`"),
            (b"k1 \xffs3cret", "it is not text in UTF-8"),
            (long.as_bytes(), "it is longer than 65536 bytes"),
        ] {
            fs::write(&file, text).unwrap();
            let error = sign(&file).unwrap_err();
            assert_eq!(error.code(), codes::PUSH_ECONFIG);
            let text = error.to_string();
            assert!(text.contains(part) && !text.contains("s3cret"), "{text}");
        }
        let error = sign(folder.path()).unwrap_err();
        assert!(error.to_string().contains("it is not a file"), "{error}");
    }
}
