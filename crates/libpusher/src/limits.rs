//! The limits of timeouts and batches. Limits of the messages themselves are in `pusher_proto::limits`.

use std::time::Duration;

/// The default timeout of a publish.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_millis(250);

/// The shortest timeout.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// The longest timeout.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// Most events in a batch.
pub(crate) const BATCH_EVENTS_MAX: usize = 1000;

/// Largest batch in bytes, as it is written to the connection.
pub(crate) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
