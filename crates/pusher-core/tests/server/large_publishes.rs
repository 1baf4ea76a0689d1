//! Publishes that are too large, in each protocol of port 5555.

use std::io::Write;
use std::time::Instant;

use crate::http::{post, refusal};
use crate::operator;
use crate::support::{TestServer, WAIT, start};
use crate::zmtp::{Push, frames};

/// Tests the limit for events, and the limit for whole messages.
#[test]
fn too_large_publish_is_logged_with_size_and_limit() {
    let server = start(|limits| {
        limits.event_len_max = 100;
        limits.publish_len_max = 200;
    });
    let text = |len: usize| format!("\"{}\"", "x".repeat(len - 2));
    for (len, event_or_message) in [
        (
            101,
            "the event is 101 bytes long, at most 100 are allowed (event-len-max)",
        ),
        (300, "(publish-len-max)"),
    ] {
        server
            .publisher()
            .send(&format!("[3,5,\"t\",{}]", text(len)));
        wait_for_complaint(&server, "too_large): ", event_or_message);
        let object = format!("{{\"category\":\"t\",\"x\":{}}}", text(len - 21));
        let mut raw = server.raw(server.publish);
        raw.write_all(object.as_bytes()).unwrap();
        wait_for_complaint(&server, "a publisher of raw JSON: ", event_or_message);
        Push::connect(&server).send(&frames(&["t", &text(len)]));
        wait_for_complaint(&server, "a ZeroMQ publisher: ", event_or_message);
    }
    for what in [
        "raw JSON: the message is longer than 200 bytes (publish-len-max): 300 bytes have arrived",
        "a ZeroMQ publisher: the message is 302 bytes long, at most 200 are allowed (publish-len-max)",
    ] {
        wait_for_complaint(&server, what, "");
    }
    refusal(&server, &post("t", &text(101)));
    let what = "413: the event is 101 bytes long, at most 100 are allowed (event-len-max)";
    wait_for_complaint(&server, what, "");
}

/// Waits until the status page shows a log line with both texts, one after the other.
fn wait_for_complaint(server: &TestServer, start: &str, end: &str) {
    let started = Instant::now();
    loop {
        let (_, status) = operator::get(server, "/status.json");
        let mut places = status.match_indices(start);
        if places.any(|(at, _)| status[at..].split('"').next().unwrap().contains(end)) {
            return;
        }
        assert!(started.elapsed() < WAIT, "{start}{end}: {status}");
    }
}
