//! The wall clock.

use std::time::SystemTime;

/// Returns the Unix time in seconds. 0 before 1970.
pub(crate) fn unix_s() -> u64 {
    unix_ms() / 1000
}

/// Returns the Unix time in ms. 0 before 1970.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    u64::try_from(ms).unwrap_or(u64::MAX)
}
