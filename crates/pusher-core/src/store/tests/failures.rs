//! Every system call fails in turn. The invariant: a log that continues has every event behind `complete_after` that was
//! passed to `append`, and never reuses a number.

use std::fs;

use super::super::faults::{FaultPlan, StoreCall, StoreFault};
use super::*;

/// A directory, and what the server did with it.
#[derive(Debug)]
struct Run {
    folder: TempDir,
    /// Events of earlier runs, and those that were passed to `append`.
    events: Vec<Event>,
    /// How many events were acknowledged, if the server was killed before it acknowledged the others.
    acknowledged: Option<usize>,
    top: u64,
}

/// When the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// In the call that fails.
    Within,
    /// After the first error.
    AfterError,
    /// At the end. Errors before are tolerated, and the disk works again for the last events.
    AtEnd,
    Never,
}

impl Run {
    /// A directory with events of a server that was killed while it wrote.
    fn new() -> Self {
        let folder = folder();
        let events = events(1..=5);
        append(&mut open(folder.path()).store, &events).unwrap();
        let last = folder.path().join(segments(folder.path()).pop().unwrap());
        let torn = [fs::read(&last).unwrap().as_slice(), b"\x01\x02"].concat();
        fs::write(last, torn).unwrap();
        Self {
            folder,
            events,
            acknowledged: None,
            top: 5,
        }
    }

    /// Runs a server. Returns the number of calls.
    fn serve(&mut self, fault: StoreFault, options: StoreOptions, killed: Killed) -> usize {
        FaultPlan::new(fault).begin();
        let stopped = self.serve_faulty(options, killed);
        let calls = FaultPlan::end().calls;
        if let Some(mut store) = stopped
            && killed == Killed::AtEnd
        {
            self.append(&mut store, 2).unwrap();
        }
        calls.len()
    }

    /// Returns the store if the server runs to its end and is killed then.
    fn serve_faulty(&mut self, options: StoreOptions, killed: Killed) -> Option<Store> {
        let opened = try_open(self.folder.path(), options, BOOT).ok()?;
        let mut store = opened.store;
        self.top = opened.recovered.next_sequence - 1;
        let syncer = store.syncer();
        for step in 0..12 {
            let before = self.events.len();
            let result = match step {
                3 => self.skip(&mut store),
                7 => self.drop_event(&mut store),
                step if step % 2 == 0 => self.append(&mut store, step / 2 % 3 + 1),
                _ => syncer.sync(),
            };
            if result.is_err() && killed == Killed::Within {
                self.acknowledged = Some(before);
            }
            if result.is_err() && matches!(killed, Killed::Within | Killed::AfterError) {
                return None;
            }
        }
        if killed == Killed::Never {
            let _ended = store.end(self.top);
            return None;
        }
        Some(store)
    }

    fn append(&mut self, store: &mut Store, count: u64) -> io::Result<()> {
        let batch = events(self.top + 1..=self.top + count);
        self.top += count;
        self.events.extend(batch.iter().cloned());
        append(store, &batch)
    }

    /// Uses numbers for events that are not in the log.
    fn skip(&mut self, store: &mut Store) -> io::Result<()> {
        self.top += SEQUENCE_SLACK / 2;
        store.mark_top(self.top)
    }

    /// Accepts an event that is not appended.
    fn drop_event(&mut self, store: &mut Store) -> io::Result<()> {
        self.top += 1;
        self.events.push(Event::new(self.top));
        store.clear()
    }

    /// Checks what the next start finds. Returns whether the log continues.
    fn check(&self, options: StoreOptions, about: &str) -> bool {
        let opened = try_open(self.folder.path(), options, BOOT).unwrap();
        let found = &opened.events;
        if !opened.recovered.is_continued {
            return false;
        }
        let next_sequence = opened.recovered.next_sequence;
        assert!(next_sequence > self.top, "{about}: {next_sequence}");
        let behind = |event: &&Event| event.sequence > opened.recovered.complete_after;
        let expected: Vec<_> = self.events.iter().filter(behind).cloned().collect();
        let acknowledged = self.acknowledged.unwrap_or(self.events.len());
        let expected_min = self.events[..acknowledged].iter().filter(behind).count();
        assert!(
            expected.starts_with(found),
            "{about}: {:?}",
            opened.recovered
        );
        assert!(
            found.len() >= expected_min,
            "{about}: {:?}",
            opened.recovered
        );
        true
    }
}

/// Small enough that segments are removed.
const SMALL: StoreOptions = StoreOptions {
    len_max: 5 * 4096,
    ..OPTIONS
};

/// Lets each call of a run fail in turn. Returns how many runs had a log that continues, and how many had none.
fn fail_every_call(fault: impl Fn(usize) -> StoreFault, killed: Killed) -> (usize, usize) {
    let (mut continued, mut new) = (0, 0);
    for options in [OPTIONS, SMALL] {
        for at in 1.. {
            let mut run = Run::new();
            let calls = run.serve(fault(at), options, killed);
            let about = format!("{:?}, {killed:?}", fault(at));
            match run.check(options, &about) {
                true => continued += 1,
                false => new += 1,
            }
            if calls < at {
                break;
            }
        }
    }
    (continued, new)
}

#[test]
fn server_without_failures_continues() {
    for killed in [Killed::AtEnd, Killed::Never] {
        for options in [OPTIONS, SMALL] {
            let mut run = Run::new();
            run.serve(StoreFault::None, options, killed);
            assert!(run.check(options, "no fault"));
        }
    }
}

#[test]
fn short_writes_change_nothing() {
    for write_len_max in [1, 7, 100] {
        let mut run = Run::new();
        let fault = StoreFault::Cut {
            at: usize::MAX,
            write_len_max,
        };
        run.serve(fault, OPTIONS, Killed::AtEnd);
        assert!(run.check(OPTIONS, "short writes"));
    }
}

/// The server is killed in a call, after part of a write.
#[test]
fn server_killed_in_any_call_continues() {
    for write_len_max in [37, usize::MAX] {
        let fault = |at| StoreFault::Cut { at, write_len_max };
        let (continued, new) = fail_every_call(fault, Killed::Within);
        // The log is empty for a moment while the store removes all events.
        assert!(
            continued > 100 && new < continued / 10,
            "{continued}, {new}"
        );
    }
}

#[test]
fn failing_call_leaves_no_hole() {
    let fault = |at| StoreFault::Fails { at, count: 1 };
    let (continued, new) = fail_every_call(fault, Killed::AfterError);
    assert!(continued > 20 && new > 20, "{continued}, {new}");
    for count in [1, 2, 3, 10, 50] {
        let fault = |at| StoreFault::Fails { at, count };
        let (continued, _) = fail_every_call(fault, Killed::AtEnd);
        assert!(continued > 50, "{count}: {continued}");
    }
}

#[test]
fn failing_end_leaves_no_hole() {
    let fault = |at| StoreFault::Fails { at, count: 1 };
    let (continued, _) = fail_every_call(fault, Killed::Never);
    assert!(continued > 50, "{continued}");
}

#[test]
fn events_after_an_error_begin_a_new_log() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    append(&mut store, &events(1..=9)).unwrap();
    FaultPlan::new(StoreFault::Fails { at: 1, count: 1 }).begin();
    let error = append(&mut store, &events([10])).unwrap_err();
    FaultPlan::end();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(segments(folder.path()).is_empty());
    append(&mut store, &events([11, 12])).unwrap();
    store.end(12).unwrap();
    let opened = open(folder.path());
    assert_eq!(opened.recovered.epoch, 7);
    assert_eq!(
        (
            opened.recovered.complete_after,
            opened.recovered.next_sequence
        ),
        (10, 13)
    );
    assert_eq!(opened.events, events([11, 12]));
}

#[test]
fn wrong_order_is_an_error() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    for wrong in [[2, 2], [3, 2], [0, 1], [1, SEQUENCE_MAX + 1]] {
        let error = append(&mut store, &events(wrong)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
    append(&mut store, &events([1, 2])).unwrap();
}

#[test]
fn sequences_say_what_is_safe() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    let syncer = store.syncer();
    let safe = || (syncer.written_sequence(), syncer.synced_sequence());
    assert_eq!(safe(), (0, 0));
    append(&mut store, &events(1..=9)).unwrap();
    assert_eq!(safe(), (9, 0));
    FaultPlan::new(StoreFault::None).begin();
    syncer.sync().unwrap();
    let calls = FaultPlan::end().calls;
    assert_eq!(safe(), (9, 9));
    // Each segment and the directory.
    assert_eq!(
        calls,
        [StoreCall::Sync].repeat(segments(folder.path()).len() + 1)
    );
    append(&mut store, &events([10])).unwrap();
    FaultPlan::new(StoreFault::Fails { at: 1, count: 1 }).begin();
    syncer.sync().unwrap_err();
    FaultPlan::end();
    assert_eq!(safe(), (10, 9));
    assert!(syncer.has_failed());
    // The next sync has nothing to write any more, and says nothing about event 10.
    syncer.sync().unwrap();
    assert!(!syncer.is_synced(10));
    // The events that could not be synced are gone, and with them all older ones.
    append(&mut store, &events([11])).unwrap();
    syncer.sync().unwrap();
    assert_eq!(safe(), (11, 11));
    let durable = [10, 11].map(|event| (syncer.is_synced(event), syncer.is_removed(event)));
    assert_eq!(durable, [(false, true), (true, false)]);
    assert!(!syncer.has_failed());
    drop(store);
    let opened = open(folder.path());
    assert_eq!(
        (opened.recovered.complete_after, opened.events),
        (10, events([11]))
    );
}

#[test]
fn second_thread_syncs_while_the_first_appends() {
    let folder = folder();
    let mut store = open(folder.path()).store;
    let syncer = store.syncer();
    let written = events(1..=500);
    std::thread::scope(|scope| {
        let append_all = || {
            for batch in written.chunks(3) {
                append(&mut store, batch).unwrap();
            }
        };
        let appending = scope.spawn(append_all);
        while !appending.is_finished() {
            syncer.sync().unwrap();
        }
    });
    syncer.sync().unwrap();
    assert_eq!(syncer.synced_sequence(), 500);
    drop(store);
    assert_eq!(open(folder.path()).events, written);
}
