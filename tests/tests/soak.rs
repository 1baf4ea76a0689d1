//! The long form of `hard_to_kill`: repeated traffic with churn on one daemon. `cargo xtask soak` builds the programs
//! and runs this test. The argument is the number of minutes.

#![allow(clippy::print_stdout, reason = "the figures are what it is run for")]
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use system_tests::churn::churn;
use system_tests::daemon::Daemon;
use system_tests::resources::Resources;
use system_tests::traffic::{self, Plan};

const MINUTES: u64 = 60;

/// Number of connections that open and close in each round, besides those of the traffic.
const CHURN: usize = 2_000;

/// Largest growth of the daemon's memory after the first minute.
const MEMORY_MORE_KIB: usize = 16 * 1024;

/// The statistics of a minute.
#[derive(Default)]
struct Figures {
    rounds: usize,
    receipts: usize,
    deliveries: usize,
    connections: usize,
    latencies_us: Vec<u64>,
}

fn main() {
    let minutes = std::env::args().nth(1);
    let minutes = minutes.map_or(MINUTES, |text| text.parse().expect("a number of minutes"));
    // A short idle timeout shows the end of a round. Staying subscribers may be slow. Publish ids are kept only
    // briefly, because those of five minutes would look like a leak.
    let flags = [
        "--first-byte-timeout=1s",
        "--handshake-timeout=1s",
        "--outbox-len-max=64MiB",
        "--ids-max=1000",
    ];
    let mut daemon = Daemon::start_with(&flags);
    let resources = Resources::of(daemon.process.pid());
    println!(
        "minute  rounds  receipts  deliveries  connections  p50 ms  p99 ms  memory KiB  files"
    );
    let mut memory_kib = Vec::new();
    let mut seed = 0;
    for minute in 1..=minutes {
        let figures = run_for_a_minute(&mut daemon, &mut seed);
        memory_kib.push(resources.memory_kib());
        figures.print(minute, &resources);
    }
    assert!(
        memory_kib.last()
            < memory_kib
                .first()
                .map(|first| first + MEMORY_MORE_KIB)
                .as_ref(),
        "memory grows: {memory_kib:?} KiB"
    );
    assert_eq!(daemon.end_by(Signal::SIGTERM).code(), Some(0));
}

fn run_for_a_minute(daemon: &mut Daemon, seed: &mut u64) -> Figures {
    let end = Instant::now() + Duration::from_secs(60);
    let mut figures = Figures::default();
    while Instant::now() < end {
        *seed += 1;
        let plan = Plan {
            seed: *seed,
            topics: 5,
            staying: 20,
            passing: 10,
            publishers: 10,
            publishes: 1_000,
            freezes: 2,
        };
        let outcome = traffic::run(daemon, &plan);
        outcome.history.check();
        // It panics if a connection is left.
        churn(daemon, CHURN, *seed);
        figures.rounds += 1;
        figures.receipts += outcome.history.receipts();
        figures.deliveries += outcome.history.deliveries();
        figures.connections += CHURN;
        figures.latencies_us.extend(outcome.latencies_us);
    }
    figures
}

impl Figures {
    fn print(mut self, minute: u64, resources: &Resources) {
        self.latencies_us.sort_unstable();
        let percentile_ms = |percent: usize| {
            let at = self.latencies_us.len() * percent / 100;
            self.latencies_us
                .get(at)
                .map_or(0.0, |&us| us as f64 / 1000.0)
        };
        println!(
            "{minute:6} {:7} {:9} {:11} {:12} {:7.1} {:7.1} {:11} {:6}",
            self.rounds,
            self.receipts,
            self.deliveries,
            self.connections,
            percentile_ms(50),
            percentile_ms(99),
            resources.memory_kib(),
            resources.open_files()
        );
    }
}
