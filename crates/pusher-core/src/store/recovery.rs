//! Reads the files of the last run, and decides whether the log continues.

use pusher_proto::SEQUENCE_MAX;

use super::boot;
use super::directory::{Directory, file_name};
use super::error::StoreError;
use super::header::{BootId, HEADER_LEN, HeaderError, SegmentHeader, VERSION};
use super::note::Note;
use super::record::RecordRef;
use super::segment::{Scan, scan};
use super::segments::SegmentFile;

/// Sequence numbers that are skipped after a server was killed. It may have given out positions behind the last event on
/// disk: those of events without history, and of events that it had not written yet. They must never stand for other
/// events.
pub(crate) const SEQUENCE_SLACK: u64 = 1_000_000;

/// A longer file is not from this program. It is not read to its end.
const FILE_LEN_MAX: u64 = 1024 * 1024 * 1024;

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// The log that continues. `None`: a new one begins.
    pub(super) log: Option<OldLog>,
    pub(super) notes: Vec<Note>,
}

/// The log that continues.
#[derive(Debug)]
pub(super) struct OldLog {
    pub(super) epoch: u64,
    /// The selection of the last run.
    selection: u64,
    pub(super) complete_after: u64,
    /// Sequence number of the last event.
    pub(super) last_event: u64,
    pub(super) next_sequence: u64,
    /// The files with events, oldest first.
    pub(super) segments: Vec<SegmentFile>,
    /// Files without events. Removed after the next segment exists: they show which numbers are in use.
    pub(super) empty: Vec<u64>,
    /// Files of a log that does not continue.
    pub(super) obsolete: Vec<u64>,
    /// The last file, and its length without its incomplete end.
    pub(super) torn: Option<SegmentFile>,
}

impl OldLog {
    /// Returns a new log, for which these files are of no use.
    pub(super) fn none(epoch: u64, obsolete: Vec<u64>) -> Self {
        Self {
            epoch,
            selection: 0,
            complete_after: 0,
            last_event: 0,
            next_sequence: 1,
            segments: Vec::new(),
            empty: Vec::new(),
            obsolete,
            torn: None,
        }
    }
}

impl OldLog {
    /// Removes the events, because the log lacks others between them. The sequence numbers continue.
    fn begin_anew(&mut self) {
        let segments = self.segments.drain(..).map(|segment| segment.first);
        self.obsolete.extend(segments);
        self.torn = None;
        self.last_event = self.next_sequence - 1;
        self.complete_after = self.last_event;
    }
}

/// Reads all files, oldest first, and passes their events to `on_event`. Changes nothing.
pub(super) fn recover(
    directory: &Directory,
    files: &[u64],
    boot_id: BootId,
    selection: u64,
    on_event: &mut dyn FnMut(RecordRef<'_>),
) -> Result<Recovery, StoreError> {
    check_versions(directory, files)?;
    let mut recovery = Recovery::default();
    let mut reader = Reader::default();
    for (index, &first) in files.iter().enumerate() {
        let is_last = index + 1 == files.len();
        if let Err(note) = reader.read(directory, first, is_last, on_event)? {
            recovery.notes.push(note);
            return Ok(recovery);
        }
    }
    recovery.notes.extend(reader.torn_note());
    match reader.finish(boot_id) {
        Ok(mut log) => {
            if let Some((log, _)) = &mut log
                && log.selection != selection
            {
                log.begin_anew();
            }
            let was_killed = log.as_ref().is_some_and(|(_, was_killed)| *was_killed);
            recovery.notes.extend(was_killed.then_some(Note::Killed));
            recovery.log = log.map(|(log, _)| log);
        }
        Err(note) => recovery.notes.push(note),
    }
    Ok(recovery)
}

/// Fails if a file is of a newer version, before anything is read or removed.
fn check_versions(directory: &Directory, files: &[u64]) -> Result<(), StoreError> {
    let mut start = Vec::new();
    for &first in files {
        read(directory, first, HEADER_LEN as u64, &mut start)?;
        if let Err(HeaderError::Newer(version)) = SegmentHeader::decode(&start) {
            return Err(StoreError::NewerFormat {
                path: directory.file(first),
                version,
                supported: VERSION,
            });
        }
    }
    Ok(())
}

fn read(
    directory: &Directory,
    first: u64,
    len_max: u64,
    buffer: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let read = directory.read(first, len_max, buffer);
    read.map_err(|source| StoreError::io("read", &directory.file(first), source))
}

/// The files so far.
#[derive(Debug, Default)]
struct Reader {
    /// Header of the oldest file.
    oldest: Option<SegmentHeader>,
    /// Header and content of the newest file.
    newest: Option<(SegmentHeader, Scan)>,
    segments: Vec<SegmentFile>,
    empty: Vec<u64>,
    /// The last file, its length without the incomplete end, and the length of that end.
    torn: Option<(SegmentFile, u64)>,
    buffer: Vec<u8>,
}

impl Reader {
    /// Reads one file. The inner error: the log is not complete.
    fn read(
        &mut self,
        directory: &Directory,
        first: u64,
        is_last: bool,
        on_event: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<Result<(), Note>, StoreError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        read(directory, first, FILE_LEN_MAX + 1, &mut buffer)?;
        let result = self.read_bytes(&buffer, first, is_last, on_event);
        self.buffer = buffer;
        Ok(result)
    }

    fn read_bytes(
        &mut self,
        bytes: &[u8],
        first: u64,
        is_last: bool,
        on_event: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<(), Note> {
        let damaged = |offset: usize| Note::Damaged {
            file: file_name(first),
            offset: offset as u64,
        };
        let header = match SegmentHeader::decode(bytes) {
            Err(HeaderError::Incomplete) if is_last || self.newest.is_some() => {
                self.read_torn_header(bytes, first);
                return Ok(());
            }
            Ok(header) if header.first_sequence == first && bytes.len() as u64 <= FILE_LEN_MAX => {
                header
            }
            _ => return Err(damaged(0)),
        };
        if let Some((before, scan)) = &self.newest
            && (header.epoch != before.epoch || header.follows != scan.last_event)
        {
            return Err(Note::Missing {
                file: file_name(first),
            });
        }
        let scan = scan(bytes, &header, on_event).map_err(|damage| damaged(damage.offset))?;
        let (len, kept_len) = (bytes.len() as u64, scan.kept_len as u64);
        if len > kept_len && !is_last {
            return Err(damaged(scan.kept_len));
        }
        let file = SegmentFile {
            first,
            len: kept_len,
        };
        if len > kept_len {
            self.torn = Some((file, len - kept_len));
        }
        if scan.last_event > header.follows {
            self.segments.push(file);
        } else {
            self.empty.push(first);
        }
        self.oldest.get_or_insert(header);
        self.newest = Some((header, scan));
        Ok(())
    }

    /// The server was killed while it created this file, so it had no events. If it had some, the next segment shows that
    /// they are missing. The first segment is different: after an error, [`Segments::clear`](super::segments::Segments)
    /// may have cut it.
    fn read_torn_header(&mut self, bytes: &[u8], first: u64) {
        self.empty.push(first);
        let file = SegmentFile { first, len: 0 };
        self.torn = Some((file, bytes.len() as u64));
        if let Some((_, scan)) = &mut self.newest {
            scan.is_ended = false;
            scan.top = scan.top.max(first.saturating_sub(1));
        }
    }

    fn torn_note(&self) -> Option<Note> {
        let (file, removed_len) = self.torn?;
        Some(Note::TornTail {
            file: file_name(file.first),
            kept_len: file.len,
            removed_len,
        })
    }

    /// Returns the log, and whether the server was killed. The error: the log does not continue.
    fn finish(self, boot_id: BootId) -> Result<Option<(OldLog, bool)>, Note> {
        let (Some(oldest), Some((newest, scan))) = (self.oldest, self.newest) else {
            return Ok(None);
        };
        let is_lossless = boot::is_same(newest.boot_id, boot_id) || newest.is_synced;
        if !scan.is_ended && !is_lossless {
            return Err(Note::MachineCrash);
        }
        let skipped = if scan.is_ended { 0 } else { SEQUENCE_SLACK };
        let next_sequence = scan.top.checked_add(1 + skipped);
        let next_sequence = next_sequence.filter(|next| *next <= SEQUENCE_MAX);
        let next_sequence = next_sequence.ok_or(Note::NumbersUsedUp)?;
        let log = OldLog {
            epoch: newest.epoch,
            selection: newest.selection,
            complete_after: oldest.follows,
            last_event: scan.last_event,
            next_sequence,
            segments: self.segments,
            empty: self.empty,
            obsolete: Vec::new(),
            torn: self.torn.map(|(file, _)| file),
        };
        Ok(Some((log, !scan.is_ended)))
    }
}
