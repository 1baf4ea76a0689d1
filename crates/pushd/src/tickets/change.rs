//! Replaces the key file. At every moment the file is complete: a new one takes its name.
//!
//! The id of a new key is the time of its creation, as in `20261103-120000`. So the second key of a file is either newer than
//! the first, and does not sign yet, or older, and does not sign any more.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use pusher_core::{TicketKeys, TicketKeysError, open_regular_file};

/// Permissions of a new file: the site reads it as a member of its group.
#[cfg(unix)]
const MODE: u32 = 0o640;

/// Bytes of a new key, before base64.
const KEY_LEN: usize = 32;

/// Why the file was not replaced. It is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("cannot {what} {}: {source}", file.display())]
    Io {
        what: &'static str,
        file: PathBuf,
        source: io::Error,
    },
    #[error(
        "{} exists: another `pusherd ticket rotate` is running. If not, one was killed: remove the file",
        .0.display()
    )]
    Locked(PathBuf),
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    #[error("{}: {source}", file.display())]
    Keys {
        file: PathBuf,
        source: TicketKeysError,
    },
    #[error(
        "{} has no key that is newer than the one that signs: `pusherd ticket rotate --add` adds one",
        .0.display()
    )]
    NoNewKey(PathBuf),
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}

/// A new key that is accepted and does not sign yet.
#[derive(Debug)]
pub(crate) struct Added {
    pub(crate) id: String,
    /// The id of the key that had to make room.
    pub(crate) removed: Option<String>,
    /// An earlier call has added the key.
    pub(crate) was_there: bool,
}

/// Creates the file, with one key. Returns the key's id.
pub(crate) fn create(file: &Path) -> Result<String, ChangeError> {
    let draft = Draft::new(file)?;
    if file.exists() {
        return Err(ChangeError::Exists(file.to_owned()));
    }
    let key = new_key(&[])?;
    let id = id_of(&key).to_owned();
    draft.replace(&[key], None)?;
    Ok(id)
}

/// Adds a new key behind the one that signs, if there is none yet.
pub(crate) fn add(file: &Path) -> Result<Added, ChangeError> {
    let draft = Draft::new(file)?;
    let (mut keys, metadata) = read(file)?;
    if has_new(&keys) {
        return Ok(Added {
            id: id_of(&keys[1]).to_owned(),
            removed: None,
            was_there: true,
        });
    }
    let key = new_key(&keys)?;
    let added = Added {
        id: id_of(&key).to_owned(),
        removed: keys.get(1).map(|old| id_of(old).to_owned()),
        was_there: false,
    };
    keys.truncate(1);
    keys.push(key);
    draft.replace(&keys, Some(&metadata))?;
    Ok(added)
}

/// Makes the new key the one that signs. Returns its id and that of the old one, which is still accepted.
pub(crate) fn use_new(file: &Path) -> Result<(String, String), ChangeError> {
    let draft = Draft::new(file)?;
    let (mut keys, metadata) = read(file)?;
    if !has_new(&keys) {
        return Err(ChangeError::NoNewKey(file.to_owned()));
    }
    keys.swap(0, 1);
    draft.replace(&keys, Some(&metadata))?;
    Ok((id_of(&keys[0]).to_owned(), id_of(&keys[1]).to_owned()))
}

/// Reads the lines with keys, and the owner and the permissions of the file.
fn read(file: &Path) -> Result<(Vec<String>, Metadata), ChangeError> {
    let opened = open_regular_file(file).map_err(io_error("read", file))?;
    let metadata = opened.metadata().map_err(io_error("read", file))?;
    let text = io::read_to_string(opened).map_err(io_error("read", file))?;
    let keys: Result<TicketKeys, _> = text.parse();
    keys.map_err(|source| ChangeError::Keys {
        file: file.to_owned(),
        source,
    })?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok((lines.map(str::to_owned).collect(), metadata))
}

/// Returns the id in a line.
fn id_of(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// Returns the time of creation that is the id of a key, unless somebody else has chosen the id.
fn created(line: &str) -> Option<SystemTime> {
    let (date, time) = id_of(line).split_once('-')?;
    let is_digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(date, 8) || !is_digits(time, 6) {
        return None;
    }
    let [year, month, day] = [&date[..4], &date[4..6], &date[6..]];
    let [hour, minute, second] = [&time[..2], &time[2..4], &time[4..]];
    humantime::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

/// Whether the second key is newer than the first.
fn has_new(keys: &[String]) -> bool {
    keys.get(1).is_some_and(|second| {
        let second = created(second);
        second.is_some() && second > created(&keys[0])
    })
}

/// Makes a line with a random key, which is newer than all others.
fn new_key(others: &[String]) -> Result<String, ChangeError> {
    let mut bytes = [0; KEY_LEN];
    getrandom::fill(&mut bytes).map_err(ChangeError::Random)?;
    let latest = others.iter().filter_map(|line| created(line)).max();
    let later = latest.map(|latest| latest + Duration::from_secs(1));
    let now = later.map_or_else(SystemTime::now, |later| later.max(SystemTime::now()));
    let id = humantime::format_rfc3339_seconds(now).to_string();
    let id = id.replace(['-', ':', 'Z'], "").replace('T', "-");
    Ok(format!("{id} {}", BASE64URL_NOPAD.encode(&bytes)))
}

/// The next content of the file, under another name. While it exists, no other process changes the file.
struct Draft {
    /// The file, without links: its folder gets the draft.
    file: PathBuf,
    path: PathBuf,
    draft: File,
    /// Has the name of the file. A draft with `path` is another process's.
    is_in_place: bool,
}

impl Draft {
    fn new(file: &Path) -> Result<Self, ChangeError> {
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let mut path = file.clone().into_os_string();
        path.push(".new");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Until the owner is set.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(draft) => Ok(Self {
                file,
                path,
                draft,
                is_in_place: false,
            }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(ChangeError::Locked(path))
            }
            Err(error) => Err(io_error("create", &path)(error)),
        }
    }

    /// Replaces the file. `of_old` has the owner and the permissions of the old one.
    fn replace(mut self, keys: &[String], of_old: Option<&Metadata>) -> Result<(), ChangeError> {
        let text = format!("{}\n", keys.join("\n"));
        let written = self.draft.write_all(text.as_bytes());
        written.map_err(io_error("write", &self.path))?;
        self.set_owner(of_old)?;
        self.draft
            .sync_all()
            .map_err(io_error("write", &self.path))?;
        fs::rename(&self.path, &self.file).map_err(io_error("replace", &self.file))?;
        self.is_in_place = true;
        Ok(())
    }

    /// Gives the draft the owner and the permissions of the old file. A new file gets the owner of its folder, as far as
    /// this user may do that.
    #[cfg(unix)]
    fn set_owner(&self, of_old: Option<&Metadata>) -> Result<(), ChangeError> {
        use std::fs::Permissions;
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let mode = match of_old {
            Some(old) => {
                let own = self
                    .draft
                    .metadata()
                    .map_err(io_error("read", &self.path))?;
                if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
                    let changed = fchown(&self.draft, Some(old.uid()), Some(old.gid()));
                    changed.map_err(io_error("keep the owner and the group of", &self.file))?;
                }
                old.permissions().mode() & 0o7777
            }
            None => {
                let folder = self.file.parent().filter(|path| *path != Path::new(""));
                let folder = folder.unwrap_or(Path::new("."));
                let folder = fs::metadata(folder).map_err(io_error("read", folder))?;
                let _not_permitted = fchown(&self.draft, None, Some(folder.gid()));
                let _not_permitted = fchown(&self.draft, Some(folder.uid()), None);
                MODE
            }
        };
        let set = self.draft.set_permissions(Permissions::from_mode(mode));
        set.map_err(io_error("set the permissions of", &self.path))
    }

    #[cfg(not(unix))]
    fn set_owner(&self, _of_old: Option<&Metadata>) -> Result<(), ChangeError> {
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_in_place {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

fn io_error(what: &'static str, file: &Path) -> impl FnOnce(io::Error) -> ChangeError {
    let file = file.to_owned();
    move |source| ChangeError::Io { what, file, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the ids in the file.
    fn ids(file: &Path) -> Vec<String> {
        let (keys, _) = read(file).unwrap();
        keys.iter().map(|key| id_of(key).to_owned()).collect()
    }

    #[test]
    fn each_key_is_accepted_before_it_signs_and_after() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        let first = create(&file).unwrap();
        assert!(matches!(create(&file), Err(ChangeError::Exists(_))));
        assert!(matches!(use_new(&file), Err(ChangeError::NoNewKey(_))));
        let second = add(&file).unwrap();
        assert!(second.removed.is_none() && !second.was_there);
        assert_eq!(ids(&file), [&*first, &*second.id]);
        let again = add(&file).unwrap();
        assert!(again.was_there && again.id == second.id);
        let signing = use_new(&file).unwrap();
        assert_eq!(signing, (second.id.clone(), first.clone()));
        assert_eq!(ids(&file), [&*second.id, &*first]);
        assert!(matches!(use_new(&file), Err(ChangeError::NoNewKey(_))));
        let third = add(&file).unwrap();
        assert_eq!(third.removed, Some(first));
        assert_eq!(ids(&file), [second.id, third.id]);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn keys_with_chosen_ids_are_replaced_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        let key = "0123456789abcdef0123456789abcdef";
        fs::write(&file, format!("# ours\na {key}\n\nb {key}\n")).unwrap();
        let added = add(&file).unwrap();
        assert_eq!(added.removed.as_deref(), Some("b"));
        assert_eq!(use_new(&file).unwrap(), (added.id, "a".to_owned()));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.ends_with(&format!("\na {key}\n")), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_the_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("keys"), folder.path().join("link"));
        create(&file).unwrap();
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(), 0o640);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        add(&link).unwrap();
        assert_eq!(mode(), 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(ids(&file).len(), 2);
    }

    #[test]
    fn a_wrong_file_and_a_second_process_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        fs::write(&file, "k secret-that-is-too-short").unwrap();
        let text = add(&file).unwrap_err().to_string();
        assert!(
            text.contains("line 1") && !text.contains("secret"),
            "{text}"
        );
        fs::remove_file(&file).unwrap();
        create(&file).unwrap();
        let draft = Draft::new(&file).unwrap();
        let text = add(&file).unwrap_err().to_string();
        assert!(text.contains("keys.new exists"), "{text}");
        drop(draft);
        add(&file).unwrap();
    }
}
