//! Upgrades of a daemon with a state directory.

use nix::sys::signal::Signal;
use serde_json::Value;
use xtask::http;

use super::{Clients, Installed};

/// Returns the events of the topic `t` in the log.
fn history(daemon: &Installed) -> Vec<Value> {
    let answer = http::get(daemon.publish, "/history/t").unwrap().text();
    let history: Value = serde_json::from_str(&answer).unwrap();
    let events = history["events"].as_array().unwrap().iter();
    events.map(|event| event["event"].clone()).collect()
}

/// Returns the part of the position that changes if a new log begins.
fn epoch(daemon: &Installed) -> String {
    let answer = http::get(daemon.publish, "/position").unwrap().text();
    let position: Value = serde_json::from_str(&answer).unwrap();
    let position = position["position"].as_str().unwrap();
    position.split_once('-').unwrap().0.to_owned()
}

#[test]
fn the_log_continues_also_if_the_new_program_cannot_be_started() {
    let state = tempfile::tempdir().unwrap();
    let flag = format!("--state-dir={}", state.path().display());
    let mut daemon = Installed::start(&[&flag]);
    let mut clients = Clients::connect(&daemon);
    clients.go_on();
    let begin = epoch(&daemon);
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, "took the connections over");
    clients.go_on();
    daemon.install(b"#!/bin/sh\nchmod -x \"$0\"\n");
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, "this program goes on");
    daemon.wait_for(lines, "took the connections over");
    clients.go_on();
    assert_eq!(history(&daemon), [1, 2, 3]);
    assert_eq!(epoch(&daemon), begin);
    let log = daemon.log.text();
    assert!(!log.contains("in memory only"), "{log}");
    daemon.ends();
}
