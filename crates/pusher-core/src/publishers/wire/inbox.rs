//! Where the bytes of a publisher wait until a message is complete.

use pusher_proto::JsonStream;
use pusher_proto::zmtp::Pull;

/// Collects received bytes until a message is complete.
pub(in super::super) trait Inbox {
    /// Name of one message, for the log.
    const MESSAGE: &str;

    fn feed(&mut self, bytes: &[u8]);

    /// Number of bytes of the incomplete message.
    fn unfinished_len(&self) -> usize;
}

impl Inbox for JsonStream {
    const MESSAGE: &str = "an object";

    fn feed(&mut self, bytes: &[u8]) {
        self.feed(bytes);
    }

    fn unfinished_len(&self) -> usize {
        self.unfinished_len()
    }
}

impl Inbox for Pull {
    const MESSAGE: &str = "a ZMTP message";

    fn feed(&mut self, bytes: &[u8]) {
        self.feed(bytes);
    }

    fn unfinished_len(&self) -> usize {
        self.unfinished_len()
    }
}
