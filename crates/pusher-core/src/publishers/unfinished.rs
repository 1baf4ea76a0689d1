//! Memory of incomplete messages, limited over all publishers together.

use std::sync::Arc;

use crate::context::Context;
use crate::stats::PublisherRefusal;

/// One publisher's part of that memory. Dropping it releases the part.
pub(super) struct Unfinished {
    context: Arc<Context>,
    len: u64,
}

/// The incomplete messages of all publishers together have reached the limit, in bytes.
#[derive(Debug, thiserror::Error)]
#[error(
    "incomplete messages of all publishers have reached {len_max} bytes (unfinished-len-max): the server has no room \
     for more now"
)]
pub(super) struct NoRoom {
    len_max: usize,
}

impl Unfinished {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context, len: 0 }
    }

    /// Records that the publisher's message has `len` bytes so far. On an error the caller must drop this publisher,
    /// so that the earlier ones can finish.
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
