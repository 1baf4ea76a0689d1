//! The cost of the log on disk: appending, and reading all of it at a start.
//! Run: `cargo bench --package pusher-core --bench log_on_disk`.

// The store is private to the crate. Cargo sets `cfg(test)` for benchmarks, too.
#[path = "../src/store/mod.rs"]
#[expect(
    unused,
    reason = "the benchmarks use a part of it, and none of its tests"
)]
mod store;
#[path = "../src/sync.rs"]
#[expect(unused, reason = "the store uses a part of it")]
mod sync;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use store::{RecordRef, Store, StoreOptions};
use tempfile::TempDir;

const EVENT_LEN: usize = 512;
const LOG_LEN: u64 = 64 * 1024 * 1024;
/// Events of one iteration.
const EVENTS: u64 = 4096;

const OPTIONS: StoreOptions = StoreOptions {
    len_max: LOG_LEN,
    segment_len_max: LOG_LEN / 4,
    is_synced: false,
    new_epoch: 1,
    selection: 1,
};

fn main() {
    divan::main();
}

fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().expect("a directory");
    let (store, _) = Store::open(folder.path(), OPTIONS, &mut |_| {}).expect("a new log");
    (folder, store)
}

/// Appends events behind the sequence number `top`.
fn append(store: &mut Store, top: u64, count: u64, batch_len: u64) {
    let event = [b'x'; EVENT_LEN];
    let mut batch = Vec::new();
    for start in (top..top + count).step_by(batch_len as usize) {
        batch.clear();
        batch.extend((1..=batch_len).map(|offset| RecordRef {
            sequence: start + offset,
            time_ms: 0,
            flags: 0,
            topic: "kittensCategory",
            id: None,
            event: &event,
        }));
        store.append(&batch).expect("room on the disk");
    }
}

#[divan::bench(args = [1, 32], sample_size = 1)]
fn append_events(bencher: Bencher<'_, '_>, batch_len: u64) {
    let (_folder, mut store) = open();
    let mut top = 0;
    let bencher = bencher.counter(ItemsCount::new(EVENTS));
    bencher.bench_local(|| {
        append(&mut store, top, EVENTS, batch_len);
        top += EVENTS;
    });
}

/// Appends one event and makes it durable.
#[divan::bench]
fn append_and_sync(bencher: Bencher<'_, '_>) {
    let (_folder, mut store) = open();
    let syncer = store.syncer();
    let mut top = 0;
    bencher.bench_local(|| {
        append(&mut store, top, 1, 1);
        top += 1;
        syncer.sync().expect("a disk that works");
    });
}

/// Starts with a full log.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn recover(bencher: Bencher<'_, '_>) {
    let (folder, mut store) = open();
    let count = LOG_LEN / (EVENT_LEN as u64 + 60);
    append(&mut store, 0, count / 32 * 32, 32);
    drop(store);
    let bencher = bencher.counter(BytesCount::new(LOG_LEN));
    bencher.bench_local(|| {
        let mut found = 0;
        let mut on_event = |record: RecordRef<'_>| found += black_box(record).event.len();
        let (store, recovered) =
            Store::open(folder.path(), OPTIONS, &mut on_event).expect("the log");
        assert!(recovered.is_continued);
        drop(store);
        found
    });
}
