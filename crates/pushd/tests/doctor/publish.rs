//! The private door, and the way of the event.

use crate::support::{Meddling, Pushd, doctor, doctor_with, proxy, public, pushd, server};

#[test]
fn a_private_door_that_is_closed() {
    let daemon = Pushd::start(&[]);
    let closed = "--publish-address=127.0.0.1:1";
    doctor(&[closed, &daemon.url()]).assert_fault("event", "publish-unreachable", "--no-publish");
    let missing = "--publish-address=unix:/nonexistent/publish.sock";
    doctor(&[missing, &daemon.url()]).assert_fault("event", "publish-unreachable", "/nonexistent");
}

#[test]
fn a_private_door_that_says_nothing() {
    let daemon = Pushd::start(&[]);
    let silent = server(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let door = format!("--publish-address={silent}");
    let found = doctor(&["--timeout=2", &door, &daemon.url()]);
    found.assert_fault("event", "publish-silent", &silent.to_string());
}

#[test]
fn a_private_door_of_another_pushd() {
    let (daemon, other) = (Pushd::start(&[]), Pushd::start(&[]));
    let found = doctor(&[&other.publish_address(), &daemon.url()]);
    found.assert_fault("event", "other-pushd", "two running");
}

#[test]
fn a_public_door_in_place_of_the_private_one() {
    let daemon = Pushd::start(&[]);
    let wrong = format!("--publish-address={}", daemon.web);
    doctor(&[&wrong, &daemon.url()]).assert_fault("event", "publish-refused", "not the public one");
}

#[test]
fn a_private_door_that_wants_a_token() {
    let daemon = Pushd::start(&["--publish-token", "s3cret-token-for-tests"]);
    let (door, url) = (daemon.publish_address(), daemon.url());
    doctor(&[&door, &url]).assert_fault("event", "publish-token", "PUSHD_PUBLISH_TOKEN");
    let found = doctor_with(
        pushd().env("PUSHD_PUBLISH_TOKEN", "another-token-for-tests"),
        &[&door, &url],
    );
    found.assert_fault("event", "publish-token", "PUSHD_PUBLISH_TOKEN");
    let found = doctor_with(
        pushd().env("PUSHD_PUBLISH_TOKEN", "s3cret-token-for-tests"),
        &[&door, &url],
    );
    assert_eq!(found.code, 0, "{}", found.report);
}

#[test]
fn the_settings_tell_the_private_door_and_its_token() {
    let daemon = Pushd::start(&["--publish-token", "s3cret-token-for-tests"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pushd.toml");
    let settings = format!(
        "publish-listen = '{}'\npublish-token = 's3cret-token-for-tests'\n",
        daemon.publish
    );
    std::fs::write(&file, settings).unwrap();
    let found = doctor_with(pushd().env("PUSHD_CONFIG", file), &[&daemon.url()]);
    assert_eq!(found.code, 0, "{}", found.report);
}

#[cfg(unix)]
#[test]
fn a_private_door_that_is_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let door = format!("unix:{}/publish.sock", folder.path().display());
    let daemon = Pushd::start(&["--publish-listen", &door]);
    let found = doctor(&["--publish-address", &door, &daemon.url()]);
    assert_eq!(found.code, 0, "{}", found.report);
}

#[test]
fn a_way_on_which_messages_get_lost() {
    let daemon = Pushd::start(&[]);
    let swallows = Meddling {
        up_len_max: Some(0),
        ..Meddling::default()
    };
    let url = format!("ws://{}/", proxy(&daemon, swallows));
    let found = doctor(&["--timeout=1", &daemon.publish_address(), &url]);
    found.assert_fault("event", "timeout", "nothing comes back");
}

#[test]
fn a_server_that_ends_the_connection_at_the_subscription() {
    // Too long for this daemon's clients, so that it closes: any close in the middle is told.
    let daemon = Pushd::start(&[]);
    let breaks = Meddling {
        up_len_max: Some(3),
        idle: Some(std::time::Duration::from_millis(300)),
        ..Meddling::default()
    };
    let url = format!("ws://{}/", proxy(&daemon, breaks));
    let found = doctor(&[&daemon.publish_address(), &url]);
    found.assert_fault("event", "connection-lost", "--log debug");
}

#[test]
fn port_of_publishers_is_recognised() {
    let daemon = Pushd::start(&[]);
    let found = public(&format!("http://{}/", daemon.publish));
    found.assert_fault("websocket", "publish-port", "the port for browsers");
}
