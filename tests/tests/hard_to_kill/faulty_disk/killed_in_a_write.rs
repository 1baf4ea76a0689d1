//! A daemon that is killed while it writes an event to its state directory. No browser may have an event that the next
//! daemon does not know: the other browsers would never get it, and if its publisher sends it again, the first ones
//! would get it twice.

use std::thread;

use serde_json::{Value, json};
use system_tests::daemon::Daemon;
use system_tests::wamp::Wamp;
use xtask::http;

use super::{BROWSERS, FOR_EVER, FaultyDaemon, ROUNDS_MAX, events, publish, state_dir};

/// Kills the daemon in the write of the event 1, and checks what browsers have. Returns false if it was too late.
fn is_killed_in_time() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let state = state_dir(&folder);
    let mut daemon = FaultyDaemon::start(&state, FOR_EVER);
    let subscribed = |_| Wamp::subscribed(daemon.web, "t");
    let mut browsers: Vec<_> = (0..BROWSERS).map(subscribed).collect();
    let address = daemon.publish;
    publish(address, "0");
    let publisher = thread::spawn(move || http::post_json(address, "/publish/t", "1").is_ok());
    daemon.until_published(2);
    // After the second answer, the browser's thread has done what it had to do for the event.
    for _ in 0..2 {
        browsers.iter_mut().for_each(Wamp::barrier);
    }
    let got: Vec<Value> = browsers.iter_mut().flat_map(Wamp::take_waiting).collect();
    let is_in_time = daemon.is_waiting();
    daemon.kill();
    let _receipt = publisher.join().unwrap();
    if !is_in_time {
        return false;
    }
    assert_eq!(got, vec![json!([8, "t", 0]); BROWSERS]);
    let daemon = Daemon::start_with(&[&format!("--state-dir={}", state.display())]);
    assert_eq!(events(daemon.publish), [json!(0)]);
    true
}

#[test]
fn no_browser_has_an_event_that_is_not_on_disk() {
    assert!((0..ROUNDS_MAX).any(|_| is_killed_in_time()));
}
