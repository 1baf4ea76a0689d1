//! Other systems than Linux: each write is a system call of its own.

use std::convert::Infallible;

use bytes::Bytes;

use crate::config::IoUring;
use crate::connection::{Behind, OverflowRule, Session};

pub(super) const BATCH_MAX: usize = 0;

#[derive(Debug, Default)]
pub(super) struct Batches;

/// A batch that cannot exist.
pub(super) struct SendBatch(Infallible);

impl Batches {
    pub(super) fn open(_: IoUring) -> Self {
        Self
    }

    pub(super) fn begin(&mut self) -> Option<SendBatch> {
        None
    }
}

impl SendBatch {
    pub(super) fn add(&mut self, _: &Session, _: &Bytes, _: OverflowRule<'_>) -> bool {
        match self.0 {}
    }

    pub(super) fn submit(&mut self, _: impl FnMut(&Session, Result<(), Behind>)) {
        match self.0 {}
    }
}
