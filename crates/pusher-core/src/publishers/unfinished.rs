//! The memory that publishers take with messages that have begun and are not complete.

use std::sync::Arc;

use crate::context::Context;
use crate::stats::PublisherRefusal;

/// One publisher's share of it; given back when it is dropped.
pub(super) struct Unfinished {
    context: Arc<Context>,
    len: u64,
}

/// All publishers together have reached the limit, in bytes.
#[derive(Debug, thiserror::Error)]
#[error(
    "publishers have sent {len_max} bytes of messages that they have not finished: the server has \
     no room for more of them now"
)]
pub(super) struct NoRoom {
    len_max: usize,
}

impl Unfinished {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context, len: 0 }
    }

    /// The publisher's message has come to `len` bytes so far. Whoever reaches the limit must go,
    /// and those who came before can finish.
    pub(super) fn set(&mut self, len: usize) -> Result<(), NoRoom> {
        let before = std::mem::replace(&mut self.len, len as u64);
        let all = &self.context.counters.unfinished_len;
        if self.len <= before {
            all.remove(before - self.len);
            return Ok(());
        }
        let len_max = self.context.live.limits().unfinished_len_max;
        if all.add(self.len - before) <= len_max as u64 {
            return Ok(());
        }
        let refused = &self.context.counters.publishers_refused;
        refused.count(PublisherRefusal::UnfinishedLen);
        Err(NoRoom { len_max })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.context.counters.unfinished_len.remove(self.len);
    }
}
