//! What the next start finds after an end, a kill, and a crash of the machine.

use super::super::faults::{FaultPlan, StoreCall, StoreFault};
use super::*;

/// Writes three events. Returns what the next start in the boot `boot_id` finds.
fn restart(is_synced: bool, is_ended: bool, boot_id: BootId) -> Opened {
    let folder = folder();
    let options = StoreOptions {
        is_synced,
        ..OPTIONS
    };
    let mut store = try_open(folder.path(), options, BOOT).unwrap().store;
    append(&mut store, &events([1, 2, 5])).unwrap();
    if is_ended {
        store.end(5).unwrap();
    } else {
        drop(store);
    }
    let options = StoreOptions {
        new_epoch: 8,
        ..options
    };
    try_open(folder.path(), options, boot_id).unwrap()
}

#[test]
fn log_continues_unless_the_machine_lost_events() {
    let killed = 6 + SEQUENCE_SLACK;
    for (is_synced, is_ended, boot_id, epoch, next_sequence, notes) in [
        (false, true, BOOT, 7, 6, vec![]),
        (false, true, OTHER_BOOT, 7, 6, vec![]),
        (false, true, BootId::default(), 7, 6, vec![]),
        (false, false, BOOT, 7, killed, vec![Note::Killed]),
        (false, false, OTHER_BOOT, 8, 1, vec![Note::MachineCrash]),
        (
            false,
            false,
            BootId::default(),
            8,
            1,
            vec![Note::MachineCrash],
        ),
        (true, false, BOOT, 7, killed, vec![Note::Killed]),
        (true, false, OTHER_BOOT, 7, killed, vec![Note::Killed]),
    ] {
        let opened = restart(is_synced, is_ended, boot_id);
        let expected = Recovered {
            epoch,
            is_continued: epoch == 7,
            next_sequence,
            complete_after: 0,
            notes,
        };
        assert_eq!(opened.recovered, expected);
        // Also the events of a log that does not continue, for their publish ids.
        assert_eq!(opened.events, events([1, 2, 5]));
    }
}

#[test]
fn other_selection_is_a_gap() {
    let folder = folder();
    let run = |selection, events: &[Event], top| {
        let options = StoreOptions {
            selection,
            ..OPTIONS
        };
        let mut opened = try_open(folder.path(), options, BOOT).unwrap();
        append(&mut opened.store, events).unwrap();
        opened.store.end(top).unwrap();
        opened.recovered.complete_after
    };
    assert_eq!(run(1, &events([1, 2]), 2), 0);
    assert_eq!(run(1, &events([3]), 3), 0);
    assert_eq!(run(2, &events([5]), 6), 3);
    assert_eq!(run(2, &events([7]), 8), 3);
    // A selection that comes back has missed events in between.
    assert_eq!(run(1, &events([9]), 9), 8);
    let mut opened = open(folder.path());
    assert_eq!(opened.recovered.complete_after, 8);
    opened.store.change_selection(2).unwrap();
    append(&mut opened.store, &events([12])).unwrap();
    drop(opened.store);
    assert_eq!(run(2, &[], 2_000_000), 11);
}

#[test]
fn new_epoch_removes_the_old_events() {
    let folder = folder();
    append(&mut open(folder.path()).store, &events(1..=9)).unwrap();
    let options = StoreOptions {
        new_epoch: 8,
        ..OPTIONS
    };
    let mut opened = try_open(folder.path(), options, OTHER_BOOT).unwrap();
    assert_eq!(segments(folder.path()), ["00000000000000000001.events"]);
    append(&mut opened.store, &events([1])).unwrap();
    opened.store.end(1).unwrap();
    let again = open(folder.path());
    assert_eq!(
        (again.recovered.epoch, again.recovered.next_sequence),
        (8, 2)
    );
    assert_eq!(again.events, events([1]));
}

#[test]
fn starts_without_events_reuse_no_number() {
    let folder = folder();
    let mut next_sequence = 1;
    for is_killed in [true, true, false, false, true, false, true] {
        let opened = open(folder.path());
        assert_eq!(opened.recovered.next_sequence, next_sequence);
        assert_eq!(segments(folder.path()).len(), 1);
        if is_killed {
            next_sequence += SEQUENCE_SLACK;
        } else {
            opened.store.end(next_sequence - 1).unwrap();
        }
    }
    // A crash of the machine is found even if the run had no events.
    let opened = try_open(folder.path(), OPTIONS, OTHER_BOOT).unwrap();
    assert_eq!(opened.recovered.notes, [Note::MachineCrash]);
}

#[test]
fn numbers_without_events_are_not_reused() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    append(&mut store, &events([1])).unwrap();
    let mut top = 1;
    for _ in 0..20 {
        top += SEQUENCE_SLACK / 4;
        store.mark_top(top).unwrap();
    }
    drop(store);
    let opened = open(folder.path());
    let next_sequence = opened.recovered.next_sequence;
    assert!(next_sequence > top + SEQUENCE_SLACK / 2, "{next_sequence}");
    opened.store.end(next_sequence + 12).unwrap();
    let opened = open(folder.path());
    assert_eq!(opened.recovered.next_sequence, next_sequence + 13);
    assert_eq!(opened.events, events([1]));
}

#[test]
fn few_marks_are_written() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    let len = |store: &Store| store.segments.current_len();
    let before = len(&store);
    store.mark_top(SEQUENCE_SLACK / 2 - 1).unwrap();
    assert_eq!(len(&store), before);
    store.mark_top(SEQUENCE_SLACK / 2).unwrap();
    let after = len(&store);
    assert!(after > before);
    store.mark_top(SEQUENCE_SLACK - 1).unwrap();
    assert_eq!(len(&store), after);
}

#[test]
fn used_up_numbers_begin_an_epoch() {
    let folder = folder();
    let store = open(folder.path()).store;
    store.end(SEQUENCE_MAX).unwrap();
    let opened = open(folder.path());
    assert_eq!(opened.recovered.notes, [Note::NumbersUsedUp]);
    assert_eq!(opened.recovered.next_sequence, 1);
}

#[test]
fn events_from_several_runs_stay_together() {
    let folder = folder();
    let mut written = Vec::new();
    for run in 0..6 {
        let Opened {
            mut store,
            recovered,
            events: found,
        } = open(folder.path());
        assert_eq!(found, written, "run {run}");
        let next = recovered.next_sequence;
        let batch = events(next..next + run);
        append(&mut store, &batch).unwrap();
        written.extend(batch);
        if run % 2 == 0 {
            store.end(next + run).unwrap();
        }
    }
}

/// The boot id of this machine is the same in both runs.
#[cfg(target_os = "linux")]
#[test]
fn killed_server_continues_on_this_machine() {
    let folder = folder();
    for epoch in [7, 8] {
        let options = StoreOptions {
            new_epoch: epoch,
            ..OPTIONS
        };
        let (_, recovered) = Store::open(folder.path(), options, &mut |_| {}).unwrap();
        assert_eq!((recovered.epoch, recovered.is_continued), (7, epoch == 8));
    }
}

/// The next start finds an empty file, or a part of its header.
#[test]
fn server_killed_while_it_creates_files_continues() {
    for is_ended in [true, false] {
        let folder = folder();
        let mut store = open(folder.path()).store;
        append(&mut store, &events([1, 2])).unwrap();
        match is_ended {
            true => store.end(2).unwrap(),
            false => drop(store),
        }
        for (first, len) in [(3, 0), (50_000, 63), (60_000, 10)] {
            let header = SegmentHeader {
                epoch: 7,
                first_sequence: first,
                follows: 2,
                boot_id: BOOT,
                selection: 1,
                is_synced: false,
            };
            let file = folder.path().join(directory::file_name(first));
            std::fs::write(file, &header.encode()[..len]).unwrap();
        }
        let opened = open(folder.path());
        assert_eq!(opened.recovered.next_sequence, 60_000 + SEQUENCE_SLACK);
        assert_eq!(opened.recovered.notes.last(), Some(&Note::Killed));
        assert_eq!(opened.events, events([1, 2]));
        assert_eq!(segments(folder.path()).len(), 2);
    }
}

#[test]
fn failing_starts_leave_no_files() {
    let folder = folder();
    append(&mut open(folder.path()).store, &events([1, 2])).unwrap();
    drop(open(folder.path()));
    let mut names = segments(folder.path());
    let mut errors = 0;
    for at in 1..40 {
        FaultPlan::new(StoreFault::Fails { at, count: 1 }).begin();
        let result = try_open(folder.path(), OPTIONS, BOOT);
        FaultPlan::end();
        match result {
            Ok(_) => names = segments(folder.path()),
            Err(_) => errors += 1,
        }
        assert_eq!(segments(folder.path()), names, "{at}");
        assert!(names.len() <= 3, "{names:?}");
    }
    assert!(errors > 10, "{errors}");
    assert_eq!(open(folder.path()).events, events([1, 2]));
}

/// Without these syncs, a crash of the machine could leave the end of the run before as the last entry.
#[test]
fn start_and_end_are_synced() {
    let folder = folder();
    FaultPlan::new(StoreFault::None).begin();
    let mut store = open(folder.path()).store;
    let calls = FaultPlan::end().calls;
    use StoreCall::{Create, Sync, Write};
    assert!(calls.ends_with(&[Create, Write, Sync, Sync]), "{calls:?}");
    append(&mut store, &events(1..=3)).unwrap();
    let segments = segments(folder.path()).len();
    FaultPlan::new(StoreFault::None).begin();
    store.end(3).unwrap();
    let calls = FaultPlan::end().calls;
    let (first, rest) = calls.split_first().unwrap();
    let syncs = rest.iter().filter(|call| **call == Sync).count();
    assert_eq!((*first, syncs), (Write, segments + 1), "{calls:?}");
}
