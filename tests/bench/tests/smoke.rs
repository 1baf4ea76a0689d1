//! The benchmark works: pushd and the floor deliver every event once and in order. Nothing is timed.

#![allow(
    clippy::unwrap_used,
    reason = "a failure in the harness is a failed test"
)]

use std::path::PathBuf;
use std::time::Duration;

use push_bench::picture;
use push_bench::report::Report;
use push_bench::run::{Outcome, run};
use push_bench::scenario::{Pace, Scenario};
use push_bench::servers::{Kind, Programs};
use xtask::workspace::Workspace;

const DURATION: Duration = Duration::from_millis(300);

fn programs() -> (Programs, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let programs = Programs {
        pushd: Workspace::find().unwrap().artefact("pushd").unwrap(),
        floor: env!("CARGO_BIN_EXE_push-floor").into(),
        node_folder: PathBuf::new(),
        scratch: scratch.path().to_owned(),
    };
    (programs, scratch)
}

fn scenario(pace: Pace) -> Scenario {
    Scenario {
        name: "smoke",
        title: "smoke",
        topics: 3,
        subscribers: 5,
        pace,
    }
}

#[test]
fn every_event_arrives_once_and_in_order() {
    let (programs, _scratch) = programs();
    let mut report = Report::default();
    for pace in [Pace::Rate(100), Pace::Window(1), Pace::Window(9)] {
        for server in [Kind::Pushd, Kind::Floor, Kind::FloorBatch] {
            let scenario = scenario(pace);
            let outcome = run(server, scenario, DURATION, &programs).unwrap();
            let Outcome::Delivered { deliveries, .. } = &outcome else {
                panic!("{outcome:?}");
            };
            let (lost, duplicated) = (deliveries.lost(), deliveries.duplicated);
            assert_eq!((lost, duplicated, deliveries.reordered), (0, 0, 0));
            assert!(deliveries.received > 0);
            assert_eq!(deliveries.received % 5, 0);
            report.add(scenario, server, Ok(outcome));
        }
    }
    assert!(report.is_good(), "{report}");
    let svg = picture::draw(&report, "smoke");
    assert_eq!(svg.matches("class=\"ours\"").count(), 3);
}

#[test]
fn idle_connections_are_held() {
    let (programs, _scratch) = programs();
    let outcome = run(Kind::Pushd, scenario(Pace::Idle), DURATION, &programs).unwrap();
    let Outcome::Held { connections, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(connections, 15);
}
