//! Other systems than Linux: each write is a system call of its own.

use std::convert::Infallible;

use bytes::Bytes;

use crate::config::IoUring;
use crate::connection::{Behind, Rest, Session};

#[derive(Debug, Default)]
pub(super) struct Batches;

/// A batch that cannot exist.
pub(super) struct Batch(Infallible);

impl Batches {
    pub(super) fn open(_: IoUring, _: usize) -> Self {
        Self
    }

    pub(super) fn begin(&mut self) -> Option<Batch> {
        None
    }
}

impl Batch {
    pub(super) fn add(&mut self, _: &Session, _: &Bytes, _: Rest<'_>) -> bool {
        match self.0 {}
    }

    pub(super) fn submit(&mut self, _: impl FnMut(&Session, Result<(), Behind>)) {
        match self.0 {}
    }
}
