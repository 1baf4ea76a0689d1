//! The events: a number, a time, and what makes them as long as they should be.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

/// The shortest, in bytes: it has room for the number and the time.
pub(super) const LEN_MIN: u64 = 64;
/// The longest, in bytes: what pushd takes by default.
pub(super) const LEN_MAX: u64 = 1024 * 1024;

/// What a subscriber needs of an event.
#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    /// From 0.
    pub(super) n: u64,
    /// When it was due, in microseconds since the beginning.
    pub(super) at_us: u64,
}

/// An event of `len` bytes.
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
    fn events_are_as_long_as_they_should_be() {
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
