//! The options of the log, and what a reload of them does to its events.

use pusher_core::{LiveOptions, Recipe, Stored};
use serde_json::{Value, json};

use crate::http::Client;
use crate::support::{Browser, NEVER, TestServer, connect, on_any_ports, start_server};

fn options(change: impl FnOnce(&mut LiveOptions)) -> LiveOptions {
    let mut options = on_any_ports().live;
    options.limits.write_timeout = NEVER;
    change(&mut options);
    options
}

fn start(change: impl FnOnce(&mut LiveOptions)) -> TestServer {
    let mut all = on_any_ports();
    all.live = options(change);
    start_server(all, Recipe::default())
}

impl TestServer {
    fn reload(&self, change: impl FnOnce(&mut LiveOptions)) {
        self.control.reload(options(change)).unwrap();
    }

    /// Publishes an event. Returns how it is stored.
    fn store(&self, topic: &str, event: &str) -> Stored {
        self.hub.publish(topic, event).unwrap().stored
    }

    fn position(&self) -> String {
        self.hub.position().to_string()
    }

    /// Returns whether all events of a topic behind a position are in the log, and these events.
    fn history(&self, topic: &str, since: &str) -> (bool, Vec<Value>) {
        let mut client = Client::connect(self);
        client.send(&format!(
            "GET /history/{topic}?since={since} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        let (status, answer) = client.answer();
        assert_eq!(status, 200, "{answer}");
        let events = answer["events"].as_array().unwrap();
        let events = events.iter().map(|event| event["event"].clone());
        (answer["complete"].as_bool().unwrap(), events.collect())
    }
}

#[test]
fn smaller_limits_drop_events_at_once() {
    let server = start(|_| {});
    let before = server.position();
    for number in 0..5 {
        server.store("t", &number.to_string());
        server.store("u", &number.to_string());
    }
    let events = || server.hub.stats().log_events;
    assert_eq!(events(), 10);
    server.reload(|options| options.limits.history_topic_events_max = 2);
    assert_eq!(events(), 4);
    server.reload(|options| options.history = vec!["u*".parse().unwrap()]);
    assert_eq!(events(), 2);
    assert_eq!(
        server.history("u", &before),
        (false, vec![json!(3), json!(4)])
    );
    assert_eq!(server.store("u", "5"), Stored::Memory);
    server.reload(|options| options.limits.history_len_max = 400);
    assert_eq!(events(), 2);
    server.reload(|options| options.limits.history_len_max = 0);
    assert_eq!((events(), server.hub.stats().log_len), (0, 0));
    assert_eq!(server.store("u", "6"), Stored::No);
}

#[test]
fn events_from_before_a_topic_had_history_are_a_gap() {
    let server = start(|options| options.history = vec!["u".parse().unwrap()]);
    server.store("u", "0");
    let before = server.position();
    assert_eq!(server.store("t", "1"), Stored::No);
    let end = server.position();
    assert_eq!(server.history("t", &before), (false, vec![]));
    assert_eq!(server.history("t", &end), (true, vec![]));
    server.reload(|_| {});
    assert_eq!(server.history("t", &before), (false, vec![]));
    assert_eq!(server.history("u", &before), (true, vec![]));
    assert_eq!(server.history("t", &end), (true, vec![]));
    assert_eq!(server.store("t", "2"), Stored::Memory);
    assert_eq!(server.history("t", &before), (false, vec![json!(2)]));
    assert_eq!(server.history("t", &end), (true, vec![json!(2)]));
    // A reload that changes nothing here, as that of a new certificate, forgets nothing.
    server.reload(|_| {});
    assert_eq!(server.history("t", &end), (true, vec![json!(2)]));
}

#[test]
fn event_longer_than_the_log_is_delivered_and_not_kept() {
    let server = start(|options| options.limits.history_topic_len_max = 1000);
    let mut browser = server.subscriber("t");
    server.store("t", "1");
    let before = server.position();
    let long = format!("\"{}\"", "x".repeat(1000));
    assert_eq!(server.store("t", &long), Stored::No);
    assert_eq!(browser.message(), "[8,\"t\",1]");
    assert_eq!(browser.message(), format!("[8,\"t\",{long}]"));
    assert_eq!(server.history("t", &before), (false, vec![]));
    assert_eq!(server.store("t", "3"), Stored::Memory);
    assert_eq!(server.history("t", &before), (false, vec![json!(3)]));
}

#[test]
fn reader_of_a_topic_that_loses_its_history_gets_gap() {
    let change = |options: &mut LiveOptions| {
        options.limits.outbox_len_max = 100_000;
        options.limits.history_len_max = 512 << 20;
        options.limits.history_topic_len_max = 512 << 20;
    };
    let server = start(change);
    let url = format!("ws://{}/", server.public);
    let mut slow = Browser::open_as("pushd.1", connect(server.public), &url, &[]);
    slow.message();
    slow.send("[5,\"t\"]");
    slow.message();
    let filling = "x".repeat(50_000);
    let mut published = 0;
    while server.hub.stats().log_readers == 0 {
        published += 1;
        assert!(published < 1000, "the kernel buffers everything");
        server.store("t", &format!("[{published},\"{filling}\"]"));
    }
    server.reload(|options| {
        change(options);
        options.history.clear();
    });
    assert_eq!(server.store("t", "[0]"), Stored::No);
    let mut seen = 0;
    let gap = loop {
        let message: Value = serde_json::from_str(&slow.message()).unwrap();
        if message[0] != 8 {
            break message;
        }
        seen += 1;
        assert_eq!(message[2][0], seen);
    };
    assert_eq!(gap, json!([10, "t", server.position()]));
    assert!(slow.read().is_err(), "the connection ends without close");
    assert_eq!(server.hub.stats().gaps.total(), 1);
}
