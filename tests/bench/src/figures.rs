//! The figures of a run, and what they are compared with.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::client::receipts::Receipts;
use crate::client::stopped::Stopped;
use crate::client::storm::Storm;
use crate::run::Outcome;
use crate::scenario::{Pace, Scenario};
use crate::servers::Kind;

/// A column of the table.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// Its heading.
    pub name: &'static str,
    /// Number of decimal places.
    pub decimals: usize,
}

const fn figure(name: &'static str, decimals: usize) -> Figure {
    Figure { name, decimals }
}

const HELD: &[Figure] = &[
    figure("bytes a connection", 0),
    figure("CPU µs a handshake", 1),
    figure("handshakes/s", 0),
];
const PACED: &[Figure] = &[
    figure("CPU µs an event", 2),
    figure("p50 µs", 0),
    figure("p99 µs", 0),
    figure("bytes an event", 0),
];
const FAST: &[Figure] = &[
    figure("CPU µs an event", 2),
    figure("events/s", 0),
    figure("bytes an event", 0),
];
/// The peak is the server's resident memory. The buffers of the sockets are the kernel's.
const LARGE: &[Figure] = &[
    figure("CPU µs an event", 2),
    figure("events/s", 0),
    figure("bytes an event", 0),
    figure("peak MiB", 1),
];
const CAME_BACK: &[Figure] = &[
    figure("CPU µs an event", 3),
    figure("CPU µs a page", 1),
    figure("all served s", 2),
    figure("others' p99 ms", 1),
    figure("before ms", 1),
    figure("peak MiB", 1),
];
const CONFIRMED: &[Figure] = &[
    figure("CPU µs a publish", 2),
    figure("p50 µs", 1),
    figure("p99 µs", 1),
];
const CONFIRMED_FAST: &[Figure] = &[figure("CPU µs a publish", 2), figure("publishes/s", 0)];
const STOPPED: &[Figure] = &[
    figure("peak MiB", 1),
    figure("at first", 1),
    figure("after 5 MiB", 1),
    figure("after 10 MiB", 1),
    figure("14 s later", 1),
];

/// Returns the figures of a scenario. The first one is the most important.
pub fn figures(scenario: &Scenario) -> &'static [Figure] {
    match scenario.pace {
        Pace::Idle => HELD,
        Pace::Rate(_) => PACED,
        Pace::Window(_) if scenario.has_large_events() => LARGE,
        Pace::Window(_) => FAST,
        Pace::Storm => CAME_BACK,
        Pace::Receipts(_, 1) => CONFIRMED,
        Pace::Receipts(..) => CONFIRMED_FAST,
        Pace::Stopped => STOPPED,
    }
}

/// Returns the indices of the figures about memory and recovery, for a picture of their own.
pub fn memory_and_recovery(scenario: &Scenario) -> &'static [usize] {
    match scenario.pace {
        // bytes a connection
        Pace::Idle => &[0],
        // all served s, others' p99 ms, peak MiB
        Pace::Storm => &[2, 3, 5],
        // peak MiB
        Pace::Window(_) if scenario.has_large_events() => &[3],
        Pace::Stopped => &[0],
        _ => &[],
    }
}

/// Returns the servers that the others are compared with, the most important one first.
pub fn references(scenario: &Scenario) -> &'static [Kind] {
    match scenario.pace {
        Pace::Idle | Pace::Stopped => &[],
        Pace::Rate(_) | Pace::Window(1) => &[Kind::Floor, Kind::NoHistory, Kind::PushdTls],
        Pace::Window(_) => &[Kind::FloorBatch, Kind::NoHistory, Kind::PushdTls],
        Pace::Storm => &[Kind::FloorBatch, Kind::Floor],
        Pace::Receipts(..) => &[Kind::NoHistory],
    }
}

impl Outcome {
    /// Returns the number of lost, duplicate and misordered deliveries.
    pub(crate) fn faults(&self) -> u64 {
        match self {
            Self::Held { .. } | Self::Stopped(_) => 0,
            Self::Delivered { deliveries, .. } => deliveries.faults(),
            Self::CameBack(storm) => storm.missed.faults() + storm.others.faults(),
            Self::Confirmed(receipts) => receipts.deliveries.faults(),
        }
    }

    /// Returns the values of [`figures`].
    pub(crate) fn values(&self, scenario: &Scenario) -> Vec<f64> {
        match self {
            Self::Held {
                connections,
                resident,
                cpu,
                took,
            } => {
                let connections = *connections as f64;
                vec![
                    *resident as f64 / connections,
                    micros(*cpu) / connections,
                    connections / took.as_secs_f64(),
                ]
            }
            Self::Delivered {
                deliveries,
                cpu,
                peak,
            } => {
                let received = deliveries.received.max(1) as f64;
                let cpu_each = micros(*cpu) / received;
                let quantile = |q| quantile_ns(&deliveries.latency, q) / 1e3;
                let len_each = deliveries.received_len as f64 / received;
                match scenario.pace {
                    Pace::Rate(_) => vec![cpu_each, quantile(0.5), quantile(0.99), len_each],
                    _ => {
                        let rate = received / deliveries.took.as_secs_f64();
                        let values = [cpu_each, rate, len_each].into_iter();
                        let peak = scenario.has_large_events().then(|| mib(*peak));
                        values.chain(peak).collect()
                    }
                }
            }
            Self::CameBack(storm) => came_back(storm),
            Self::Confirmed(receipts) => confirmed(receipts, scenario.pace),
            Self::Stopped(stopped) => resident_over_time(stopped),
        }
    }
}

fn came_back(storm: &Storm) -> Vec<f64> {
    let events = storm.missed.received.max(1) as f64;
    let replay = micros(storm.cpu) - micros(storm.reconnect_cpu);
    vec![
        replay / events,
        micros(storm.reconnect_cpu) / storm.connections as f64,
        storm.took.as_secs_f64(),
        quantile_ns(&storm.others.latency, 0.99) / 1e6,
        quantile_ns(&storm.quiet.latency, 0.99) / 1e6,
        mib(storm.peak),
    ]
}

fn confirmed(receipts: &Receipts, pace: Pace) -> Vec<f64> {
    let count = receipts.count.max(1) as f64;
    let cpu_each = micros(receipts.cpu) / count;
    let quantile = |q| quantile_ns(&receipts.latency, q) / 1e3;
    match pace {
        Pace::Receipts(_, 1) => vec![cpu_each, quantile(0.5), quantile(0.99)],
        _ => vec![cpu_each, count / receipts.took.as_secs_f64()],
    }
}

fn resident_over_time(stopped: &Stopped) -> Vec<f64> {
    let Stopped {
        before,
        half,
        published,
        later,
        peak,
    } = stopped;
    vec![
        mib(*peak),
        mib(*before),
        mib(*half),
        mib(*published),
        mib(*later),
    ]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn quantile_ns(latency: &Histogram<u32>, quantile: f64) -> f64 {
    latency.value_at_quantile(quantile) as f64
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
