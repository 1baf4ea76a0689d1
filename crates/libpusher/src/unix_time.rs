//! The time of tickets and revocations.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the Unix time in seconds. 0 if the clock is before 1970.
pub(crate) fn unix_time_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
