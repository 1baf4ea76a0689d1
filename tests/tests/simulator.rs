//! The simulator: see [`system_tests::simulator`]. `cargo xtask soak --seeds N [--nodes 2]` runs more seeds.
//!
//! It is a separate program, because its load would disturb the other tests.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use system_tests::simulator::{self, Flaw, FlawKind, Kind, Plan};

const SEEDS: u64 = 50;

/// Seeds with two nodes, and with three.
const NODES_SEEDS: u64 = 10;

/// Runs at the same time. They mostly wait.
const AT_ONCE: usize = 6;

#[test]
fn what_is_accepted_arrives_or_a_gap_is_reported() {
    let result = simulator::run_seeds(0..SEEDS, 1, AT_ONCE, |_| ());
    let totals = result.unwrap_or_else(|text| panic!("{text}"));
    // The runs had enough of everything to be meaningful.
    assert!(totals.accepted > 5_000 && totals.events > 10_000);
    assert!(totals.gaps > 50 && totals.recovered > 500 && totals.starts > 60);
}

#[test]
fn several_nodes_keep_the_same_promises() {
    for nodes in [2, 3] {
        let result = simulator::run_seeds(0..NODES_SEEDS, nodes, AT_ONCE, |_| ());
        let totals = result.unwrap_or_else(|text| panic!("{text}"));
        assert!(totals.accepted > 3_000 && totals.events > 6_000);
        assert!(totals.gaps > 50 && totals.recovered > 200 && totals.starts > 20);
    }
}

/// A quiet plan in which a subscriber of this kind gets many events.
fn quiet_plan(kind: Kind) -> Plan {
    let plans = (1_000..).map(|seed| Plan::new(seed).with_steps(&[]));
    let mut plans = plans.filter(|plan| plan.events_per_phase >= 10 && plan.large_len < 10_000);
    let mut plan = plans.next().unwrap();
    plan.subscribers
        .retain(|subscriber| subscriber.kind == kind);
    plan.subscribers.truncate(1);
    plan
}

#[test]
fn a_wrong_observation_is_found() {
    for kind in [Kind::Pushd1, Kind::Wamp, Kind::EventStream] {
        let mut plan = quiet_plan(kind);
        simulator::run(&plan).unwrap_or_else(|failure| panic!("{failure}"));
        for (flaw, text) in [
            (FlawKind::Drop, "missing"),
            (FlawKind::Double, "came after"),
            (FlawKind::Swap, "came after"),
        ] {
            plan.flaw = Some(Flaw {
                subscriber: 0,
                after: 5,
                kind: flaw,
            });
            let failure = simulator::run(&plan).unwrap_err();
            let is_found = failure.errors.iter().any(|error| error.contains(text));
            assert!(is_found, "{flaw:?}: {failure}");
        }
    }
}
