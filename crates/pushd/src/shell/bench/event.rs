//! The published events: a number, a time, and padding up to the wanted length.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

/// Shortest event, in bytes. It has room for the number and the time.
pub(super) const LEN_MIN: u64 = 64;
/// Longest event, in bytes. It is below pushd's default limit.
pub(super) const LEN_MAX: u64 = 1024 * 1024;

/// The fields of an event that a subscriber needs.
#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    /// The number, from 0.
    pub(super) n: u64,
    /// When the event was due, in microseconds since the beginning.
    pub(super) at_us: u64,
}

/// Returns an event of `len` bytes.
pub(super) fn event(n: u64, at: Duration, len: usize) -> Bytes {
    let at_us = at.as_micros();
    let mut event = format!(r#"{{"n":{n},"at_us":{at_us},"text":""#);
    let fill = len.saturating_sub(event.len() + 2);
    event.extend(std::iter::repeat_n('x', fill));
    event.push_str("\"}");
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_wanted_length() {
        for len in [LEN_MIN as usize, 512, LEN_MAX as usize] {
            for (n, at) in [(0, 0), (u64::from(u32::MAX), 3_600_000_000)] {
                let event = event(n, Duration::from_micros(at), len);
                assert_eq!(event.len(), len);
                let mark: Mark = serde_json::from_slice(&event).unwrap();
                assert_eq!((mark.n, mark.at_us), (n, at));
            }
        }
    }
}
