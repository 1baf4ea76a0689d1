//! A disk that forgets what it could not write.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Shuttle runs all threads of a model on one.
    static DISK: RefCell<Disk> = RefCell::default();
}

/// The events on the disk of one run.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: BTreeMap<RawFd, Events>,
    /// Events that a crash of the machine would have left at some time.
    durable: BTreeSet<u64>,
    /// Events that the store has removed.
    removed: BTreeSet<u64>,
    /// Syncs until one fails.
    syncs_left: usize,
}

#[derive(Debug, Default)]
struct Events {
    /// A crash of the machine would leave the file.
    has_name: bool,
    unsynced: BTreeSet<u64>,
    synced: BTreeSet<u64>,
}

impl Disk {
    /// Makes an empty disk, whose sync number `fails_at` fails.
    pub(super) fn reset(fails_at: usize) {
        let syncs_left = fails_at;
        DISK.set(Self {
            syncs_left,
            ..Self::default()
        });
    }

    pub(super) fn create(file: &File) {
        with(|disk| disk.files.insert(file.as_raw_fd(), Events::default()));
    }

    pub(super) fn append(file: &File, event: u64) {
        with(|disk| disk.file(file).unsynced.insert(event));
    }

    pub(super) fn remove(file: &File) {
        with(|disk| {
            let Events {
                unsynced, synced, ..
            } = disk.files.remove(&file.as_raw_fd()).unwrap();
            disk.removed.extend(unsynced);
            disk.removed.extend(synced);
        });
    }

    pub(super) fn is_removed(event: u64) -> bool {
        with(|disk| disk.removed.contains(&event))
    }

    /// Whether the event would at some time have survived a crash of the machine.
    pub(super) fn was_durable(event: u64) -> bool {
        with(|disk| disk.durable.contains(&event))
    }

    fn file(&mut self, file: &File) -> &mut Events {
        self.files.entry(file.as_raw_fd()).or_default()
    }

    fn update(&mut self) {
        let named = self.files.values().filter(|events| events.has_name);
        let durable = named.flat_map(|events| events.synced.iter().copied());
        self.durable.extend(durable);
    }
}

fn with<T>(change: impl FnOnce(&mut Disk) -> T) -> T {
    let _step = AtomicBool::new(false).load(Ordering::SeqCst);
    DISK.with_borrow_mut(change)
}

/// The folder of the files.
#[derive(Debug)]
pub(super) struct DirectoryHandle;

impl DirectoryHandle {
    pub(super) fn sync(&self) -> io::Result<()> {
        with(|disk| {
            for events in disk.files.values_mut() {
                events.has_name = true;
            }
            disk.update();
        });
        Ok(())
    }
}

/// Makes the file's events durable, or forgets them.
pub(super) fn sync_data(file: &File) -> io::Result<()> {
    with(|disk| {
        disk.syncs_left = disk.syncs_left.wrapping_sub(1);
        let fails = disk.syncs_left == 0;
        let events = disk.file(file);
        let unsynced = std::mem::take(&mut events.unsynced);
        if fails {
            return Err(io::Error::other("the disk failed"));
        }
        events.synced.extend(unsynced);
        disk.update();
        Ok(())
    })
}
