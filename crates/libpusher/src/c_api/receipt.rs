//! The receipt as C reads it.

use pusher_proto::Receipt;

/// The answer to an accepted event.
#[repr(C)]
#[derive(Debug)]
pub struct PushReceipt {
    /// Number of the event in its topic. It only grows while pushd runs.
    pub sequence: u64,
    /// Number of browsers that the event was queued to.
    pub subscribers: u64,
}

impl From<Receipt> for PushReceipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            sequence: receipt.sequence,
            subscribers: receipt.subscribers,
        }
    }
}
