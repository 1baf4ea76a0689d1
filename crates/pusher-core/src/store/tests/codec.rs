//! Entries and headers as bytes, and logs with any events.

use proptest::prelude::*;

use super::super::header::HeaderError;
use super::super::record::{Decoded, HEADER_LEN};
use super::super::segment::scan;
use super::*;

const HEADER: SegmentHeader = SegmentHeader {
    epoch: 7,
    first_sequence: 5,
    follows: 3,
    boot_id: BOOT,
    selection: u64::MAX - 1,
    is_synced: true,
};

fn encode(entry: &Entry<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry.encode(&mut bytes).unwrap();
    assert_eq!(bytes.len(), entry.len());
    bytes
}

prop_compose! {
    /// An event without its sequence number.
    fn any_event()(
        time_ms: u64,
        flags: u8,
        topic in ".{0,20}",
        id in proptest::option::of(".{0,20}"),
        event in ".{0,400}",
    ) -> Event {
        Event { sequence: 0, time_ms, flags, topic, id, event: event.into_bytes() }
    }
}

proptest! {
    #[test]
    fn entry_round_trips(mut event in any_event(), sequence: u64, rest: Vec<u8>) {
        event.sequence = sequence;
        for entry in [Entry::Event(event.record()), Entry::Top(sequence), Entry::End(sequence)] {
            let mut bytes = encode(&entry);
            let len = bytes.len();
            bytes.extend_from_slice(&rest);
            prop_assert_eq!(Entry::decode(&bytes), Decoded::Entry(entry, len));
            for cut in 0..len {
                prop_assert_eq!(Entry::decode(&bytes[..cut]), Decoded::Incomplete);
            }
        }
    }

    #[test]
    fn log_round_trips(
        batches in prop::collection::vec(
            prop::collection::vec((any_event(), 1..1000_u64), 1..8),
            0..8,
        ),
        segment_len_max in 1..2000_u64,
        is_ended: bool,
    ) {
        let directory = folder();
        let options = StoreOptions { segment_len_max, ..OPTIONS };
        let mut store = try_open(directory.path(), options, BOOT).unwrap().store;
        let mut written = Vec::new();
        let mut top = 0;
        for batch in batches {
            let mut events = Vec::new();
            for (mut event, step) in batch {
                top += step;
                event.sequence = top;
                events.push(event);
            }
            append(&mut store, &events).unwrap();
            written.extend(events);
        }
        let skipped = if is_ended { 0 } else { SEQUENCE_SLACK };
        if is_ended {
            store.end(top).unwrap();
        } else {
            drop(store);
        }
        let opened = try_open(directory.path(), options, BOOT).unwrap();
        prop_assert_eq!(opened.events, written);
        prop_assert!(opened.recovered.is_continued);
        prop_assert_eq!(opened.recovered.next_sequence, top + 1 + skipped);
        prop_assert_eq!(opened.recovered.complete_after, 0);
    }
}

#[test]
fn header_round_trips() {
    for is_synced in [false, true] {
        let header = SegmentHeader {
            is_synced,
            ..HEADER
        };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        for cut in 0..bytes.len() {
            let decoded = SegmentHeader::decode(&bytes[..cut]);
            assert_eq!(decoded, Err(HeaderError::Incomplete));
        }
    }
}

#[test]
fn other_versions_are_recognized() {
    for (version, error) in [
        (0, HeaderError::Damaged),
        (2, HeaderError::Newer(2)),
        (u32::MAX, HeaderError::Newer(u32::MAX)),
    ] {
        let mut bytes = HEADER.encode();
        bytes[8..12].copy_from_slice(&u32::to_le_bytes(version));
        let crc = crc32fast::hash(&bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        // The rest of a newer header is unknown.
        bytes[16..].fill(0xff);
        assert_eq!(SegmentHeader::decode(&bytes), Err(error));
    }
}

/// A wrong length with a right checksum cannot come from a damaged disk. It must do no harm all the same.
#[test]
fn huge_lengths_are_incomplete_entries() {
    let bytes = encode(&Entry::Event(Event::new(1).record()));
    for at in [2, 6, 10] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(u32::MAX - 1));
        let crc = crc32fast::hash(&bytes[..HEADER_LEN - 4]);
        bytes[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Entry::decode(&bytes), Decoded::Incomplete, "{at}");
    }
}

#[test]
fn scan_refuses_wrong_orders() {
    let (five, seven, eight) = (Event::new(5), Event::new(7), Event::new(8));
    let [five, seven, eight] = [&five, &seven, &eight].map(|event| Entry::Event(event.record()));
    for (entries, damaged) in [
        (vec![five, seven, eight], None),
        (vec![five, Entry::Top(6), seven, Entry::Top(7)], None),
        (vec![Entry::End(4)], None),
        (vec![seven, five], Some(1)),
        (vec![seven, seven], Some(1)),
        (vec![Entry::Top(7), seven], Some(1)),
        (vec![seven, Entry::Top(6)], Some(1)),
        (vec![Entry::End(3)], Some(0)),
        (vec![seven, Entry::End(8), Entry::End(8)], Some(2)),
        (vec![Entry::Top(SEQUENCE_MAX + 1)], Some(0)),
    ] {
        let mut bytes = HEADER.encode().to_vec();
        let mut offsets = Vec::new();
        for entry in &entries {
            offsets.push(bytes.len());
            entry.encode(&mut bytes).unwrap();
        }
        let scanned = scan(&bytes, &HEADER, &mut |_| {});
        let offset = scanned.err().map(|damage| damage.offset);
        assert_eq!(offset, damaged.map(|index| offsets[index]), "{entries:?}");
    }
}

/// The seeds of the fuzz target keep up with the format.
#[test]
fn seeds_are_segments() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/log_on_disk");
    for (name, sequences, is_ended) in [("events", 5..=7, false), ("ended", 6..=7, true)] {
        let bytes = std::fs::read(seeds.join(name)).unwrap();
        let header = SegmentHeader::decode(&bytes).unwrap();
        let mut found = Vec::new();
        let scan = scan(&bytes, &header, &mut |record| found.push(record.sequence)).unwrap();
        assert_eq!(
            (found, scan.is_ended),
            (sequences.collect(), is_ended),
            "{name}"
        );
        assert_eq!(scan.kept_len, bytes.len(), "{name}");
    }
}
