//! A store without files, whose disk fails when a model says so.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::directory::DirectoryHandle;
use super::record::RecordRef;
use super::syncer::Syncer;
use crate::sync::{Condvar, Mutex};

/// Sequence numbers of the events that were appended at some time.
pub(crate) type Appended = Arc<Mutex<BTreeSet<u64>>>;

/// A disk that may hang.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    hangs: Mutex<bool>,
    answers: Condvar,
}

impl Disk {
    pub(crate) fn hang(&self) {
        *self.hangs.lock() = true;
    }

    pub(crate) fn answer(&self) {
        *self.hangs.lock() = false;
        self.answers.notify_all();
    }

    fn call(&self) {
        let mut hangs = self.hangs.lock();
        while *hangs {
            self.answers.wait(&mut hangs);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Store {
    disk: Arc<Disk>,
    appended: Appended,
    syncer: Syncer,
    appends: usize,
    fails_at: usize,
}

impl Store {
    /// Makes an empty store. Of its calls of [`append`](Self::append), the one with the number `fails_at` fails.
    pub(crate) fn new(disk: &Arc<Disk>, appended: &Appended, fails_at: usize) -> Self {
        Self {
            disk: disk.clone(),
            appended: appended.clone(),
            syncer: Syncer::new(Arc::new(DirectoryHandle), 0),
            appends: 0,
            fails_at,
        }
    }

    pub(crate) fn append(&mut self, batch: &[RecordRef<'_>]) -> io::Result<()> {
        self.disk.call();
        self.appends += 1;
        if self.appends == self.fails_at {
            return Err(io::Error::other("the disk failed"));
        }
        let mut appended = self.appended.lock();
        for record in batch {
            let newest = appended.last().copied().unwrap_or_default();
            assert!(
                record.sequence > newest,
                "{} after {newest}",
                record.sequence
            );
            appended.insert(record.sequence);
        }
        drop(appended);
        if let Some(last) = batch.last() {
            self.syncer.set_written(last.sequence);
        }
        Ok(())
    }

    pub(crate) fn mark_top(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn clear(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn change_selection(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn end(self, top: u64) -> io::Result<()> {
        let appended = self.appended.lock();
        assert!(appended.last().is_none_or(|newest| *newest <= top));
        Ok(())
    }

    pub(crate) fn syncer(&self) -> Syncer {
        self.syncer.clone()
    }
}
