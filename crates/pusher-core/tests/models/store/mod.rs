//! Models of the store: one thread appends, another one syncs.

mod appended;
mod directory;
#[path = "../../../src/store/syncer.rs"]
mod syncer;
