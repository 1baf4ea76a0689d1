//! The entries of a segment, as bytes.
//!
//! A header of fixed length comes first, then topic, id and event. All numbers are little-endian:
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 1 | kind |
//! | 1 | 1 | flags, for the caller |
//! | 2 | 4 | length of the topic |
//! | 6 | 4 | length of the publish id, or `NO_ID` |
//! | 10 | 4 | length of the event |
//! | 14 | 8 | sequence number |
//! | 22 | 8 | Unix time in ms |
//! | 30 | 4 | CRC of topic, id and event |
//! | 34 | 4 | CRC of the bytes before |
//!
//! The header has a CRC of its own, so a damaged length is not mistaken for an entry that ends early.
//!
//! The checksum is CRC-32 (IEEE) instead of CRC-32C. `crc32fast` is in the build already, through `flate2`, and computes
//! it at several GB/s on x86 and ARM. Both find every burst of up to 32 wrong bits.

use std::io;

use super::numbers::{u32_at, u64_at};

/// Length of the header of an entry.
pub(super) const HEADER_LEN: usize = 38;

/// Length of the header without its CRC.
const CHECKED_LEN: usize = HEADER_LEN - 4;

/// Stands for the length of a missing id.
const NO_ID: u32 = u32::MAX;

/// An event of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordRef<'a> {
    pub(crate) sequence: u64,
    /// Time of the publish, as Unix time in ms.
    pub(crate) time_ms: u64,
    /// Not read by the store.
    pub(crate) flags: u8,
    pub(crate) topic: &'a str,
    /// Id of the publish.
    pub(crate) id: Option<&'a str>,
    /// The event, one JSON value. The store checks only that it is UTF-8.
    pub(crate) event: &'a [u8],
}

/// What a segment consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    Event(RecordRef<'a>),
    /// Sequence numbers up to this one may be in use, although the log has no events with them.
    Top(u64),
    /// The server stopped after it had used sequence numbers up to this one. Nothing follows.
    End(u64),
}

/// The beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded<'a> {
    /// An entry and its length.
    Entry(Entry<'a>, usize),
    /// The bytes end before the entry does.
    Incomplete,
    Damaged,
}

const EVENT: u8 = 1;
const TOP: u8 = 2;
const END: u8 = 3;

impl<'a> Entry<'a> {
    pub(super) fn sequence(&self) -> u64 {
        match *self {
            Self::Event(record) => record.sequence,
            Self::Top(sequence) | Self::End(sequence) => sequence,
        }
    }

    /// Returns the length of the encoded entry.
    pub(super) fn len(&self) -> usize {
        let body_len = |record: &RecordRef<'_>| {
            record.topic.len() + record.id.map_or(0, str::len) + record.event.len()
        };
        match self {
            Self::Event(record) => HEADER_LEN + body_len(record),
            Self::Top(_) | Self::End(_) => HEADER_LEN,
        }
    }

    /// Appends the entry to `out`. Fails if one of its texts has 4 GiB or more.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let (kind, record) = match *self {
            Self::Event(record) => (EVENT, record),
            Self::Top(sequence) => (TOP, bare(sequence)),
            Self::End(sequence) => (END, bare(sequence)),
        };
        let id_len = record.id.map_or(Ok(NO_ID), |id| len_of(id.as_bytes()))?;
        let start = out.len();
        out.reserve(self.len());
        out.extend_from_slice(&[kind, record.flags]);
        out.extend_from_slice(&len_of(record.topic.as_bytes())?.to_le_bytes());
        out.extend_from_slice(&id_len.to_le_bytes());
        out.extend_from_slice(&len_of(record.event)?.to_le_bytes());
        out.extend_from_slice(&record.sequence.to_le_bytes());
        out.extend_from_slice(&record.time_ms.to_le_bytes());
        let id = record.id.unwrap_or_default();
        let mut body_crc = crc32fast::Hasher::new();
        for part in [record.topic.as_bytes(), id.as_bytes(), record.event] {
            body_crc.update(part);
        }
        out.extend_from_slice(&body_crc.finalize().to_le_bytes());
        let header_crc = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&header_crc.to_le_bytes());
        for part in [record.topic.as_bytes(), id.as_bytes(), record.event] {
            out.extend_from_slice(part);
        }
        Ok(())
    }

    /// Reads the entry at the beginning of `bytes`. Allocates nothing, whatever the lengths in the header.
    pub(super) fn decode(bytes: &'a [u8]) -> Decoded<'a> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Decoded::Incomplete;
        };
        if crc32fast::hash(&header[..CHECKED_LEN]) != u32_at(header, CHECKED_LEN) {
            return Decoded::Damaged;
        }
        let [topic_len, id_len, event_len] = [2, 6, 10].map(|at| u32_at(header, at));
        let has_id = id_len != NO_ID;
        let lens = [topic_len, if has_id { id_len } else { 0 }, event_len];
        let [topic_len, id_len, event_len] = lens.map(|len| len as usize);
        let body_len = topic_len
            .checked_add(id_len)
            .and_then(|len| len.checked_add(event_len));
        let Some(body) = body_len.and_then(|len| rest.get(..len)) else {
            return Decoded::Incomplete;
        };
        if crc32fast::hash(body) != u32_at(header, 30) {
            return Decoded::Damaged;
        }
        let (topic, rest) = body.split_at(topic_len);
        let (id, event) = rest.split_at(id_len);
        let texts = [topic, id, event].map(str::from_utf8);
        let [Ok(topic), Ok(id), Ok(_)] = texts else {
            return Decoded::Damaged;
        };
        let record = RecordRef {
            sequence: u64_at(header, 14),
            time_ms: u64_at(header, 22),
            flags: header[1],
            topic,
            id: has_id.then_some(id),
            event,
        };
        let entry = match header[0] {
            EVENT => Self::Event(record),
            TOP if record == bare(record.sequence) => Self::Top(record.sequence),
            END if record == bare(record.sequence) => Self::End(record.sequence),
            _ => return Decoded::Damaged,
        };
        Decoded::Entry(entry, HEADER_LEN + body.len())
    }
}

/// Returns the content of an entry that has only a sequence number.
fn bare(sequence: u64) -> RecordRef<'static> {
    RecordRef {
        sequence,
        time_ms: 0,
        flags: 0,
        topic: "",
        id: None,
        event: &[],
    }
}

fn len_of(text: &[u8]) -> io::Result<u32> {
    let len = u32::try_from(text.len()).ok().filter(|len| *len != NO_ID);
    len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a text of 4 GiB or more"))
}
