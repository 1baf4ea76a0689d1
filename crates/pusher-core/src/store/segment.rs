//! The content of a segment: a header, and entries with growing sequence numbers.

use pusher_proto::SEQUENCE_MAX;

use super::header::{HEADER_LEN, SegmentHeader};
use super::record::{Decoded, Entry, RecordRef};

/// The result of reading a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    /// Sequence number of the last event, in this segment or before.
    pub(super) last_event: u64,
    /// Greatest sequence number that is known to be in use.
    pub(super) top: u64,
    /// Whether the server stopped in order, and wrote so.
    pub(super) is_ended: bool,
    /// Length up to the end of the last complete entry. After it comes an incomplete one, or nothing.
    pub(super) kept_len: usize,
}

/// A segment has wrong bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage {
    /// Offset of the entry in the file.
    pub(super) offset: usize,
}

/// Reads the entries of a segment, and passes its events to `on_event`. `bytes` is the whole file; `header` has been read
/// from it.
pub(super) fn scan<'a>(
    bytes: &'a [u8],
    header: &SegmentHeader,
    on_event: &mut dyn FnMut(RecordRef<'a>),
) -> Result<Scan, Damage> {
    let mut scan = Scan {
        last_event: header.follows,
        top: header.first_sequence - 1,
        is_ended: false,
        kept_len: HEADER_LEN,
    };
    loop {
        let offset = scan.kept_len;
        let rest = bytes.get(offset..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(scan);
        }
        let (entry, len) = match Entry::decode(rest) {
            Decoded::Entry(entry, len) if !scan.is_ended => (entry, len),
            Decoded::Incomplete if !scan.is_ended => return Ok(scan),
            // The second case: bytes after the end.
            _ => return Err(Damage { offset }),
        };
        let lowest = match entry {
            Entry::Event(_) => scan.top + 1,
            Entry::Top(_) | Entry::End(_) => scan.top,
        };
        if !(lowest..=SEQUENCE_MAX).contains(&entry.sequence()) {
            return Err(Damage { offset });
        }
        scan.top = entry.sequence();
        scan.kept_len += len;
        match entry {
            Entry::Event(record) => {
                scan.last_event = record.sequence;
                on_event(record);
            }
            Entry::Top(_) => {}
            Entry::End(_) => scan.is_ended = true,
        }
    }
}
