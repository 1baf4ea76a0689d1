//! The header of a segment, as bytes.
//!
//! All numbers are little-endian:
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 8 | `MAGIC` |
//! | 8 | 4 | version of the format |
//! | 12 | 4 | CRC of the bytes before |
//! | 16 | 8 | epoch |
//! | 24 | 8 | first sequence number |
//! | 32 | 8 | sequence number of the last event before this segment |
//! | 40 | 16 | boot id |
//! | 56 | 8 | selection: which events the log has |
//! | 64 | 4 | flags |
//! | 68 | 4 | CRC of the bytes from offset 16 |
//!
//! All versions have the same first 16 bytes, so the version of a newer file can be trusted.

use super::numbers::{u32_at, u64_at};

/// Length of the header.
pub(super) const HEADER_LEN: usize = 72;

const MAGIC: &[u8; 8] = b"PUSHDLOG";

/// Version of the format that this module reads and writes.
pub(super) const VERSION: u32 = 1;

/// Flag of [`SegmentHeader::is_synced`].
const SYNCED: u32 = 1;

/// Number of one boot of the machine. All zeros if the system has none.
pub(super) type BootId = [u8; 16];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) epoch: u64,
    /// Lowest sequence number that the segment can have. Also the name of the file. Above 0.
    pub(super) first_sequence: u64,
    /// Sequence number of the last event before this segment. If the segments before it are gone, the log is complete
    /// for positions from this one on.
    pub(super) follows: u64,
    /// The boot of the machine in which the segment was written.
    pub(super) boot_id: BootId,
    /// Stands for the rule that selects the events that the log has.
    pub(super) selection: u64,
    /// Whether the server acknowledged an event only after `fdatasync`.
    pub(super) is_synced: bool,
}

/// Reason why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// The file ends before the header does.
    Incomplete,
    Damaged,
    /// The file has this newer version.
    Newer(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(16, &self.epoch.to_le_bytes());
        put(24, &self.first_sequence.to_le_bytes());
        put(32, &self.follows.to_le_bytes());
        put(40, &self.boot_id);
        let flags = if self.is_synced { SYNCED } else { 0 };
        put(56, &self.selection.to_le_bytes());
        put(64, &flags.to_le_bytes());
        let crcs = [0..12, 16..68].map(|range| (range.end, crc32fast::hash(&bytes[range])));
        for (at, crc) in crcs {
            bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        check_version(bytes)?;
        let bytes = bytes
            .first_chunk::<HEADER_LEN>()
            .ok_or(HeaderError::Incomplete)?;
        let mut boot_id = BootId::default();
        boot_id.copy_from_slice(&bytes[40..56]);
        let flags = u32_at(bytes, 64);
        let header = Self {
            epoch: u64_at(bytes, 16),
            first_sequence: u64_at(bytes, 24),
            follows: u64_at(bytes, 32),
            boot_id,
            selection: u64_at(bytes, 56),
            is_synced: flags == SYNCED,
        };
        let is_intact = crc32fast::hash(&bytes[16..68]) == u32_at(bytes, 68)
            && flags <= SYNCED
            && header.follows < header.first_sequence;
        is_intact.then_some(header).ok_or(HeaderError::Damaged)
    }
}

/// Checks the first 16 bytes.
fn check_version(bytes: &[u8]) -> Result<(), HeaderError> {
    let bytes = bytes.first_chunk::<16>().ok_or(HeaderError::Incomplete)?;
    if !bytes.starts_with(MAGIC) || crc32fast::hash(&bytes[..12]) != u32_at(bytes, 12) {
        return Err(HeaderError::Damaged);
    }
    match u32_at(bytes, 8) {
        VERSION => Ok(()),
        version if version > VERSION => Err(HeaderError::Newer(version)),
        _ => Err(HeaderError::Damaged),
    }
}
