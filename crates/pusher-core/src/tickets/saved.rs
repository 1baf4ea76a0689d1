//! The file that keeps revocations over a restart.
//!
//! It has a line of JSON for each revocation, in the order in which they came. The start writes it anew, without those that
//! are no longer needed; so does an append if it has become long.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::revocations::{REVOCATIONS_MAX, Revocation, Revocations};
use crate::config::{StateOptions, SyncPolicy, open_regular_file};
use crate::store::{NEW_REVOCATIONS, REVOCATIONS, private, sync_directory};
use crate::unix_time::unix_s;

/// Lines after which the file is written anew.
const LINES_MAX: usize = 2 * REVOCATIONS_MAX;

/// The file of revocations.
#[derive(Debug)]
pub(super) struct SavedRevocations {
    dir: PathBuf,
    file: File,
    lines: usize,
    is_synced: bool,
}

impl SavedRevocations {
    /// Reads the file, and opens it to append. If that fails, logs the reason and returns `None`: then a restart forgets
    /// revocations.
    pub(super) fn open(state: &StateOptions, revocations: &mut Revocations) -> Option<Self> {
        let opened = read(&state.dir, revocations).and_then(|()| {
            let all: Vec<_> = revocations.needed(unix_s()).collect();
            Ok(Self {
                dir: state.dir.clone(),
                file: rewrite(&state.dir, &all)?,
                lines: all.len(),
                is_synced: state.sync == SyncPolicy::Always,
            })
        });
        let dir = state.dir.display();
        opened
            .inspect_err(|error| {
                tracing::error!(%error, %dir, "cannot keep revocations: a restart forgets them");
            })
            .ok()
    }

    /// Appends a revocation. Writes the file anew with `all` revocations if it has become long, or if it is not complete.
    pub(super) fn append(
        &mut self,
        revocation: &Revocation,
        is_complete: bool,
        all: impl FnOnce() -> Vec<Revocation>,
    ) -> io::Result<()> {
        if self.lines >= LINES_MAX || !is_complete {
            let all = all();
            self.file = rewrite(&self.dir, &all)?;
            self.lines = all.len();
        } else {
            self.file.write_all(&line(revocation)?)?;
            self.lines += 1;
        }
        match self.is_synced {
            true => self.file.sync_data(),
            false => Ok(()),
        }
    }
}

fn line(revocation: &Revocation) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(revocation)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads the file, if there is one. A line that is none is skipped: a crash can have cut the last one.
fn read(dir: &Path, revocations: &mut Revocations) -> io::Result<()> {
    let mut file = match open_regular_file(&dir.join(REVOCATIONS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    for line in bytes.split(|&byte| byte == b'\n') {
        match serde_json::from_slice::<Revocation>(line) {
            Ok(revocation) => {
                revocations
                    .insert(&revocation, unix_s())
                    .map_err(io::Error::other)?;
            }
            Err(_) if line.is_empty() => {}
            Err(error) => tracing::warn!(%error, "the file of revocations has a damaged line"),
        }
    }
    Ok(())
}

/// Writes the file anew. Returns it, to append.
fn rewrite(dir: &Path, all: &[Revocation]) -> io::Result<File> {
    let new = dir.join(NEW_REVOCATIONS);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut writer = BufWriter::new(private(&mut options).open(&new)?);
    for revocation in all {
        writer.write_all(&line(revocation)?)?;
    }
    let file = writer.into_inner().map_err(io::Error::from)?;
    file.sync_data()?;
    fs::rename(&new, dir.join(REVOCATIONS))?;
    // Otherwise a crash of the machine could bring the old file back, without what was appended to this one.
    sync_directory(dir)?;
    OpenOptions::new().append(true).open(dir.join(REVOCATIONS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(dir: &Path) -> StateOptions {
        StateOptions {
            dir: dir.to_owned(),
            sync: SyncPolicy::Always,
        }
    }

    #[test]
    fn file_is_written_anew_when_it_is_long() {
        let dir = tempfile::tempdir().unwrap();
        let state = state(dir.path());
        let mut revocations = Revocations::default();
        let mut saved = SavedRevocations::open(&state, &mut revocations).unwrap();
        let now_s = unix_s();
        // One user, each time up to a later time.
        let mut revoke = |before_s| {
            let sub = "7".to_owned();
            let revocation = Revocation { sub, before_s };
            assert!(revocations.insert(&revocation, now_s).unwrap());
            let all = || revocations.needed(now_s).collect();
            saved.append(&revocation, true, all).unwrap();
        };
        let lines = || {
            let text = fs::read_to_string(dir.path().join(REVOCATIONS)).unwrap();
            text.lines().count()
        };
        (now_s..).take(LINES_MAX).for_each(&mut revoke);
        assert_eq!(lines(), LINES_MAX);
        revoke(u64::MAX);
        assert_eq!(lines(), 1);
        let mut reopened = Revocations::default();
        drop(saved);
        SavedRevocations::open(&state, &mut reopened).unwrap();
        assert_eq!(reopened.needed(now_s).next().unwrap().before_s, u64::MAX);
    }

    #[cfg(unix)]
    #[test]
    fn named_pipes_in_its_place_are_an_error() {
        for name in [REVOCATIONS, NEW_REVOCATIONS] {
            let dir = tempfile::tempdir().unwrap();
            let pipe = dir.path().join(name);
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
            let saved = SavedRevocations::open(&state(dir.path()), &mut Revocations::default());
            assert!(saved.is_none(), "{name}");
        }
    }
}
