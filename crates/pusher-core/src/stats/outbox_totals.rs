//! The size of outboxes.

use std::ops::AddAssign;

/// Number of outboxes that are not empty, and their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OutboxTotals {
    pub(crate) outboxes: u64,
    pub(crate) len: u64,
}

impl AddAssign for OutboxTotals {
    fn add_assign(&mut self, more: Self) {
        self.outboxes += more.outboxes;
        self.len += more.len;
    }
}
