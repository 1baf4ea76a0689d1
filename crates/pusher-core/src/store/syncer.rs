//! Makes appended events durable, beside the thread that appends.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::directory::{DirectoryHandle, sync_data};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Syncs the files of a [`Store`](super::Store). Cheap to clone, and usable from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Syncer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    written: AtomicU64,
    synced: AtomicU64,
    /// A sync has failed. The kernel forgets which bytes it could not write, so the next sync would succeed.
    has_failed: AtomicBool,
    /// Events up to this sequence number were removed, because a sync had failed.
    removed_until: AtomicU64,
    directory: Arc<DirectoryHandle>,
    unsynced: Mutex<Unsynced>,
}

/// What may not be durable.
#[derive(Debug, Clone, Default)]
struct Unsynced {
    /// First sequence numbers of segments, and their files, oldest first. The store appends to the last one.
    files: Vec<(u64, Arc<File>)>,
    /// A file is new in the directory.
    has_new_file: bool,
}

impl Syncer {
    /// `sequence` is the last number before the first event of this run.
    pub(super) fn new(directory: Arc<DirectoryHandle>, sequence: u64) -> Self {
        let shared = Shared {
            written: AtomicU64::new(sequence),
            synced: AtomicU64::new(sequence),
            has_failed: AtomicBool::new(false),
            removed_until: AtomicU64::new(0),
            directory,
            unsynced: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes all appended events durable: up to the [`written_sequence`](Self::written_sequence) of the moment of the
    /// call.
    ///
    /// After an error the events may be lost even if a later call succeeds. The next append therefore begins a new log.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let synced = self.sync_files();
        if synced.is_err() {
            self.shared.has_failed.store(true, Ordering::Release);
        }
        synced
    }

    fn sync_files(&self) -> io::Result<()> {
        // Before the list of files: an event that is written already is in one of them.
        let written = self.written_sequence();
        let unsynced = {
            let mut unsynced = self.shared.unsynced.lock();
            let copy = unsynced.clone();
            unsynced.has_new_file = false;
            copy
        };
        for (_, file) in &unsynced.files {
            sync_data(file)?;
        }
        if unsynced.has_new_file {
            self.shared.directory.sync()?;
        }
        // Not the last file: the store may have appended to it meanwhile.
        if let Some((_, complete)) = unsynced.files.split_last() {
            let is_complete =
                |file: &Arc<File>| complete.iter().any(|(_, synced)| Arc::ptr_eq(synced, file));
            let mut unsynced = self.shared.unsynced.lock();
            unsynced.files.retain(|(_, file)| !is_complete(file));
        }
        self.shared.synced.fetch_max(written, Ordering::AcqRel);
        Ok(())
    }

    /// Returns the sequence number of the last event that was appended. It survives the end of the process.
    pub(crate) fn written_sequence(&self) -> u64 {
        self.shared.written.load(Ordering::Acquire)
    }

    /// Returns the sequence number up to which all appended events are durable. They survive a crash of the machine.
    pub(crate) fn synced_sequence(&self) -> u64 {
        self.shared.synced.load(Ordering::Acquire)
    }

    /// Whether an appended event is durable.
    pub(crate) fn is_synced(&self, sequence: u64) -> bool {
        // In this order: a sync that succeeds after a failed one says nothing about the events before it.
        self.synced_sequence() >= sequence && !self.has_failed() && !self.is_removed(sequence)
    }

    /// Whether a sync has failed since the last append. The events may not be durable, and the next append removes them.
    pub(crate) fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Acquire)
    }

    /// Whether an appended event was removed because a sync had failed.
    pub(crate) fn is_removed(&self, sequence: u64) -> bool {
        sequence <= self.shared.removed_until.load(Ordering::Acquire)
    }

    pub(super) fn set_written(&self, sequence: u64) {
        self.shared.written.store(sequence, Ordering::Release);
    }

    /// Whether a sync has failed since the last call. If so, the caller removes all events.
    pub(super) fn take_failure(&self) -> bool {
        if !self.has_failed() {
            return false;
        }
        // Before the failure is forgotten: `is_synced` reads them in the other order.
        let removed_until = &self.shared.removed_until;
        removed_until.fetch_max(self.written_sequence(), Ordering::AcqRel);
        self.shared.has_failed.swap(false, Ordering::AcqRel)
    }

    /// Adds a file, to which all later events are appended.
    pub(super) fn add(&self, first: u64, file: Arc<File>) {
        let mut unsynced = self.shared.unsynced.lock();
        unsynced.files.push((first, file));
        unsynced.has_new_file = true;
    }

    /// Forgets a file that is removed.
    pub(super) fn remove(&self, first: u64) {
        let mut unsynced = self.shared.unsynced.lock();
        unsynced.files.retain(|(known, _)| *known != first);
    }
}
