//! Event streams: a way that holds them back, and answers that are none.

use std::time::Duration;

use crate::support::{Found, Meddling, Pushd, doctor, proxy, public};

/// Runs the doctor without publishing, through a proxy that makes these changes.
#[track_caller]
fn behind(daemon: &Pushd, meddling: Meddling) -> Found {
    let url = format!("ws://{}/", proxy(daemon, meddling));
    doctor(&["--timeout=2", &daemon.publish_address(), &url])
}

#[test]
fn stream_works_without_a_publish() {
    let daemon = Pushd::start(&[]);
    let found = public(&format!("http://{}/push/", daemon.web));
    let last = found.last();
    assert_eq!(
        (&last["step"], &last["status"]),
        (&"stream".into(), &"ok".into())
    );
    let what = format!("http://{}/push/events is an event stream", daemon.web);
    assert_eq!(last["what"], what);
}

#[test]
fn proxy_that_buffers_is_found() {
    let daemon = Pushd::start(&[]);
    // The first block of a stream has about a hundred bytes.
    for (stream_len_max, part) in [(0, "the first bytes"), (110, "an event of the stream")] {
        let buffers = Meddling {
            stream_len_max: Some(stream_len_max),
            ..Meddling::default()
        };
        let found = behind(&daemon, buffers);
        found.assert_warning("stream", "stream-buffered", part);
        found.assert_warning("stream", "stream-buffered", "proxy_buffering off;");
    }
}

#[test]
fn proxy_that_cuts_streams_is_found() {
    let daemon = Pushd::start(&[]);
    let cuts = Meddling {
        stream_len_max: Some(0),
        // Longer than any other step takes: the WebSocket must not be cut.
        idle: Some(Duration::from_secs(3)),
        ..Meddling::default()
    };
    let url = format!("ws://{}/", proxy(&daemon, cuts));
    let found = doctor(&["--timeout=10", &daemon.publish_address(), &url]);
    found.assert_warning("stream", "stream-lost", "--log debug");
}

#[test]
fn topic_without_history_is_explained() {
    let daemon = Pushd::start(&["--history=news/*"]);
    public(&daemon.url()).assert_warning("stream", "stream-no-history", "`history`");
}

#[test]
fn pushd_without_event_streams_is_explained() {
    let daemon = Pushd::start(&[]);
    let older = Meddling {
        in_request: Some(("/events?", "/absent?")),
        ..Meddling::default()
    };
    behind(&daemon, older).assert_warning("stream", "stream-unknown", "too old");
}

#[test]
fn web_server_that_passes_on_websockets_only_is_found() {
    let daemon = Pushd::start(&[]);
    let answers_itself = Meddling {
        in_request: Some(("/events?", "/absent?")),
        in_answer: Some(("Pushd-Reason: ", "Removed: ")),
        ..Meddling::default()
    };
    let found = behind(&daemon, answers_itself);
    found.assert_warning("stream", "stream-not-proxied", "pusherd setup nginx");
}

#[test]
fn refused_stream_has_the_reason_of_pushd() {
    let flags = ["--connections-per-address-max=1", "--trust-proxy=loopback"];
    let daemon = Pushd::start(&flags);
    // This machine's own addresses have no limit.
    let far = Meddling {
        in_request: Some(("Host: ", "X-Forwarded-For: 192.0.2.9\r\nHost: ")),
        ..Meddling::default()
    };
    behind(&daemon, far).assert_warning("stream", "stream-refused", "429");
}
