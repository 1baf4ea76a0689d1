//! A daemon that is killed while it writes an event to its state directory. No browser may have an event that the next
//! daemon does not know: the other browsers would never get it, and if its publisher sends it again, the first ones
//! would get it twice.

use std::path::Path;

use serde_json::{Value, json};
use system_tests::daemon::{Daemon, listening, server_command, start};
use system_tests::publisher::Publisher;
use system_tests::wire::{Wire, first, masked, text};
use system_tests::{WAIT_MS, artefact};
use xtask::http;

/// In each one, other threads are quicker.
const ROUNDS: usize = 5;

/// Enough for both threads to have some.
const BROWSERS: usize = 8;

/// The file to which the first daemon of a state directory writes its events.
const FIRST_FILE: &str = "00000000000000000001.events";

/// Publishes events while browsers listen, until the daemon kills itself at a write. strace counts the writes of each
/// thread, and the first one of the main thread is the head of the file. Returns the last event of each browser.
fn events_before_the_kill(state: &Path) -> Vec<Option<Value>> {
    let mut command = server_command(Path::new("strace"));
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-P"])
        .arg(state.join(FIRST_FILE))
        .args(["-e", "inject=write:signal=SIGKILL:when=2"])
        .arg(artefact("pushd"))
        .arg("--state-dir")
        .arg(state)
        .args(["--threads=2", "--listen=127.0.0.1:0"])
        .arg("--publish-listen=127.0.0.1:0");
    let (mut process, log) = start(&mut command);
    let web = listening(&log, "browsers");
    let subscribed = |_| {
        let mut browser = Wire::open(web);
        browser.send(&text(r#"[5,"t"]"#));
        browser.send(&masked(first::PING, b""));
        assert_eq!(browser.frame().first, first::PONG);
        browser
    };
    let browsers: Vec<Wire> = (0..BROWSERS).map(subscribed).collect();

    let mut publisher = Publisher::connect(listening(&log, "publishers"));
    publisher.send(b"[1,1]");
    publisher.answer();
    let mut event = 0;
    let publish = |event: usize| format!(r#"[3,{event},"t",{event}]"#);
    while publisher.try_send(publish(event).as_bytes()) && publisher.next_answer().is_some() {
        event += 1;
    }
    process.wait(WAIT_MS).expect("it was killed");
    assert!(event > 0, "the first event was to be written");
    browsers.into_iter().map(last_event).collect()
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
        let state = folder.path().join("state");
        let got = events_before_the_kill(&state);

        let flag = format!("--state-dir={}", state.display());
        let daemon = Daemon::start_with(&[&flag]);
        let answer = http::get(daemon.publish, "/history/t?limit=1000").unwrap();
        let history: Value = serde_json::from_str(&answer.text()).unwrap();
        let known = history["events"].as_array().unwrap();
        assert_eq!(known[0]["event"], json!(0));
        for event in got.iter().flatten() {
            let is_known = known.iter().any(|known| known["event"] == *event);
            assert!(is_known, "a browser has {event}, and the log {history}");
        }
    }
}
