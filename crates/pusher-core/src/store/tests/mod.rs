//! Tests of the store with real files.

mod codec;
mod damage;
mod failures;
mod limits;
mod opening;
mod restart;

use std::path::Path;

use tempfile::TempDir;

use super::header::BootId;
use super::*;

/// The boot in which the tests run.
const BOOT: BootId = [1; 16];
const OTHER_BOOT: BootId = [2; 16];

const OPTIONS: StoreOptions = StoreOptions {
    len_max: 1 << 20,
    segment_len_max: 300,
    is_synced: false,
    new_epoch: 7,
    selection: 1,
};

/// An event of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    sequence: u64,
    time_ms: u64,
    flags: u8,
    topic: String,
    id: Option<String>,
    event: Vec<u8>,
}

impl Event {
    /// Two of these fill a segment of `OPTIONS`.
    fn new(sequence: u64) -> Self {
        Self {
            sequence,
            time_ms: 1_700_000_000_000 + sequence,
            flags: sequence as u8,
            topic: format!("topic/{}", sequence % 3),
            id: sequence.is_multiple_of(2).then(|| format!("id{sequence}")),
            event: format!("{{\"text\":\"{sequence}{}\"}}", "猫".repeat(10)).into_bytes(),
        }
    }

    fn record(&self) -> RecordRef<'_> {
        RecordRef {
            sequence: self.sequence,
            time_ms: self.time_ms,
            flags: self.flags,
            topic: &self.topic,
            id: self.id.as_deref(),
            event: &self.event,
        }
    }
}

impl From<RecordRef<'_>> for Event {
    fn from(record: RecordRef<'_>) -> Self {
        Self {
            sequence: record.sequence,
            time_ms: record.time_ms,
            flags: record.flags,
            topic: record.topic.to_owned(),
            id: record.id.map(str::to_owned),
            event: record.event.to_vec(),
        }
    }
}

fn events(sequences: impl IntoIterator<Item = u64>) -> Vec<Event> {
    sequences.into_iter().map(Event::new).collect()
}

fn append(store: &mut Store, events: &[Event]) -> io::Result<()> {
    let records: Vec<_> = events.iter().map(Event::record).collect();
    store.append(&records)
}

/// Makes a directory, in memory if there is a file system for it: the tests sync thousands of files.
fn folder() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// A store, and what it found.
#[derive(Debug)]
struct Opened {
    store: Store,
    recovered: Recovered,
    events: Vec<Event>,
}

fn try_open(path: &Path, options: StoreOptions, boot_id: BootId) -> Result<Opened, StoreError> {
    let mut events = Vec::new();
    let mut on_event = |record: RecordRef<'_>| events.push(record.into());
    let (store, recovered) = Store::open_in_boot(path, options, boot_id, &mut on_event)?;
    Ok(Opened {
        store,
        recovered,
        events,
    })
}

fn open(path: &Path) -> Opened {
    try_open(path, OPTIONS, BOOT).unwrap()
}

/// Returns the names of all segments, oldest first.
fn segments(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".events")).collect();
    names.sort();
    names
}
