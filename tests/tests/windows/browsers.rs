//! Browsers at the daemon.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use system_tests::bystander::Bystander;
use system_tests::daemon::Daemon;
use system_tests::publisher::{Publisher, publish_raw};
use system_tests::traffic::{self, Plan};
use system_tests::wamp::Wamp;
use system_tests::wine;
use system_tests::wire::Wire;
use xtask::http;

/// Ctrl-C comes by SIGINT in wine.
#[test]
fn two_hundred_browsers_get_each_event_and_ctrl_c_ends_the_daemon() {
    let mut daemon = Daemon::start_in_wine(&[]);
    let mut browsers: Vec<_> = (0..200)
        .map(|_| Wamp::subscribed(daemon.web, "kittens"))
        .collect();
    for browser in &mut browsers {
        browser.barrier();
    }
    for number in 0..20 {
        publish_raw(
            daemon.publish,
            &json!({"category": "kittens", "number": number}).to_string(),
        );
        for browser in &mut browsers {
            assert_eq!(browser.event("kittens")["number"], number);
        }
    }
    assert!(daemon.end_by(Signal::SIGINT).success());
    let log = daemon.log();
    assert!(log.contains("ending event=\"Ctrl-C\""), "{log}");
    assert!(log.contains(" ended"), "{log}");
}

#[test]
fn what_got_a_receipt_arrives_once_and_in_order() {
    let mut daemon = Daemon::start_in_wine(&["--outbox-len-max=64MiB"]);
    let plan = Plan {
        seed: 1,
        topics: 3,
        staying: 4,
        passing: 4,
        publishers: 4,
        publishes: 200,
        freezes: 0,
    };
    let outcome = traffic::run(&mut daemon, &plan);
    outcome.history.check();
    assert!(outcome.history.receipts() > 100);
}

#[test]
fn wamp_version_1() {
    let daemon = Daemon::start_in_wine(&[]);
    let mut page = Wamp::connect(daemon.web);
    let mut caller = Wamp::connect(daemon.web);
    caller.send(&json!([2, "call", "http://example.com/procedure"]));
    let error = caller.message();
    assert_eq!((&error[0], &error[1]), (&json!(4), &json!("call")));
    page.send(&json!([1, "kitten", "http://example.com/kittens#"]));
    page.send(&json!([5, "kitten:black"]));
    page.barrier();
    publish_raw(
        daemon.publish,
        r#"{"category":"http://example.com/kittens#black","x":1}"#,
    );
    assert_eq!(page.event("http://example.com/kittens#black")["x"], 1);
    page.send(&json!([6, "kitten:black"]));
    page.barrier();
    publish_raw(
        daemon.publish,
        r#"{"category":"http://example.com/kittens#black","x":2}"#,
    );
    page.subscribe("next");
    page.barrier();
    publish_raw(daemon.publish, r#"{"category":"next","x":3}"#);
    assert_eq!(page.event("next")["x"], 3);
    page.assert_nothing_waits();
}

/// What is wrong ends its own connection only.
#[test]
fn garbage_harms_no_other_client() {
    let daemon = Daemon::start_in_wine(&[]);
    let bystander = Bystander::start(&daemon);
    for garbage in [
        &b"\0\xff\xfe garbage"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        &[0x80; 4096],
    ] {
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.try_send(garbage);
        publisher.end_of_file();
        publisher.until_closed();
        let mut page = Wire::connect(daemon.web);
        page.send(garbage);
    }
    let mut page = Wamp::connect(daemon.web);
    page.send(&json!({"no": "WAMP"}));
    assert!(bystander.end().events > 0);
}

/// The state directory has blanks and Japanese characters in its name.
#[test]
fn a_killed_daemon_continues_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let state = wine::path(&folder.path().join("状態 of pushd"));
    let mut daemon = Daemon::start_in_wine(&["--state-dir", &state]);
    let mut numbers = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            let mut publisher = Publisher::connect(daemon.publish);
            publisher.send(format!("[1,1][3,1,\"kittens\",{}]", round * 10 + number).as_bytes());
            publisher.answer();
            numbers.push(publisher.answer()[2].clone());
        }
        daemon = match round {
            0 => daemon.kill_and_restart(),
            1 => {
                assert!(daemon.end_by(Signal::SIGINT).success());
                let again = Daemon::start_in_wine(&["--state-dir", &state]);
                drop(daemon);
                again
            }
            _ => daemon,
        };
    }
    let history = http::get(daemon.publish, "/history/kittens?limit=100").unwrap();
    let history: Value = serde_json::from_str(&history.text()).unwrap();
    let events = history["events"].as_array().unwrap();
    let events: Vec<_> = events.iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(events, (0..30).map(Value::from).collect::<Vec<_>>());
    let log = daemon.log();
    assert!(!log.contains("ERROR"), "{log}");
}
