//! Programs that cannot take over: the daemon goes on.

use std::fs;

use nix::sys::signal::Signal;

use super::{Clients, Installed};

/// Asks for an upgrade, which must fail. The daemon logs `text`, and keeps its connections.
#[track_caller]
fn check(daemon: &mut Installed, clients: &mut Clients, failures: u64, text: &str) {
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, text);
    clients.go_on();
    assert_eq!(daemon.metric("pushd_handovers_total"), 0);
    let failed = daemon.metric("pushd_handovers_failed_total");
    assert_eq!(failed, failures);
}

#[test]
fn a_program_that_cannot_take_over_changes_nothing() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    let settings = daemon.folder.path().join("pushd.toml");
    fs::write(&settings, "lissen = 1").unwrap();
    check(&mut daemon, &mut clients, 1, "lissen");
    fs::write(&settings, "").unwrap();
    daemon.install(b"#!/bin/sh\necho 'the library is missing' >&2\nexit 1\n");
    check(&mut daemon, &mut clients, 2, "the library is missing");
    daemon.install(b"#!/bin/sh\nkill -9 $$\n");
    check(&mut daemon, &mut clients, 3, "signal: 9");
    daemon.install(b"no program");
    check(&mut daemon, &mut clients, 4, "no upgrade: cannot run");
    fs::remove_file(daemon.program()).unwrap();
    check(&mut daemon, &mut clients, 5, "No such file");
    daemon.install(b"#!/bin/sh\nexec sleep 60\n");
    check(&mut daemon, &mut clients, 6, "did not answer within 10s");
    let (is_done, text) = {
        daemon.install(b"#!/bin/sh\necho why not >&2\nexit 3\n");
        daemon.upgrade()
    };
    assert!(!is_done && text.contains("why not"), "{text}");
    clients.go_on();
    daemon.ends();
}

#[test]
fn the_daemon_goes_on_if_the_new_program_cannot_be_started() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    // It is fine at the check, and then nobody may run it.
    daemon.install(b"#!/bin/sh\nchmod -x \"$0\"\n");
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, "this program goes on");
    daemon.wait_for(lines, "took the connections over");
    clients.go_on();
    assert_eq!(daemon.metric("pushd_handovers_total"), 0);
    assert_eq!(daemon.metric("pushd_handovers_failed_total"), 1);
    // The next one is fine.
    daemon.install(&super::other_version());
    let (is_done, text) = daemon.upgrade();
    assert!(is_done, "{text}");
    clients.go_on();
    daemon.ends();
}

#[test]
fn pages_come_back_if_the_new_program_fails_later() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    clients.go_on();
    daemon.install(b"#!/bin/sh\n[ \"$1\" = --check-handover ] && exit 0\nexit 7\n");
    daemon.process.signal(Signal::SIGUSR2);
    let status = daemon.process.wait(system_tests::WAIT_MS);
    assert_eq!(status.and_then(|status| status.code()), Some(7));
    // The sockets are closed, so that pages notice at once.
    clients.publisher.until_closed();
}
