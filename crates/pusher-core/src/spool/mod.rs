//! The spool: a directory in which publishers leave events while the server is away. [`pusher_proto::spool`] has the
//! format, and what publishers do.
//!
//! The server takes the active file by renaming it, publishes its records in their order, and removes it. If it ends
//! before that, the next run begins the file again; the ids make sure that no event is published twice.

mod claimed;
mod directory;
mod drains;
mod permission;
mod records;

use std::path::Path;

use parking_lot::Mutex;

pub(crate) use claimed::Claimed;
pub(crate) use directory::{OpenError, SpoolDirectory};
pub(crate) use drains::Drains;
pub(crate) use records::{Work, works};

/// The spool of a server.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) directory: SpoolDirectory,
    pub(crate) drains: Drains,
    /// Why the spool cannot be read now.
    failure: Mutex<Option<String>>,
}

impl Spool {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            directory: SpoolDirectory::new(path),
            drains: Drains::default(),
            failure: Mutex::default(),
        }
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Records whether the spool can be read. Logs only changes.
    pub(crate) fn set_failure(&self, failure: Option<String>) {
        let mut known = self.failure.lock();
        match (&*known, &failure) {
            (None, Some(text)) => tracing::error!("cannot read the spool: {text}"),
            (Some(_), None) => tracing::info!("the spool can be read again"),
            _ => {}
        }
        *known = failure;
    }
}
