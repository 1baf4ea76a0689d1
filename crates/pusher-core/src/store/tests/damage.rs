//! Cut files and flipped bits. The invariant: the log is complete, or it does not continue.

use std::fs;

use super::super::recovery::{Recovery, recover};
use super::*;

/// A log with several segments, and its files.
struct Log {
    folder: TempDir,
    events: Vec<Event>,
    top: u64,
    files: Vec<(u64, Vec<u8>)>,
}

impl Log {
    /// Writes events in two runs. The second one ends, or is killed.
    fn write(is_ended: bool) -> Self {
        let folder = folder();
        let first = events(1..=5);
        let mut store = open(folder.path()).store;
        append(&mut store, &first).unwrap();
        store.end(5).unwrap();
        let mut store = open(folder.path()).store;
        let second = events([6, 9, 10]);
        append(&mut store, &second).unwrap();
        if is_ended {
            store.end(10).unwrap();
        }
        let names = segments(folder.path());
        let read = |name: String| {
            let first = name.trim_end_matches(".events").parse().unwrap();
            (first, fs::read(folder.path().join(name)).unwrap())
        };
        let files: Vec<_> = names.into_iter().map(read).collect();
        assert!(files.len() >= 4, "{} files", files.len());
        Self {
            folder,
            events: [first, second].concat(),
            top: 10,
            files,
        }
    }

    fn put(&self, first: u64, bytes: &[u8]) {
        let name = directory::file_name(first);
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    /// Reads the files, which does not change them.
    fn recover(&self, files: &[u64]) -> (Recovery, Vec<Event>) {
        let directory = Directory::open(self.folder.path()).unwrap();
        let mut events = Vec::new();
        let mut on_event = |record: RecordRef<'_>| events.push(record.into());
        let recovery = recover(&directory, files, BOOT, 1, &mut on_event).unwrap();
        (recovery, events)
    }

    fn firsts(&self) -> Vec<u64> {
        self.files.iter().map(|(first, _)| *first).collect()
    }
}

/// Both a log that ended and one whose server was killed.
fn both() -> [Log; 2] {
    [true, false].map(Log::write)
}

#[test]
fn intact_log_is_complete() {
    for log in both() {
        let (recovery, events) = log.recover(&log.firsts());
        assert_eq!(events, log.events);
        assert_eq!(recovery.log.unwrap().complete_after, 0);
    }
}

#[test]
fn flipped_bit_in_any_byte_is_found() {
    for log in both() {
        for (first, bytes) in &log.files {
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                log.put(*first, &flipped);
                let (recovery, events) = log.recover(&log.firsts());
                assert!(recovery.log.is_none(), "segment {first}, {at}");
                let note = &recovery.notes[0];
                assert!(matches!(note, Note::Damaged { .. }), "{note}");
                assert!(log.events.starts_with(&events), "segment {first}, {at}");
            }
            log.put(*first, bytes);
        }
    }
}

#[test]
fn cut_last_segment_gives_a_prefix() {
    for log in both() {
        let (first, bytes) = log.files.last().unwrap();
        for len in 0..bytes.len() {
            log.put(*first, &bytes[..len]);
            let (recovery, events) = log.recover(&log.firsts());
            assert!(log.events.starts_with(&events), "{len}");
            let found = recovery.log.unwrap();
            assert_eq!((found.epoch, found.complete_after), (7, 0), "{len}");
            assert!(found.next_sequence > log.top + 1000, "{len}");
        }
    }
}

/// Everything that a start does with a cut file: it continues, and the next start finds the same events.
#[test]
fn cut_log_continues_at_every_length() {
    let log = Log::write(true);
    let (first, bytes) = log.files.last().unwrap();
    for len in 0..bytes.len() {
        let folder = folder();
        for (first, bytes) in &log.files {
            fs::write(folder.path().join(directory::file_name(*first)), bytes).unwrap();
        }
        let cut = folder.path().join(directory::file_name(*first));
        fs::write(cut, &bytes[..len]).unwrap();
        let mut opened = open(folder.path());
        let added = events([opened.recovered.next_sequence]);
        append(&mut opened.store, &added).unwrap();
        drop(opened.store);
        let again = open(folder.path());
        assert!(again.recovered.is_continued, "{len}");
        assert_eq!(again.recovered.notes, [Note::Killed], "{len}");
        assert_eq!(again.events, [opened.events, added].concat(), "{len}");
    }
}

#[test]
fn cut_segment_before_the_last_ends_the_log() {
    for log in both() {
        let (_, before) = log.files.split_last().unwrap();
        for (first, bytes) in before {
            for len in 0..bytes.len() {
                log.put(*first, &bytes[..len]);
                let (recovery, events) = log.recover(&log.firsts());
                // Only the end of the first run may be missing.
                let is_complete = events == log.events;
                assert_eq!(
                    recovery.log.is_some(),
                    is_complete,
                    "segment {first}, {len}"
                );
                assert!(log.events.starts_with(&events), "segment {first}, {len}");
            }
            log.put(*first, bytes);
        }
    }
}

#[test]
fn missing_segments_are_a_gap_or_end_the_log() {
    for log in both() {
        let firsts = log.firsts();
        for missing in 0..firsts.len() - 1 {
            let mut left = firsts.clone();
            left.remove(missing);
            let (recovery, events) = log.recover(&left);
            if missing == 0 {
                // As if it had been removed for its age.
                let complete_after = recovery.log.unwrap().complete_after;
                assert!(log.events.ends_with(&events));
                assert_eq!(complete_after + 1, events[0].sequence);
            } else {
                let note = Note::Missing {
                    file: directory::file_name(left[missing]),
                };
                assert_eq!(
                    (recovery.log.is_none(), &recovery.notes[..]),
                    (true, &[note][..])
                );
            }
        }
    }
}

#[test]
fn foreign_bytes_end_the_log() {
    for log in both() {
        let (first, bytes) = log.files.last().unwrap();
        let (other, other_bytes) = &log.files[0];
        for (name, foreign) in [
            (
                "zeros behind the end",
                [bytes.as_slice(), &[0; 100]].concat(),
            ),
            ("text", b"x".repeat(100)),
            ("another segment", other_bytes.clone()),
            ("an old end", [bytes, &other_bytes[64..]].concat()),
        ] {
            log.put(*first, &foreign);
            let (recovery, _) = log.recover(&log.firsts());
            assert!(recovery.log.is_none(), "{name}, {other}");
        }
    }
}
