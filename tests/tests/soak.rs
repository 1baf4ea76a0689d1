//! The long forms of `hard_to_kill` and `simulator`. `cargo xtask soak` builds the programs and runs this test:
//!
//! - `--minutes N`: repeated traffic with churn on one daemon.
//! - `--seeds N`: the simulator with the seeds from 0.
//! - `--seed N`, `--steps LIST`: one seed of the simulator, with only some of its steps.
//! - `--nodes N` behind one of these two: the simulator with several nodes and Redis.

#![allow(clippy::print_stdout, reason = "the figures are what it is run for")]
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use system_tests::churn::churn;
use system_tests::daemon::Daemon;
use system_tests::resources::Resources;
use system_tests::simulator::{self, Plan as Simulation, Totals};
use system_tests::traffic::{self, Plan};

/// Simulations at the same time. They mostly wait.
const SIMULATIONS: usize = 6;

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
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    let (words, nodes) = match words[..] {
        [ref words @ .., "--nodes", nodes] => (words, nodes.parse().expect("a number")),
        ref words => (words, 1),
    };
    let plan = |seed: &str| Simulation::new(number(seed)).with_nodes(nodes);
    match words[..] {
        ["--minutes", minutes] => run_traffic(number(minutes)),
        ["--seeds", seeds] => run_seeds(number(seeds), nodes),
        ["--seed", seed] => run_simulation(&plan(seed)),
        ["--seed", seed, "--steps", steps] => {
            let numbers = steps.split(',').filter(|text| !text.is_empty());
            let steps: Vec<usize> = numbers.map(|text| text.parse().unwrap()).collect();
            run_simulation(&plan(seed).with_steps(&steps));
        }
        _ => panic!("unknown arguments: {words:?}"),
    }
}

fn run_seeds(seeds: u64, nodes: usize) {
    let progress = |totals: &Totals| {
        if totals.runs.is_multiple_of(50) {
            println!("{totals}");
        }
    };
    match simulator::run_seeds(0..seeds, nodes, SIMULATIONS, progress) {
        Ok(totals) => println!("passed: {totals}"),
        Err(text) => panic!("{text}"),
    }
}

/// The scheduling of processes is different each time, so it tries several times.
fn run_simulation(plan: &Simulation) {
    println!("{plan}");
    for _ in 0..10 {
        match simulator::run(plan) {
            Ok(totals) => println!("passed: {totals}"),
            Err(failure) => panic!("{failure}"),
        }
    }
}

fn run_traffic(minutes: u64) {
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
