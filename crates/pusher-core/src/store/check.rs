//! Invariants of a segment, for fuzzing.

use super::header::{HEADER_LEN, SegmentHeader};
use super::numbers::u32_at;
use super::record::{self, Decoded, Entry, RecordRef};
use super::segment::{Damage, Scan, scan};

/// Checks a file with any content, and the same file with right checksums.
pub(crate) fn check_segment(bytes: &[u8]) {
    check(bytes);
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    check(&sealed);
}

/// What is read is what would be written. A cut file gives the first events, and a flipped bit is found.
fn check(bytes: &[u8]) {
    let Ok(header) = SegmentHeader::decode(bytes) else {
        return;
    };
    assert_eq!(header.encode(), bytes[..HEADER_LEN]);
    let (result, events) = read(bytes, &header);
    let (Ok(Scan { kept_len, .. }) | Err(Damage { offset: kept_len })) = result;
    let kept = &bytes[..kept_len];
    check_encoding(&kept[HEADER_LEN..]);
    let (kept_result, kept_events) = read(kept, &header);
    let kept_scan = kept_result.expect("a segment without its damaged end");
    assert_eq!((kept_scan.kept_len, &kept_events), (kept_len, &events));
    for cut in [kept_len - 1, kept_len / 2 + HEADER_LEN / 2] {
        let (result, some) = read(&bytes[..cut.max(HEADER_LEN)], &header);
        assert!(result.is_ok() && events.starts_with(&some), "{cut}");
    }
    let bit = crc32fast::hash(bytes) as usize % (kept_len * 8);
    let mut flipped = kept.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    if let Ok(header) = SegmentHeader::decode(&flipped) {
        let (result, some) = read(&flipped, &header);
        assert!(result.is_err() && events.starts_with(&some), "{bit}");
    }
}

fn read<'a>(bytes: &'a [u8], header: &SegmentHeader) -> (Result<Scan, Damage>, Vec<RecordRef<'a>>) {
    let mut events = Vec::new();
    let result = scan(bytes, header, &mut |record| events.push(record));
    (result, events)
}

/// Checks that the entries have no other encoding.
fn check_encoding(mut bytes: &[u8]) {
    let mut encoded = Vec::new();
    while let Decoded::Entry(entry, len) = Entry::decode(bytes) {
        encoded.clear();
        entry.encode(&mut encoded).expect("short texts");
        assert_eq!(encoded, bytes[..len]);
        bytes = &bytes[len..];
    }
    assert!(bytes.is_empty());
}

/// Puts the right checksums into a file, which random changes never have.
fn seal(bytes: &mut [u8]) {
    if bytes.len() < HEADER_LEN {
        return;
    }
    put_crc(bytes, 0..12);
    put_crc(bytes, 16..60);
    let mut at = HEADER_LEN;
    while let Some(entry) = bytes.get_mut(at..)
        && entry.len() >= record::HEADER_LEN
    {
        let (header, body) = entry.split_at_mut(record::HEADER_LEN);
        let lens = [2, 6, 10].map(|at| u32_at(header, at));
        // A missing id has the greatest length.
        let lens = lens.iter().filter(|len| **len != u32::MAX);
        let body_len: usize = lens.map(|len| *len as usize).sum();
        if let Some(body) = body.get(..body_len) {
            header[30..34].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        }
        put_crc(header, 0..record::HEADER_LEN - 4);
        at = at.saturating_add(record::HEADER_LEN + body_len);
    }
}

/// Puts the checksum of a range behind it.
fn put_crc(bytes: &mut [u8], range: std::ops::Range<usize>) {
    let end = range.end;
    let crc = crc32fast::hash(&bytes[range]);
    bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
}
