//! A daemon that is killed while it writes an event to its state directory. No browser may have an event that the next
//! daemon does not know: the other browsers would never get it, and if its publisher sends it again, the first ones
//! would get it twice.

use std::net::SocketAddr;

use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::publisher::Publisher;
use system_tests::wire::{Wire, first, masked, text};

use super::{FaultyDaemon, history, state_dir};

/// One is not enough: the thread that writes may be faster than the threads that deliver.
const ROUNDS: usize = 5;

/// So many that each of the two threads serves some.
const BROWSERS: usize = 8;

/// Far more than it takes until the daemon writes for the second time.
const EVENTS_MAX: usize = 100;

fn subscribed(web: SocketAddr) -> Wire {
    let mut browser = Wire::open(web);
    browser.send(&text(r#"[5,"t"]"#));
    browser.send(&masked(first::PING, b""));
    assert_eq!(browser.frame().first, first::PONG);
    browser
}

/// Publishes the events 0, 1, 2... until the daemon ends. Returns the number of receipts.
fn publish_to_the_end(publish: SocketAddr) -> usize {
    let mut publisher = Publisher::connect(publish);
    publisher.send(b"[1,1]");
    publisher.answer();
    let message = |event: usize| format!(r#"[3,{event},"t",{event}]"#);
    let mut event = 0;
    while event < EVENTS_MAX
        && publisher.try_send(message(event).as_bytes())
        && publisher.next_answer().is_some()
    {
        event += 1;
    }
    event
}

fn last_event(mut browser: Wire) -> Option<Value> {
    let mut last = None;
    while let Some(frame) = browser.next_frame() {
        let message: Value = serde_json::from_str(frame.text()).unwrap();
        last = Some(message[2].clone());
    }
    last
}

#[test]
fn no_browser_has_an_event_that_is_not_on_disk() {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let state = state_dir(&folder);
        let mut daemon = FaultyDaemon::start(&state, "signal=SIGKILL");
        let browsers: Vec<_> = (0..BROWSERS).map(|_| subscribed(daemon.web)).collect();
        let receipts = publish_to_the_end(daemon.publish);
        assert!((1..EVENTS_MAX).contains(&receipts), "{receipts}");
        daemon.process.wait(WAIT_MS).expect("it was killed");
        let got: Vec<_> = browsers.into_iter().map(last_event).collect();
        assert!(got.iter().any(Option::is_some));

        let flag = format!("--state-dir={}", state.display());
        let daemon = Daemon::start_with(&[&flag]);
        let history = history(daemon.publish);
        let known = history["events"].as_array().unwrap();
        assert_eq!(known[0]["event"], json!(0));
        for event in got.iter().flatten() {
            let is_known = known.iter().any(|known| known["event"] == *event);
            assert!(is_known, "a browser has {event}, and the log {history}");
        }
    }
}
