//! The log at the start of a server: empty, or with the events that the last run kept on disk.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pusher_proto::wamp::event_frame;
use pusher_proto::{Position, Receipt, Stored};

use super::disk::Disk;
use super::event_frame::EventFrame;
use super::log::{CLOCK_START_MS, Log, NewEvent};
use crate::config::{LiveOptions, StateOptions, SyncPolicy};
use crate::connection::Topic;
use crate::handover;
use crate::stats::Counters;
use crate::store::{self, RecordRef, Recovered, Store, StoreError, StoreOptions};
use crate::unix_time::unix_ms;

/// Bytes on disk for each byte of the log in memory. The store drops whole files, so it needs more than one file.
const DISK_FACTOR: u64 = 4;

/// Least limit of the bytes on disk, also if the log is switched off: a reload can switch it on.
const DISK_LEN_MIN: u64 = 64 * 1024;

/// Longest file of the store, in bytes.
const SEGMENT_LEN_MAX: u64 = 16 * 1024 * 1024;

/// The log and its copy on disk.
#[derive(Debug)]
pub(crate) struct LogStart {
    pub(super) log: Log,
    pub(super) disk: Option<Disk>,
    /// Why there is no copy on disk, although the options want one.
    pub(super) failure: Option<String>,
    /// The log is the recent part of one that the server shares with others.
    pub(super) is_shared: bool,
    /// The ids of publishes of the last run.
    pub(crate) ids: Vec<KnownId>,
}

/// The id of a publish of the last run, and its receipt.
#[derive(Debug)]
pub(crate) struct KnownId {
    pub(crate) topic: String,
    pub(crate) id: String,
    /// Time since the publish, in ms.
    pub(crate) age_ms: u64,
    pub(crate) receipt: Receipt,
}

impl KnownId {
    /// Without its event in the log, the receipt of a repeated publish must not promise one.
    pub(crate) fn without_event(mut self) -> Self {
        (self.receipt.position, self.receipt.stored) = (None, Stored::No);
        self
    }
}

impl LogStart {
    /// Opens the log. If its copy on disk cannot be used, says so in the server's log and begins a log in memory only.
    pub(crate) fn open(
        state: Option<&StateOptions>,
        options: &LiveOptions,
        id_memory: Duration,
        counters: &Arc<Counters>,
    ) -> Self {
        let epoch = new_epoch();
        let Some(state) = state else {
            return Self::in_memory(epoch, None);
        };
        match Self::restore(state, options, id_memory, counters, epoch) {
            Ok(start) => start,
            Err(error) => {
                if let StoreError::Io { .. } = error {
                    // Events of this run will be missing behind those in the directory.
                    store::discard(&state.dir);
                }
                counters.disk_errors.add(1);
                tracing::error!("{error}; the server keeps events in memory only");
                Self::in_memory(epoch, Some(error.to_string()))
            }
        }
    }

    /// Whether the log has a copy on disk.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Returns the end of the log.
    pub(crate) fn position(&self) -> Position {
        self.log.position()
    }

    fn in_memory(epoch: u64, failure: Option<String>) -> Self {
        Self {
            log: Log::new(epoch),
            disk: None,
            failure,
            is_shared: false,
            ids: Vec::new(),
        }
    }

    /// Continues a log in memory that was handed over.
    pub(crate) fn take_over(position: handover::Position, log: handover::Log) -> Self {
        Self {
            log: Log::take_over(position, log),
            ..Self::in_memory(position.epoch, None)
        }
    }

    /// Begins the recent part of a log that the server shares with others. It is empty until the events arrive.
    pub(crate) fn shared() -> Self {
        Self {
            is_shared: true,
            ..Self::in_memory(new_epoch(), None)
        }
    }

    fn restore(
        state: &StateOptions,
        options: &LiveOptions,
        id_memory: Duration,
        counters: &Arc<Counters>,
        new_epoch: u64,
    ) -> Result<Self, StoreError> {
        let len_max = (options.limits.history_len_max as u64).saturating_mul(DISK_FACTOR);
        let store_options = StoreOptions {
            len_max: len_max.max(DISK_LEN_MIN),
            segment_len_max: SEGMENT_LEN_MAX,
            is_synced: state.sync == SyncPolicy::Always,
            new_epoch,
            selection: options.history_selection(),
        };
        let mut restored = Restored {
            log: Log::new(new_epoch),
            ids: Vec::new(),
            options,
            id_memory_ms: id_memory.as_millis(),
            now_ms: unix_ms(),
        };
        let idle = store::idle_time(&state.dir);
        let opened = Store::open(&state.dir, store_options, &mut |record| {
            restored.add(record)
        });
        let (mut store, recovered) = opened?;
        let Recovered {
            epoch,
            is_continued,
            next_sequence,
            mut complete_after,
            notes,
        } = recovered;
        let mut top = next_sequence - 1;
        for note in &notes {
            tracing::warn!("{note}");
        }
        let Restored { mut log, ids, .. } = restored;
        if !is_continued {
            log = Log::new(epoch);
        } else if idle.is_some_and(|idle| idle > options.limits.history_age_max) {
            // Another run may have been in between that could not use the directory. One number is skipped, so that the
            // last position is a gap, too.
            let cleared = store.clear();
            cleared.map_err(|source| StoreError::io("write to", &state.dir, source))?;
            top += 1;
            complete_after = top;
        }
        log.continue_from(epoch, top, complete_after);
        let ids = ids.into_iter().map(|mut known| {
            let sequence = known.receipt.sequence;
            if !is_continued || sequence <= complete_after {
                return known.without_event();
            }
            known.receipt.position = Some(Position { epoch, sequence });
            known.receipt.stored = Stored::Written;
            known
        });
        let ids = ids.collect();
        let disk = Disk::new(store, complete_after, state.sync, counters.clone());
        let disk =
            disk.map_err(|source| StoreError::io("start a thread for", &state.dir, source))?;
        Ok(Self {
            log,
            disk: Some(disk),
            failure: None,
            is_shared: false,
            ids,
        })
    }
}

/// The events that were found on disk.
struct Restored<'a> {
    log: Log,
    ids: Vec<KnownId>,
    options: &'a LiveOptions,
    /// Time for which ids are known, in ms.
    id_memory_ms: u128,
    /// Unix time in ms.
    now_ms: u64,
}

impl Restored<'_> {
    fn add(&mut self, record: RecordRef<'_>) {
        let RecordRef {
            sequence,
            time_ms,
            flags,
            topic,
            id,
            event,
        } = record;
        let age_ms = self.now_ms.saturating_sub(time_ms);
        if let Some(id) = id
            && u128::from(age_ms) <= self.id_memory_ms
        {
            self.ids.push(KnownId {
                topic: topic.to_owned(),
                id: id.to_owned(),
                age_ms,
                receipt: Receipt {
                    sequence,
                    stored: Stored::Written,
                    ..Receipt::default()
                },
            });
        }
        let is_for_chosen = flags != 0;
        let Ok(event) = std::str::from_utf8(event) else {
            return;
        };
        if is_for_chosen || !self.options.has_history(topic) {
            return;
        }
        let new_event = NewEvent {
            frame: EventFrame::new(event_frame(topic, event), event.len()),
            recipients: None,
            at_ms: CLOCK_START_MS - age_ms.min(CLOCK_START_MS),
            channels: None,
        };
        let topic = self.log.known_topic(topic).cloned();
        let topic = topic.unwrap_or_else(|| Topic::from(record.topic));
        self.log
            .restore(sequence, &topic, new_event, &self.options.limits);
    }
}

/// Returns a number that no other start of a server has.
fn new_epoch() -> u64 {
    // The hasher's keys are random.
    RandomState::new().hash_one(SystemTime::now())
}
