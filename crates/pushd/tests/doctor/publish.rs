//! The publish listener, and the path of the event.

use crate::support::{Meddling, Pushd, doctor, doctor_with, proxy, public, pushd, server};

#[test]
fn closed_publish_listener() {
    let daemon = Pushd::start(&[]);
    let closed = "--publish-address=127.0.0.1:1";
    doctor(&[closed, &daemon.url()]).assert_fault("event", "publish-unreachable", "--no-publish");
    let missing = "--publish-address=unix:/nonexistent/publish.sock";
    doctor(&[missing, &daemon.url()]).assert_fault("event", "publish-unreachable", "/nonexistent");
}

#[test]
fn silent_publish_listener() {
    let daemon = Pushd::start(&[]);
    let silent = server(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let listener = format!("--publish-address={silent}");
    let found = doctor(&["--timeout=2", &listener, &daemon.url()]);
    found.assert_fault("event", "publish-silent", &silent.to_string());
}

#[test]
fn publish_listener_of_another_pushd() {
    let (daemon, other) = (Pushd::start(&[]), Pushd::start(&[]));
    let found = doctor(&[&other.publish_address(), &daemon.url()]);
    found.assert_fault("event", "other-pushd", "two running");
}

#[test]
fn public_listener_in_place_of_the_publish_listener() {
    let daemon = Pushd::start(&[]);
    let wrong = format!("--publish-address={}", daemon.web);
    doctor(&[&wrong, &daemon.url()]).assert_fault("event", "publish-refused", "not the public one");
}

#[test]
fn publish_listener_with_a_token() {
    let daemon = Pushd::start(&["--publish-token", "s3cret-token-for-tests"]);
    let (listener, url) = (daemon.publish_address(), daemon.url());
    doctor(&[&listener, &url]).assert_fault("event", "publish-token", "PUSHD_PUBLISH_TOKEN");
    let found = doctor_with(
        pushd().env("PUSHD_PUBLISH_TOKEN", "another-token-for-tests"),
        &[&listener, &url],
    );
    found.assert_fault("event", "publish-token", "PUSHD_PUBLISH_TOKEN");
    let found = doctor_with(
        pushd().env("PUSHD_PUBLISH_TOKEN", "s3cret-token-for-tests"),
        &[&listener, &url],
    );
    assert_eq!(found.code, 0, "{}", found.report);
}

#[test]
fn address_and_token_come_from_the_settings() {
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
fn publish_listener_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let listener = format!("unix:{}/publish.sock", folder.path().display());
    let daemon = Pushd::start(&["--publish-listen", &listener]);
    let found = doctor(&["--publish-address", &listener, &daemon.url()]);
    assert_eq!(found.code, 0, "{}", found.report);
}

#[test]
fn path_that_loses_messages() {
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
fn server_that_closes_after_the_subscription() {
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
