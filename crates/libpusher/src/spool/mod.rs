//! The spool: a file that takes the events that pushd cannot accept now. pushd publishes them later.

mod check;
mod failure;
mod file;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pusher_proto::spool::{Record, encode};

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

pub use check::check_spool;
pub use failure::SpoolFailure;

use crate::deadline::Deadline;
use crate::encode::check;
use crate::error::Error;
use crate::event::Event;
use crate::options::Options;
use crate::random_id::RandomId;
use crate::receipt::Receipt;
use crate::token::Token;

/// Longest wait for the lock of the file.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(20);

/// Events that this process has written to a spool. A publisher compares it with the value at its last DRAIN.
static SPOOLED: AtomicU64 = AtomicU64::new(0);

/// Returns the number of events that this process has written to a spool.
pub fn spooled_count() -> u64 {
    SPOOLED.load(Ordering::Acquire)
}

/// A spool directory, and the time to live and the token of its records.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    dir: PathBuf,
    ttl_s: u32,
    token: Option<Token>,
}

impl Spool {
    pub(crate) fn new(dir: &Path, ttl_s: u32, token: Option<Token>) -> Self {
        Self {
            dir: dir.to_owned(),
            ttl_s,
            token,
        }
    }

    /// Returns the spool of these options, or `None` if it is off.
    pub(crate) fn of(options: &Options) -> Option<Self> {
        let dir = options.spool_dir.as_ref()?;
        Some(Self::new(dir, options.spool_ttl_s, options.token.clone()))
    }

    pub(crate) fn with_ttl(self, ttl_s: u32) -> Self {
        Self { ttl_s, ..self }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the event of a failed publish to the spool. Returns `None` if the same publish cannot succeed later. The
    /// event has an id.
    pub(crate) fn rescue(
        &self,
        event: &Event<'_>,
        error: &Error,
        deadline: &Deadline,
    ) -> Option<Result<Receipt, Error>> {
        if !error.is_temporary() {
            return None;
        }
        // The publish may have failed before the event was checked.
        let written = check(event).map(|()| self.append(event, deadline));
        Some(written.and_then(|written| match written {
            Ok(()) => Ok(Receipt::of_spool()),
            Err(failure) => Err(Error::NotSpooled {
                error: error.to_string(),
                code: error.code(),
                may_be_published: error.may_be_published(),
                failure,
            }),
        }))
    }

    /// Writes a checked event to the spool. Without an id, it gets a random one.
    pub(crate) fn append(
        &self,
        event: &Event<'_>,
        deadline: &Deadline,
    ) -> Result<(), SpoolFailure> {
        let made = event.id.is_none().then(RandomId::new);
        let event = event.or_id(made.as_ref());
        let record = encode(&Record {
            time_ms: now_ms(),
            ttl_s: event.ttl_s.unwrap_or(self.ttl_s),
            topic: event.topic.into(),
            id: event.id.unwrap_or_default().into(),
            latest: event.latest,
            exclude: event.exclude.map(Into::into),
            token: self.token.as_ref().map(|token| token.as_str().into()),
            event: event.json,
        });
        let wait = deadline.remaining().unwrap_or_default();
        file::append(&self.dir, &record, Instant::now() + wait.min(LOCK_WAIT_MAX))?;
        // After the write: a DRAIN that follows this count covers the record.
        SPOOLED.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }
}

/// The time in milliseconds since 1970. A clock before 1970 counts as 1970.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
