//! The receipt as C reads it.

use pusher_proto::Receipt;

/// What was done with an event.
#[repr(C)]
#[derive(Debug)]
pub struct PushReceipt {
    /// The event's number in its category. It only grows while pushd runs.
    pub sequence: u64,
    /// How many browsers the event was queued to.
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
