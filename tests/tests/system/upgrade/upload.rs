//! A slow upload over HTTP that has begun before an upgrade.

use std::io::{Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use serde_json::json;
use system_tests::wamp::Wamp;

use super::{Installed, WAIT_MS, wait_until};

/// Body bytes in front of the upgrade and behind it: more than one read.
const HALF: usize = 200_000;

#[test]
fn a_slow_upload_is_published_once() {
    let mut daemon = Installed::start(&[]);
    let mut page = Wamp::subscribed(daemon.web, "t");
    let mut upload = TcpStream::connect(daemon.publish).unwrap();
    let half = "x".repeat(HALF);
    // The quotes.
    let len = 2 * HALF + 2;
    write!(
        upload,
        "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {len}\r\n\r\n\"{half}"
    )
    .unwrap();
    let arrived = HALF as u64 + 1;
    let has_arrived = || daemon.metric("pushd_unfinished_bytes") == arrived;
    assert!(wait_until(WAIT_MS, has_arrived));
    for _ in 0..2 {
        let lines = daemon.lines();
        daemon.process.signal(Signal::SIGUSR2);
        daemon.wait_for(lines, "took the connections over");
    }
    write!(upload, "{half}\"").unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(page.event("t"), json!([&half[..], &half].concat()));
    assert_eq!(daemon.metric("pushd_events_total{source=\"http\"}"), 1);
    daemon.ends();
}
