//! The locks and atomics of the files that `tests/models` checks.
//!
//! The models compile those files a second time, with a `sync` module whose types let a scheduler choose the order of
//! all steps.

pub(crate) use std::sync::atomic;

pub(crate) use parking_lot::{Condvar, Mutex};
pub(crate) use tokio::sync::Notify;
