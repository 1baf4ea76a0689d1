//! Receipts and positions as C reads them.

use std::ffi::{c_char, c_int};

use pusher_proto::{Position, Stored};

use crate::receipt::Receipt;

/// Size of a buffer for a position, in bytes, with the NUL byte at the end.
pub const PUSH_POSITION_SIZE: usize = 40;

/// Result of a publish that libpusher wrote to the spool, because pushd was away. pushd publishes the
/// event when it reads the spool. The value is above 0, so it is no error.
pub const PUSH_SPOOLED: c_int = 2147483647;

/// The event is not kept: the topic has no history, or pushd is too old to keep events.
pub const PUSH_STORED_NO: c_int = 0;

/// The event is kept in pushd's memory. A restart of pushd loses it. With a log shared by several
/// servers: a restart of Redis.
pub const PUSH_STORED_MEMORY: c_int = 1;

/// The event is written to a file, without fsync. A crash of the machine may lose it.
pub const PUSH_STORED_WRITTEN: c_int = 2;

/// The event is on disk, after fsync.
pub const PUSH_STORED_SYNCED: c_int = 3;

/// The answer to an accepted event.
#[repr(C)]
#[derive(Debug)]
pub struct PushReceipt {
    /// Number of the event in pushd's log, which has the events of all topics. It only grows while
    /// pushd runs.
    pub sequence: u64,
    /// Number of browsers that the event was queued to. If several servers share the log, pushd adds
    /// the counts of the other servers, which are up to 2 seconds old.
    pub subscribers: u64,
    /// The place behind the event in the log: text with a NUL at the end. A page that subscribes with
    /// it as `since` misses only later events. Empty if pushd is too old for positions.
    pub position: [c_char; PUSH_POSITION_SIZE],
    /// How safely pushd keeps the event for subscribers that come back: one of PUSH_STORED_NO,
    /// PUSH_STORED_MEMORY, PUSH_STORED_WRITTEN and PUSH_STORED_SYNCED. A greater number is safer.
    pub stored: c_int,
    /// Number of servers that share the log, this one included. 0 if pushd has a log of its own.
    pub nodes: u64,
    /// 1 if the event is in the spool: pushd could not accept it now, and publishes it later. Then
    /// the other members are 0 and position is empty. Otherwise 0.
    pub spooled: c_int,
}

impl From<Receipt> for PushReceipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            sequence: receipt.sequence,
            subscribers: receipt.subscribers,
            position: receipt
                .position
                .map_or([0; PUSH_POSITION_SIZE], position_text),
            stored: match receipt.stored {
                Stored::No => PUSH_STORED_NO,
                Stored::Memory => PUSH_STORED_MEMORY,
                Stored::Written => PUSH_STORED_WRITTEN,
                Stored::Synced => PUSH_STORED_SYNCED,
            },
            nodes: receipt.nodes.unwrap_or(0),
            spooled: c_int::from(receipt.spooled),
        }
    }
}

/// The result of a successful publish: PUSH_SPOOLED or the number of browsers.
pub(super) fn result(receipt: Receipt) -> c_int {
    match receipt.spooled {
        true => PUSH_SPOOLED,
        false => c_int::try_from(receipt.subscribers)
            .unwrap_or(c_int::MAX)
            .min(PUSH_SPOOLED - 1),
    }
}

/// The text of a position, with NUL bytes behind it.
pub(super) fn position_text(position: Position) -> [c_char; PUSH_POSITION_SIZE] {
    let mut text = [0; PUSH_POSITION_SIZE];
    for (to, byte) in text.iter_mut().zip(position.to_string().bytes()) {
        // ASCII has the same value in a signed and in an unsigned char.
        *to = byte as c_char;
    }
    text
}

#[cfg(test)]
mod tests {
    use pusher_proto::SEQUENCE_MAX;

    use super::*;

    #[test]
    fn a_number_of_browsers_is_never_the_result_of_the_spool() {
        let of = |subscribers, spooled| {
            result(Receipt {
                subscribers,
                spooled,
                ..Receipt::default()
            })
        };
        assert_eq!((of(0, false), of(7, false)), (0, 7));
        assert_eq!(of(u64::MAX, false), PUSH_SPOOLED - 1);
        assert_eq!(of(0, true), PUSH_SPOOLED);
    }

    #[test]
    fn the_longest_position_fits_with_its_nul() {
        let longest = Position {
            epoch: u64::MAX,
            sequence: SEQUENCE_MAX,
        };
        let len = longest.to_string().len();
        assert!(len < PUSH_POSITION_SIZE);
        assert_eq!(position_text(longest)[len - 1], b'1' as c_char);
        assert_eq!(position_text(longest)[len], 0);
    }
}
