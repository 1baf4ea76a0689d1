//! The benchmark works: pushd and the floor deliver every event once and in order. Nothing is timed.

#![allow(
    clippy::unwrap_used,
    reason = "a failure in the harness is a failed test"
)]

use std::path::PathBuf;
use std::time::Duration;

use push_bench::client::storm::MISSED;
use push_bench::picture;
use push_bench::report::Report;
use push_bench::run::{Outcome, run};
use push_bench::scenario::{EVENT_LEN, Link, Pace, Scenario};
use push_bench::servers::{Kind, Programs, VARIANTS};
use xtask::workspace::Workspace;

const DURATION: Duration = Duration::from_millis(300);

fn programs() -> (Programs, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let programs = Programs {
        pushd: Workspace::find().unwrap().artefact("pushd").unwrap(),
        floor: env!("CARGO_BIN_EXE_push-floor").into(),
        node_folder: PathBuf::new(),
        soketi: None,
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
        event_len: EVENT_LEN,
        pace,
    }
}

/// Runs the scenario on the servers, which must deliver every event once and in order.
fn run_all(servers: &[Kind], scenario: Scenario) -> Report {
    let (programs, _scratch) = programs();
    let mut report = Report::default();
    for &server in servers {
        let outcome = run(server, scenario, DURATION, &programs);
        report.add(scenario, server, outcome);
    }
    assert!(report.is_good(), "{report}");
    report
}

#[test]
fn every_event_arrives_once_and_in_order() {
    let floors = [Kind::Floor, Kind::FloorBatch];
    let servers = [&[Kind::Pushd], VARIANTS, &floors].concat();
    for pace in [Pace::Rate(100), Pace::Window(1), Pace::Window(9)] {
        let report = run_all(&servers, scenario(pace));
        let svg = picture::draw(&report, "smoke");
        assert_eq!(svg.matches("class=\"ours\"").count(), 1);
        assert_eq!(picture::draw_memory(&report, "smoke"), None);
    }
}

#[test]
fn large_events_arrive_although_no_socket_takes_one_at_once() {
    let floors = [Kind::Floor, Kind::FloorBatch];
    let servers = [&[Kind::Pushd], VARIANTS, &floors].concat();
    let scenario = Scenario {
        event_len: 1024 * 1024,
        ..scenario(Pace::Window(1))
    };
    let report = run_all(&servers, scenario);
    let peak_mib = report.sections[0].rows[0].median(3).unwrap();
    assert!(peak_mib > 1.0, "{report}");
}

#[test]
fn idle_connections_are_held() {
    let (programs, _scratch) = programs();
    let outcome = run(Kind::Pushd, scenario(Pace::Idle), DURATION, &programs).unwrap();
    let Outcome::Held { connections, .. } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(*connections, 15);
    let mut report = Report::default();
    report.add(scenario(Pace::Idle), Kind::Pushd, Ok(outcome));
    let svg = picture::draw_memory(&report, "smoke").unwrap();
    assert_eq!(svg.matches("class=\"ours\"").count(), 1);
}

#[test]
fn pages_that_come_back_get_what_they_missed() {
    let (programs, _scratch) = programs();
    let scenario = scenario(Pace::Storm);
    for &server in scenario.default_servers() {
        let outcome = run(server, scenario, DURATION, &programs).unwrap();
        let Outcome::CameBack(storm) = &outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(storm.missed.received, 15 * MISSED, "{server:?}");
        assert_eq!(storm.missed.faults() + storm.others.faults(), 0);
        assert!(storm.quiet.received > 0);
    }
}

#[test]
fn servers_that_cannot_replay_are_named() {
    let (programs, _scratch) = programs();
    let error = run(Kind::Pushd, scenario(Pace::Storm), DURATION, &programs).unwrap_err();
    assert!(error.to_string().contains("pushd"), "{error}");
}

#[test]
fn publishes_are_confirmed() {
    for (link, window) in [(Link::Tcp, 1), (Link::Unix, 1), (Link::Tcp, 8)] {
        let scenario = Scenario {
            topics: 1,
            ..scenario(Pace::Receipts(link, window))
        };
        let report = run_all(scenario.default_servers(), scenario);
        let rate = report.sections[0].rows[0].median(1).unwrap();
        assert!(rate > 0.0);
    }
}
