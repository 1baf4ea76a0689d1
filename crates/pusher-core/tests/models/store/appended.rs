//! The store that appends, the thread that syncs, and a publish that asks whether its event is synced.

use std::fs::File;
use std::sync::Arc;

use shuttle::thread;

use super::directory::{DirectoryHandle, Disk};
use super::syncer::Syncer;

const EVENTS: u64 = 4;
const EVENTS_OF_A_FILE: u64 = 2;
const SYNCS: usize = 3;

/// Appends events to files, as the store does.
struct Appender {
    syncer: Syncer,
    files: Vec<(u64, Arc<File>)>,
}

impl Appender {
    fn append(&mut self, event: u64) {
        if self.syncer.take_failure() {
            for (first, file) in self.files.drain(..) {
                self.syncer.remove(first);
                Disk::remove(&file);
            }
        }
        let is_full = |first: u64| event - first >= EVENTS_OF_A_FILE;
        if self.files.last().is_none_or(|(first, _)| is_full(*first)) {
            let file = Arc::new(File::open("/dev/null").unwrap());
            Disk::create(&file);
            self.syncer.add(event, file.clone());
            self.files.push((event, file));
        }
        let (_, file) = self.files.last().unwrap();
        Disk::append(file, event);
        self.syncer.set_written(event);
    }
}

/// Runs the model with a disk whose sync number `fails_at` fails.
fn run(fails_at: usize) {
    Disk::reset(fails_at);
    let syncer = Syncer::new(Arc::new(DirectoryHandle), 0);
    let mut appender = Appender {
        syncer: syncer.clone(),
        files: Vec::new(),
    };
    let appending = thread::spawn(move || {
        for event in 1..=EVENTS {
            appender.append(event);
        }
    });
    let syncing = {
        let syncer = syncer.clone();
        thread::spawn(move || (0..SYNCS).for_each(|_| _ = syncer.sync()))
    };
    for event in 1..=EVENTS {
        let was_removed = Disk::is_removed(event);
        if syncer.is_synced(event) {
            assert!(!was_removed, "event {event} was removed");
            assert!(Disk::was_durable(event), "event {event} is not synced");
        }
    }
    appending.join().unwrap();
    syncing.join().unwrap();
    let is_synced = syncer.sync().is_ok() && syncer.is_synced(EVENTS);
    assert!(is_synced || fails_at <= SYNCS * 2, "the last sync failed");
    assert!(!is_synced || Disk::was_durable(EVENTS));
}

#[test]
fn a_synced_event_survives_a_crash() {
    crate::check(|| run(usize::MAX));
}

#[test]
fn no_event_is_synced_that_a_failed_sync_has_lost() {
    for fails_at in 1..=SYNCS {
        crate::check(move || run(fails_at));
    }
}
