//! Models of the store: one thread appends, another one syncs. And a store for the models of the hub.

mod appended;
mod directory;
#[path = "../../../src/store/numbers.rs"]
mod numbers;
#[path = "../../../src/store/record.rs"]
mod record;
#[path = "../../../src/store/syncer.rs"]
mod syncer;
mod written;

pub(crate) use record::RecordRef;
pub(crate) use syncer::Syncer;
pub(crate) use written::{Appended, Disk, Store};
