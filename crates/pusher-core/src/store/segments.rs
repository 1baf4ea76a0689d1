//! The segments of an open store.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::directory::{Directory, sync_data, write_all};
use super::header::SegmentHeader;
use super::syncer::Syncer;

/// Least length that a file counts: a file system gives it at least one block.
const BLOCK_LEN: u64 = 4096;

/// A file with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentFile {
    /// First sequence number that it can have. This is its name.
    pub(super) first: u64,
    pub(super) len: u64,
}

/// All segments. The bytes go to the current one.
#[derive(Debug)]
pub(super) struct Segments {
    directory: Directory,
    /// Segments before the current one, oldest first.
    older: VecDeque<SegmentFile>,
    /// Bytes that these segments count.
    older_len: u64,
    /// `None` after an error.
    current: Option<Current>,
    /// Most bytes of all segments.
    len_max: u64,
    syncer: Syncer,
}

#[derive(Debug)]
struct Current {
    segment: SegmentFile,
    file: Arc<File>,
}

impl SegmentFile {
    fn counted_len(&self) -> u64 {
        self.len.max(BLOCK_LEN)
    }
}

impl Segments {
    pub(super) fn new(
        directory: Directory,
        older: Vec<SegmentFile>,
        len_max: u64,
        syncer: Syncer,
    ) -> Self {
        Self {
            directory,
            older_len: older.iter().map(SegmentFile::counted_len).sum(),
            older: older.into(),
            current: None,
            len_max,
            syncer,
        }
    }

    /// Returns the length of the current segment. `None` after an error.
    pub(super) fn current_len(&self) -> Option<u64> {
        self.current.as_ref().map(|current| current.segment.len)
    }

    /// Begins a segment, to which all later bytes go.
    pub(super) fn begin(&mut self, header: &SegmentHeader) -> io::Result<()> {
        self.retire_current();
        let segment = SegmentFile {
            first: header.first_sequence,
            len: 0,
        };
        match self.directory.create(segment.first) {
            Ok(file) => {
                let file = Arc::new(file);
                self.syncer.add(segment.first, Arc::clone(&file));
                self.current = Some(Current { segment, file });
                self.write(&header.encode())
            }
            Err(error) => {
                // The file may exist all the same.
                self.add_older(segment);
                Err(error)
            }
        }
    }

    /// Appends bytes to the current segment, and removes the oldest segments beyond the limit.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(current) = &self.current else {
            return Err(io::Error::other("no segment"));
        };
        let mut segment = current.segment;
        segment.len += bytes.len() as u64;
        self.remove_beyond(segment.counted_len())?;
        if let Some(current) = &mut self.current {
            write_all(&current.file, bytes)?;
            current.segment = segment;
        }
        Ok(())
    }

    /// Removes the oldest segments until there is room for `len` bytes beside the older ones.
    fn remove_beyond(&mut self, len: u64) -> io::Result<()> {
        while self.older_len + len > self.len_max && !self.older.is_empty() {
            self.remove_oldest()?;
        }
        Ok(())
    }

    /// Removes all segments, the oldest first: if the server is killed meanwhile, the rest is a complete log. After an
    /// error, a later call continues.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.retire_current();
        while let Some(oldest) = self.older.front().copied() {
            if let Err(error) = self.remove_oldest() {
                // Without its content, the segment ends the log. This works if only the directory is not writable.
                let _truncated = self.directory.truncate(oldest.first, 0);
                return Err(error);
            }
        }
        // Otherwise a crash of the machine could bring the files back.
        self.directory.handle().sync()
    }

    /// Removes the segment that was begun last.
    pub(super) fn remove_newest(&mut self) -> io::Result<()> {
        self.retire_current();
        let newest = self.older.back();
        newest.map_or(Ok(()), |newest| self.directory.remove(newest.first))
    }

    fn remove_oldest(&mut self) -> io::Result<()> {
        if let Some(oldest) = self.older.front() {
            self.directory.remove(oldest.first)?;
            self.syncer.remove(oldest.first);
            self.older_len -= oldest.counted_len();
            self.older.pop_front();
        }
        Ok(())
    }

    fn retire_current(&mut self) {
        if let Some(current) = self.current.take() {
            self.add_older(current.segment);
        }
    }

    fn add_older(&mut self, segment: SegmentFile) {
        self.older_len += segment.counted_len();
        self.older.push_back(segment);
    }

    /// Makes the current segment durable.
    pub(super) fn sync_current(&self) -> io::Result<()> {
        if let Some(current) = &self.current {
            sync_data(&current.file)?;
        }
        self.directory.handle().sync()
    }

    /// Makes all segments durable, those of earlier runs, too.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        for segment in &self.older {
            self.directory.sync_file(segment.first)?;
        }
        self.sync_current()
    }

    /// Removes a file that is none of the segments, unless the current segment has replaced it.
    pub(super) fn remove_file(&self, first: u64) -> io::Result<()> {
        match &self.current {
            Some(current) if current.segment.first == first => Ok(()),
            _ => self.directory.remove(first),
        }
    }
}
