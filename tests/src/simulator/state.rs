//! The state directory of a run, and what goes wrong on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

/// Damage to the files while the daemon is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A part of an entry follows the last one, as after a write that was cut off.
    TornTail {
        /// Length of the part.
        len: usize,
    },
    /// A bit of the files is wrong.
    FlippedBit {
        /// The place of the bit, as a fraction of all bytes in millionths.
        place: usize,
        /// The bit in the byte.
        bit: u8,
    },
    /// A file is missing, and not the newest of several.
    MissingFile {
        /// Which one, from the oldest.
        index: usize,
    },
    /// The files cannot be changed any more.
    ReadOnly,
}

/// Size of the file system of a run in which the disk becomes full.
const SMALL_DISK: &str = "size=64m";

/// Length of a file's header. Behind it is the first entry.
const FILE_HEADER_LEN: usize = 72;

/// Length of the header of an entry. It has the lengths of the texts behind it, of 4 bytes each, from byte 2 on.
const ENTRY_HEADER_LEN: usize = 38;

/// A directory for the daemon's state. Dropping the value removes it.
#[derive(Debug)]
pub(super) struct StateDir {
    folder: TempDir,
    is_mounted: bool,
}

impl StateDir {
    /// Creates a directory. `is_small`: in a small file system of its own, if this process may mount one.
    pub(super) fn new(is_small: bool) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let is_mounted = is_small && mount_small_disk(folder.path()).is_ok();
        let state = Self { folder, is_mounted };
        fs::create_dir(state.path()).map_err(|error| error.to_string())?;
        Ok(state)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Fills the file system, if it is a small one.
    pub(super) fn fill(&self) {
        if !self.is_mounted {
            return;
        }
        if let Ok(mut file) = File::create(self.filler()) {
            let zeros = [0; 4096];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    /// Frees the room again.
    pub(super) fn free(&self) {
        let _absent = fs::remove_file(self.filler());
    }

    /// Damages the files. A full or read-only disk may prevent that.
    pub(super) fn damage(&self, damage: Damage) -> io::Result<()> {
        let kinds = [ErrorKind::ReadOnlyFilesystem, ErrorKind::StorageFull];
        match self.try_damage(damage) {
            Err(error) if !kinds.contains(&error.kind()) => Err(error),
            _ => Ok(()),
        }
    }

    fn try_damage(&self, damage: Damage) -> io::Result<()> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.path())?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        files.retain(|file| file.is_file() && file.metadata().is_ok_and(|data| data.len() > 0));
        files.sort();
        let Some(last) = files.last() else {
            return Ok(());
        };
        match damage {
            Damage::TornTail { len } => {
                let bytes = fs::read(last)?;
                let entry = bytes.get(FILE_HEADER_LEN..).unwrap_or_default();
                let part = &entry[..len.min(entry_len(entry).saturating_sub(1))];
                OpenOptions::new().append(true).open(last)?.write_all(part)
            }
            Damage::FlippedBit { place, bit } => flip(&files, place, bit),
            Damage::MissingFile { index } => {
                // Nothing shows that the newest of several files is missing.
                let others = files.len().saturating_sub(1).max(1);
                fs::remove_file(&files[index % others])
            }
            Damage::ReadOnly if self.is_mounted => {
                let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
                let nothing = None::<&str>;
                mount(nothing, self.folder.path(), nothing, flags, nothing)?;
                Ok(())
            }
            Damage::ReadOnly => Ok(()),
        }
    }
}

fn flip(files: &[PathBuf], place: usize, bit: u8) -> io::Result<()> {
    let lens = files
        .iter()
        .map(|file| fs::read(file).map(|bytes| bytes.len()));
    let lens: Vec<usize> = lens.collect::<io::Result<_>>()?;
    let mut at = lens.iter().sum::<usize>() * place / 1_000_000;
    for (file, len) in files.iter().zip(lens) {
        if at < len {
            let byte = fs::read(file)?[at] ^ (1 << bit);
            let file = OpenOptions::new().write(true).open(file)?;
            return file.write_all_at(&[byte], at as u64);
        }
        at -= len;
    }
    Ok(())
}

/// Mounts a file system that only this thread and its children see, so it ends with them.
fn mount_small_disk(folder: &Path) -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing)?;
    let none = MsFlags::empty();
    mount(Some("tmpfs"), folder, Some("tmpfs"), none, Some(SMALL_DISK))
}

impl Drop for StateDir {
    fn drop(&mut self) {
        if self.is_mounted {
            let _busy = umount2(self.folder.path(), MntFlags::MNT_DETACH);
        }
    }
}

/// Returns the length of the first entry. Fewer bytes are a part of it, and as many are a second, wrong entry.
fn entry_len(bytes: &[u8]) -> usize {
    let texts = bytes.get(2..14).unwrap_or_default().chunks_exact(4);
    let lens = texts.map(|len| len.try_into().map_or(u32::MAX, u32::from_le_bytes));
    // An event without an id has the greatest number there.
    let texts_len: usize = lens
        .filter(|len| *len != u32::MAX)
        .map(|len| len as usize)
        .sum();
    (ENTRY_HEADER_LEN + texts_len).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_entry_is_never_whole() {
        let mut entry = [0; 100];
        entry[6..10].fill(0xff);
        assert_eq!(entry_len(&entry), ENTRY_HEADER_LEN);
        (entry[2], entry[10]) = (2, 7);
        assert_eq!(entry_len(&entry), ENTRY_HEADER_LEN + 9);
        assert_eq!(entry_len(&entry[..20]), 20);
        assert_eq!(entry_len(&[]), 0);
    }

    #[test]
    fn damage_changes_the_files() {
        let state = StateDir::new(false).unwrap();
        let content = || {
            let names =
                ["1", "2"].map(|name| fs::read(state.path().join(name)).unwrap_or_default());
            names.concat()
        };
        fs::write(state.path().join("1"), [0; 100]).unwrap();
        fs::write(state.path().join("2"), [1; 100]).unwrap();
        let flip = |place| Damage::FlippedBit { place, bit: 3 };
        state.damage(flip(0)).unwrap();
        state.damage(flip(999_999)).unwrap();
        let bytes = content();
        assert_eq!((bytes[0], bytes[199]), (8, 9));
        state.damage(Damage::TornTail { len: 7 }).unwrap();
        assert_eq!(content().len(), 207);
        state.damage(Damage::MissingFile { index: 1 }).unwrap();
        assert_eq!(content().len(), 107);
        state.damage(Damage::MissingFile { index: 1 }).unwrap();
        assert_eq!(content().len(), 0);
    }
}
