//! The options of `pushd bench`.

use std::time::Duration;

use clap::ArgMatches;

/// Bytes that may be under way to one subscriber. With its default limits, a server drops no subscriber for this.
const WINDOW_LEN_MAX: usize = 256 * 1024;
/// Events that may be under way to one subscriber.
const WINDOW_MAX: usize = 1000;

/// The options of the command.
pub(super) struct BenchOptions {
    pub(super) subscribers: u32,
    /// Publishes per second. `None` is as fast as receipts come.
    pub(super) rate: Option<u32>,
    /// How long to publish.
    pub(super) time: Duration,
    /// Length of an event, in bytes.
    pub(super) size: usize,
}

impl BenchOptions {
    pub(super) fn new(matches: &ArgMatches) -> Self {
        let number = |name| matches.get_one::<u64>(name).copied().unwrap_or_default();
        let small = |name| matches.get_one::<u32>(name).copied();
        Self {
            subscribers: small("subscribers").unwrap_or(1),
            rate: small("rate"),
            time: Duration::from_secs(number("seconds")),
            size: number("size") as usize,
        }
    }

    /// Returns how many deliveries may be under way, to all subscribers together.
    pub(super) fn window(&self) -> u32 {
        let each = (WINDOW_LEN_MAX / self.size).clamp(1, WINDOW_MAX);
        self.subscribers * each as u32
    }
}
