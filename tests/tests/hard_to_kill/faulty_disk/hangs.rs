//! A disk that does not answer. It may delay events for a while, but stops nothing else, and nothing is lost that fits into
//! the memory.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::stream::Stream;
use system_tests::wamp::Wamp;
use xtask::http;

use super::{
    BROWSERS, FOR_A_WHILE, FOR_EVER, FaultyDaemon, ROUNDS_MAX, STALLED, events, publish, state_dir,
};

/// More than the daemon keeps for a disk that does not answer: 16 MiB.
const LARGE_EVENTS: usize = 17;

fn stored(receipt: &Value) -> &str {
    receipt["stored"].as_str().unwrap()
}

#[test]
fn a_disk_that_hangs_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = FaultyDaemon::start(&state_dir(&folder), FOR_EVER);
    let subscribed = |_| Wamp::subscribed(daemon.web, "t");
    let mut browsers: Vec<_> = (0..BROWSERS).map(subscribed).collect();
    assert_eq!(stored(&publish(daemon.publish, "0")), "written");
    let address = daemon.publish;
    let next = thread::spawn(move || publish(address, "1"));
    for browser in &mut browsers {
        assert_eq!(browser.event("t"), 0);
        // The daemon answers, whatever the disk does.
        browser.barrier();
    }
    assert_eq!(stored(&next.join().unwrap()), "memory");
    assert_eq!(stored(&publish(daemon.publish, "2")), "memory");
    for browser in &mut browsers {
        assert_eq!(browser.event("t"), 1);
        assert_eq!(browser.event("t"), 2);
    }
    let ready = http::get(daemon.publish, "/readyz").unwrap();
    assert!(
        ready.text().contains("events are in memory only"),
        "{}",
        ready.text()
    );
    let status = http::get(daemon.publish, "/status.json").unwrap();
    assert!(status.text().contains(STALLED));
    assert_eq!(events(daemon.publish).len(), 3);
    daemon.process.signal(Signal::SIGTERM);
    let ends = |line: &str| {
        line.contains("the end of the log is not written")
            .then_some(())
    };
    daemon.log.find(WAIT_MS, ends);
}

/// Opens the event stream of a page that has the events up to a position. Returns its lines.
fn event_stream(web: SocketAddr, since: &str) -> impl Iterator<Item = String> + use<> {
    let mut stream = Stream::connect(web, WAIT_MS);
    let request = format!("GET /events?topic=t&since={since} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "HTTP/1.1 200 OK");
    lines
}

/// Connects pages while the event 1 waits for the disk. Nothing tells them later that there is an event: it was published
/// before they came. Returns false if it was too late.
fn pages_come_back_in_time() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let daemon = FaultyDaemon::start(&state_dir(&folder), FOR_EVER);
    let address = daemon.publish;
    let begin = publish(address, "0")["position"].clone();
    let next = thread::spawn(move || publish(address, "1"));
    daemon.until_published(2);
    let stream = |_| event_stream(daemon.web, begin.as_str().unwrap());
    let streams: Vec<_> = (0..BROWSERS).map(stream).collect();
    let is_in_time = daemon.is_waiting();
    for mut lines in streams {
        assert!(lines.any(|line| line == "data: 1"));
    }
    next.join().unwrap();
    is_in_time
}

#[test]
fn a_page_that_comes_back_gets_an_event_that_is_not_written_yet() {
    assert!((0..ROUNDS_MAX).any(|_| pages_come_back_in_time()));
}

#[test]
fn events_are_written_when_the_disk_answers_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = state_dir(&folder);
    let mut daemon = FaultyDaemon::start(&state, FOR_A_WHILE);
    let stored = |event: &str| stored(&publish(daemon.publish, event)).to_owned();
    assert_eq!(stored("0"), "written");
    assert_eq!(stored("1"), "memory");
    assert_eq!(stored("2"), "memory");
    let answers = |line: &str| line.contains("the disk answers again").then_some(());
    daemon.log.find(WAIT_MS, answers);
    assert_eq!(stored("3"), "written");
    daemon.kill();
    let daemon = Daemon::start_with(&[&format!("--state-dir={}", state.display())]);
    let all = [json!(0), json!(1), json!(2), json!(3)];
    assert_eq!(events(daemon.publish), all);
}

#[test]
fn too_many_events_for_a_disk_that_does_not_answer_are_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let state = state_dir(&folder);
    let mut daemon = FaultyDaemon::start(&state, FOR_A_WHILE);
    let before = publish(daemon.publish, "0")["position"].clone();
    assert_eq!(stored(&publish(daemon.publish, "1")), "memory");
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for _ in 0..LARGE_EVENTS {
        assert_eq!(stored(&publish(daemon.publish, &large)), "memory");
    }
    let answers = |line: &str| line.contains("the disk answers again").then_some(());
    daemon.log.find(WAIT_MS, answers);
    let between = publish(daemon.publish, "2")["position"].clone();
    assert_eq!(stored(&publish(daemon.publish, "3")), "written");
    daemon.kill();
    let daemon = Daemon::start_with(&[&format!("--state-dir={}", state.display())]);
    for (since, is_complete) in [(before, false), (between, true)] {
        let since = since.as_str().unwrap();
        let answer = http::get(daemon.publish, &format!("/history/t?since={since}")).unwrap();
        let history: Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(history["complete"], is_complete, "{history}");
        let last = history["events"].as_array().unwrap().last().cloned();
        assert_eq!(last.unwrap()["event"], 3);
    }
}
