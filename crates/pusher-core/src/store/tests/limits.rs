//! The limits of files.

use std::fs;

use super::*;

/// Returns the length of each segment, oldest first.
fn lens(path: &Path) -> Vec<u64> {
    let len = |name| fs::metadata(path.join(name)).unwrap().len();
    segments(path).into_iter().map(len).collect()
}

#[test]
fn oldest_segments_are_removed_at_len_max() {
    let folder = folder();
    let options = StoreOptions {
        len_max: 64 * 1024,
        segment_len_max: u64::MAX,
        ..OPTIONS
    };
    let mut store = try_open(folder.path(), options, BOOT).unwrap().store;
    let written = events(1..=2000);
    for batch in written.chunks(7) {
        append(&mut store, batch).unwrap();
        let lens = lens(folder.path());
        let total: u64 = lens.iter().sum();
        assert!(total <= options.len_max, "{total}");
        assert!(lens.iter().all(|len| *len <= options.len_max / 4));
    }
    assert!(lens(folder.path()).iter().sum::<u64>() > options.len_max / 2);
    drop(store);
    let opened = try_open(folder.path(), options, BOOT).unwrap();
    assert!(written.ends_with(&opened.events));
    let complete_after = opened.recovered.complete_after;
    assert_eq!(complete_after + 1, opened.events[0].sequence);
}

#[test]
fn smaller_limit_holds_after_a_restart() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    append(&mut store, &events(1..=400)).unwrap();
    store.end(400).unwrap();
    let options = StoreOptions {
        len_max: 100 * 1024,
        ..OPTIONS
    };
    let store = try_open(folder.path(), options, BOOT).unwrap().store;
    // Each of these small segments counts a block.
    assert_eq!(segments(folder.path()).len(), 25);
    drop(store);
}

#[test]
fn long_event_gets_a_segment_of_its_own() {
    let folder = folder();
    let mut written = events(1..=3);
    written[1].event = b"x".repeat(1000);
    let mut store = open(folder.path()).store;
    append(&mut store, &written).unwrap();
    let lens = lens(folder.path());
    assert_eq!(lens.len(), 3);
    assert!(lens[0] < 300 && lens[1] > 1000 && lens[2] < 300, "{lens:?}");
    drop(store);
    assert_eq!(open(folder.path()).events, written);
}

#[test]
fn event_beyond_len_max_is_kept_alone() {
    let folder = folder();
    let options = StoreOptions {
        len_max: 20_000,
        ..OPTIONS
    };
    let mut written = events(1..=3);
    written[2].event = b"x".repeat(30_000);
    let mut store = try_open(folder.path(), options, BOOT).unwrap().store;
    append(&mut store, &written).unwrap();
    drop(store);
    let opened = try_open(folder.path(), options, BOOT).unwrap();
    assert_eq!(opened.recovered.complete_after, 2);
    assert_eq!(opened.events, written[2..]);
}

#[test]
fn batch_is_one_write() {
    let folder = folder();
    let options = StoreOptions {
        segment_len_max: 1 << 18,
        ..OPTIONS
    };
    let mut store = try_open(folder.path(), options, BOOT).unwrap().store;
    faults::FaultPlan::new(faults::StoreFault::None).begin();
    append(&mut store, &events(1..=100)).unwrap();
    let calls = faults::FaultPlan::end().calls;
    assert_eq!(calls, [faults::StoreCall::Write]);
}

/// Otherwise, without syncs, the files of removed segments would stay open.
#[test]
fn removed_segments_are_not_synced() {
    let folder = folder();
    let options = StoreOptions {
        len_max: 64 * 1024,
        ..OPTIONS
    };
    let mut store = try_open(folder.path(), options, BOOT).unwrap().store;
    append(&mut store, &events(1..=500)).unwrap();
    faults::FaultPlan::new(faults::StoreFault::None).begin();
    store.syncer().sync().unwrap();
    let calls = faults::FaultPlan::end().calls;
    // Each segment and the directory.
    assert_eq!(calls.len(), segments(folder.path()).len() + 1);
}
