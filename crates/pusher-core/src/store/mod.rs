//! The log on disk: the last events, in files of a directory.
//!
//! Each file is a *segment*. Its name is the first sequence number that it can have. There is no other list of files, so
//! none can be wrong. The store appends to the newest segment, and removes the oldest ones beyond a limit.
//!
//! # Complete or gap
//! The directory always has a complete run of events. If events cannot be written, the store removes all segments: a
//! log without these events would hide the hole from a client that comes back after a restart. The next append begins
//! a new log, behind the hole.
//!
//! What [`Store::open`] finds, and what follows from it:
//!
//! | found | result |
//! |---|---|
//! | the end that [`Store::end`] writes | the log continues |
//! | no end, same boot of the machine: the server was killed | the log continues, [`SEQUENCE_SLACK`] numbers later |
//! | no end, another boot, each event was synced before its receipt | as if the server was killed |
//! | no end, another boot | new epoch |
//! | an incomplete entry at the end of the last segment | it is cut off |
//! | wrong bytes, or a missing segment between others | new epoch |
//! | another selection of events | the log continues, and older positions are a gap |
//! | a newer format | an error, and no file changes |
//!
//! One hole cannot be found: the file system becomes read-only or does not answer, the server goes on in memory, and is
//! killed; and before it starts again in the same boot, the file system works again.

mod access;
mod boot;
#[cfg(any(test, fuzzing))]
mod check;
mod directory;
mod error;
mod faults;
mod header;
mod note;
mod numbers;
mod record;
mod recovery;
mod segment;
mod segments;
mod syncer;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;

use pusher_proto::SEQUENCE_MAX;

use directory::Directory;
use header::{BootId, HEADER_LEN, SegmentHeader};
use record::Entry;
use recovery::OldLog;
use segments::Segments;

pub(crate) use access::private;
#[cfg(any(test, fuzzing))]
pub(crate) use check::check_segment;
pub(crate) use directory::{NEW_REVOCATIONS, REVOCATIONS, sync_directory};
pub(crate) use directory::{discard, idle_time};
pub(crate) use error::StoreError;
pub(crate) use note::Note;
pub(crate) use record::RecordRef;
pub(crate) use recovery::SEQUENCE_SLACK;
pub(crate) use syncer::Syncer;

/// Capacity of the buffer that is kept between two batches, in bytes.
const BUFFER_KEPT_MAX: usize = 256 * 1024;

/// How a store keeps events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreOptions {
    /// Most bytes of all segments. At this limit, the oldest ones are removed. A longer single event is kept all the
    /// same.
    pub(crate) len_max: u64,
    /// Most bytes of a segment, at most a quarter of `len_max`. A longer event gets a segment of its own.
    pub(crate) segment_len_max: u64,
    /// Whether the caller acknowledges an event only after [`Syncer::sync`]. If so, a crash of the machine loses no
    /// acknowledged event, and the log continues after it.
    pub(crate) is_synced: bool,
    /// Epoch for a new log: a random number.
    pub(crate) new_epoch: u64,
    /// Stands for the rule that selects the events to keep. If the last run had another one, its log may lack events,
    /// so older positions are a gap.
    pub(crate) selection: u64,
}

/// What a store found when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) epoch: u64,
    /// Whether the log continues. If not, the events that were found are useful only for their publish ids.
    pub(crate) is_continued: bool,
    /// Sequence number of the next event.
    pub(crate) next_sequence: u64,
    /// The events are complete for positions from this sequence number on. Older positions are a gap.
    pub(crate) complete_after: u64,
    /// Lines for the log of the server.
    pub(crate) notes: Vec<Note>,
}

/// The log on disk, open for appending. If it is dropped without [`end`](Self::end), the next start takes the server for
/// killed.
#[derive(Debug)]
pub(crate) struct Store {
    segments: Segments,
    options: StoreOptions,
    boot_id: BootId,
    epoch: u64,
    /// Entries that are not written yet.
    buffer: Vec<u8>,
    /// Sequence number of the last event in the log.
    last_event: u64,
    /// Greatest sequence number in the log.
    top: u64,
    syncer: Syncer,
}

impl Store {
    /// Opens a directory, and creates it if it is missing. Passes the events in it to `on_event`, oldest first, before
    /// it is known whether the log continues.
    pub(crate) fn open(
        path: &Path,
        options: StoreOptions,
        on_event: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<(Self, Recovered), StoreError> {
        Self::open_in_boot(path, options, boot::id(), on_event)
    }

    /// Like [`open`](Self::open), in this boot of the machine.
    fn open_in_boot(
        path: &Path,
        mut options: StoreOptions,
        boot_id: BootId,
        on_event: &mut dyn FnMut(RecordRef<'_>),
    ) -> Result<(Self, Recovered), StoreError> {
        options.segment_len_max = options.segment_len_max.min(options.len_max / 4);
        let directory = Directory::open(path)?;
        let listing = directory.list();
        let listing = listing.map_err(|source| StoreError::io("list", path, source))?;
        let recovery = recovery::recover(
            &directory,
            &listing.segments,
            boot_id,
            options.selection,
            on_event,
        )?;
        let mut notes = recovery.notes;
        if listing.foreign_count > 0 {
            notes.push(Note::ForeignFiles {
                count: listing.foreign_count,
                example: listing.foreign_example,
            });
        }
        let is_continued = recovery.log.is_some();
        let log = recovery
            .log
            .unwrap_or_else(|| OldLog::none(options.new_epoch, listing.segments));
        let recovered = Recovered {
            epoch: log.epoch,
            is_continued,
            next_sequence: log.next_sequence,
            complete_after: log.complete_after,
            notes,
        };
        let store = Self::continue_log(directory, options, boot_id, log);
        let store = store.map_err(|source| StoreError::io("write to", path, source))?;
        Ok((store, recovered))
    }

    /// Begins a segment behind the old ones. It is synced, whatever the policy: without it, a crash of the machine would
    /// leave the end of the last run, as if this run had not been.
    fn continue_log(
        directory: Directory,
        options: StoreOptions,
        boot_id: BootId,
        log: OldLog,
    ) -> io::Result<Self> {
        if let Some(torn) = log.torn {
            directory.truncate(torn.first, torn.len)?;
        }
        let top = log.next_sequence - 1;
        let syncer = Syncer::new(Arc::clone(directory.handle()), top);
        let mut store = Self {
            segments: Segments::new(directory, log.segments, options.len_max, syncer.clone()),
            options,
            boot_id,
            epoch: log.epoch,
            buffer: Vec::new(),
            last_event: log.last_event,
            top,
            syncer,
        };
        for first in log.obsolete {
            store.segments.remove_file(first)?;
        }
        let begun = store.begin_segment();
        let begun = begun.and_then(|()| store.segments.sync_current());
        if let Err(error) = begun {
            // Otherwise each restart on a full disk would leave another empty file.
            let _removed = store.segments.remove_newest();
            return Err(error);
        }
        for first in log.empty {
            // A file without events does no harm. If it cannot be removed, the next start tries it again.
            let _removed = store.segments.remove_file(first);
        }
        Ok(store)
    }

    /// Appends events with growing sequence numbers, with one write for each segment. They then survive the end of the
    /// process.
    ///
    /// After an error, the log on disk is empty, and later events can be appended: they begin a new log. Events that
    /// were acknowledged although they could not be appended must not be appended later.
    pub(crate) fn append(&mut self, batch: &[RecordRef<'_>]) -> io::Result<()> {
        let Some(first) = batch.first() else {
            return Ok(());
        };
        let before = first.sequence.saturating_sub(1);
        let result = self.append_entries(before, batch.iter().copied().map(Entry::Event));
        if result.is_ok() {
            self.syncer.set_written(self.last_event);
        }
        result
    }

    /// Records that sequence numbers up to `top` are in use, although not all of them are in the log. All events up to
    /// `top` must be appended already. To be called at least every [`SEQUENCE_SLACK`] / 4 numbers; most calls write
    /// nothing.
    pub(crate) fn mark_top(&mut self, top: u64) -> io::Result<()> {
        if top < self.top.saturating_add(SEQUENCE_SLACK / 2) {
            return Ok(());
        }
        self.append_entries(top, [Entry::Top(top)])
    }

    /// Removes all events. To be called if an accepted event will not be appended.
    ///
    /// After an error, the next append tries it again.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.segments.clear()
    }

    /// Removes all events, because the rule changes that selects the events to keep.
    pub(crate) fn change_selection(&mut self, selection: u64) -> io::Result<()> {
        self.options.selection = selection;
        self.clear()
    }

    /// Writes the end of the log, and syncs everything. The next start continues the log without a jump. `top` is the
    /// last sequence number that the server used, and all events up to it must be appended already.
    pub(crate) fn end(mut self, top: u64) -> io::Result<()> {
        let top = top.max(self.top);
        self.append_entries(top, [Entry::End(top)])?;
        self.segments.sync_all()
    }

    /// Returns a handle that syncs appended events, for another thread.
    pub(crate) fn syncer(&self) -> Syncer {
        self.syncer.clone()
    }

    /// Appends entries. If the log is empty because of an error, begins a new one, which is complete after the sequence
    /// number `before`. Removes all events if it fails.
    fn append_entries<'a>(
        &mut self,
        before: u64,
        entries: impl IntoIterator<Item = Entry<'a>>,
    ) -> io::Result<()> {
        let result = self.try_append_entries(before, entries);
        if result.is_err() {
            // If this fails, too, the next append tries it again.
            let _cleared = self.clear();
        }
        result
    }

    fn try_append_entries<'a>(
        &mut self,
        before: u64,
        entries: impl IntoIterator<Item = Entry<'a>>,
    ) -> io::Result<()> {
        if self.syncer.take_failure() || self.segments.current_len().is_none() {
            self.clear()?;
            self.last_event = before;
            self.top = before;
            self.begin_segment()?;
        }
        for entry in entries {
            self.push(&entry)?;
        }
        self.flush()
    }

    /// Adds an entry to the buffer. Begins a segment first if the current one is full.
    fn push(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        let lowest = match entry {
            Entry::Event(_) => self.top + 1,
            Entry::Top(_) | Entry::End(_) => self.top,
        };
        if !(lowest..=SEQUENCE_MAX).contains(&entry.sequence()) {
            let reason = format!("sequence number {} after {}", entry.sequence(), self.top);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let len = self.segments.current_len().unwrap_or_default() + self.buffer.len() as u64;
        if len + entry.len() as u64 > self.options.segment_len_max && len > HEADER_LEN as u64 {
            self.flush()?;
            self.begin_segment()?;
        }
        entry.encode(&mut self.buffer)?;
        self.top = entry.sequence();
        if let Entry::Event(record) = entry {
            self.last_event = record.sequence;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.segments.write(&self.buffer)?;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT_MAX);
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        self.segments.begin(&SegmentHeader {
            epoch: self.epoch,
            first_sequence: self.top + 1,
            follows: self.last_event,
            boot_id: self.boot_id,
            selection: self.options.selection,
            is_synced: self.options.is_synced,
        })
    }
}
