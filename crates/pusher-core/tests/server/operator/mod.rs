//! The admin routes: health, metrics and status.

mod access;
mod watchers;

use std::collections::HashSet;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use pusher_core::{Application, Call};
use serde_json::Value;

use crate::support::{TestServer, WAIT, on_any_ports, read_to_end, start, start_server, until};

/// Sends a request with additional headers. Returns the head and the body of the answer.
pub(crate) fn ask(
    server: &TestServer,
    method: &str,
    path: &str,
    headers: &str,
) -> (String, String) {
    let mut stream = server.raw(server.publish);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_to_end(&mut stream);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

pub(crate) fn get(server: &TestServer, path: &str) -> (String, String) {
    ask(server, "GET", path, "")
}

/// Returns the status code and the body of a state route.
fn state(server: &TestServer, path: &str) -> (u16, String) {
    let (head, body) = get(server, path);
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.trim_end().to_owned())
}

fn status(server: &TestServer) -> Value {
    let (_, body) = get(server, "/status.json");
    serde_json::from_str(&body).unwrap()
}

/// Requests the status until a condition is true.
fn status_until(server: &TestServer, what: &str, is_true: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    until(what, || {
        seen = status(server);
        is_true(&seen)
    });
    seen
}

#[test]
fn idle_server_is_healthy_and_ready() {
    let server = start(|_| {});
    assert_eq!(
        state(&server, "/healthz"),
        (200, r#"{"status":"ok"}"#.to_owned())
    );
    assert_eq!(
        state(&server, "/readyz"),
        (200, r#"{"status":"ready"}"#.to_owned())
    );
    let (head, body) = ask(&server, "HEAD", "/readyz", "");
    assert!(
        head.starts_with("http/1.1 200") && body.is_empty(),
        "{head}{body}"
    );
}

/// An application that blocks in a call until the test releases it. Reports when a call begins.
struct Hanging {
    hangs: Mutex<Sender<()>>,
    let_go: Mutex<Receiver<()>>,
}

impl Hanging {
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let (hangs, until_it_hangs) = channel();
        let (go, let_go) = channel();
        let (hangs, let_go) = (Mutex::new(hangs), Mutex::new(let_go));
        (Self { hangs, let_go }, until_it_hangs, go)
    }
}

impl Application for Hanging {
    fn call(&self, _: Call) {
        let _waits = self.hangs.lock().send(());
        let _let_go = self.let_go.lock().recv_timeout(2 * WAIT);
    }
}

#[test]
fn overloaded_server_is_not_ready() {
    let (hanging, until_it_hangs, go) = Hanging::new();
    let mut options = on_any_ports();
    options.live.limits.backlog_len_max = 1000;
    let server = start_server(options, hanging);
    // The first shard answers the requests, the second one hangs.
    let _first = server.browser();
    let mut second = server.subscriber("t");
    second.send("[2,\"id\",\"hang\"]");
    until_it_hangs.recv_timeout(WAIT).unwrap();
    let event = format!("\"{}\"", "x".repeat(2000));
    server.hub.publish("t", &event).unwrap();
    let overloaded = (503, r#"{"status":"overloaded"}"#.to_owned());
    assert_eq!(state(&server, "/readyz"), overloaded);
    assert_eq!(state(&server, "/healthz").0, 200);
    go.send(()).unwrap();
    server.until("it is sent", |hub| hub.backlog_len() == 0);
    assert_eq!(state(&server, "/readyz").0, 200);
}

#[test]
fn server_with_hanging_thread_is_unhealthy() {
    let (hanging, _, go) = Hanging::new();
    let server = start_server(on_any_ports(), hanging);
    let _first = server.browser();
    let mut second = server.browser();
    second.send("[2,\"id\",\"hang\"]");
    let wait_for = |wanted: (u16, &str)| {
        until(wanted.1, || {
            state(&server, "/healthz") == (wanted.0, wanted.1.to_owned())
        });
    };
    wait_for((503, r#"{"status":"a thread hangs"}"#));
    go.send(()).unwrap();
    wait_for((200, r#"{"status":"ok"}"#));
}

#[test]
fn ending_server_is_not_ready() {
    let mut server = start(|limits| limits.closing_grace = Duration::from_secs(1));
    server.begin_end();
    let ending = (503, r#"{"status":"ending"}"#.to_owned());
    until("it is ending", || state(&server, "/readyz") == ending);
    server.end();
}

#[test]
fn metrics_are_in_prometheus_format() {
    let server = start(|_| {});
    let _browser = server.subscriber("t");
    server.publisher().publish("t", "1");
    server.until("it is counted", |hub| hub.stats().deliveries == 1);
    let (head, body) = get(&server, "/metrics");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    let mut families = HashSet::new();
    let mut lines = body.lines().peekable();
    while let Some(line) = lines.next() {
        let help = line
            .strip_prefix("# HELP ")
            .unwrap_or_else(|| panic!("{line}"));
        let (name, help) = help.split_once(' ').unwrap();
        assert!(families.insert(name), "{name} twice");
        assert!(help.ends_with('.'), "{help}");
        let kind = lines
            .next()
            .unwrap()
            .strip_prefix(&format!("# TYPE {name} "))
            .unwrap();
        assert!(["gauge", "counter"].contains(&kind));
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let mut samples = HashSet::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let is_of_family = series == name || series.starts_with(&format!("{name}{{"));
            assert!(is_of_family && samples.insert(series), "{line}");
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
        }
        assert!(!samples.is_empty(), "{name} has no samples");
    }
    for line in [
        "pushd_sessions 1",
        "pushd_topics 1",
        "pushd_events_total{source=\"native\"} 1",
        "pushd_deliveries_total 1",
        "pushd_browsers_refused_total{reason=\"origin\"} 0",
        "pushd_slow_consumers_total{reason=\"outbox_len_max\"} 0",
    ] {
        assert!(body.lines().any(|known| known == line), "{line}:\n{body}");
    }
}

#[test]
fn tls_at_publish_listener_is_named() {
    let server = start(|_| {});
    let mut stranger = server.raw(server.publish);
    stranger.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    read_to_end(&mut stranger);
    let status = status(&server);
    let what = status["complaints"][0]["what"].as_str().unwrap();
    assert!(what.contains("begins with TLS"), "{what}");
}

#[test]
fn status_has_peers_and_counts() {
    let server = start(|_| {});
    let _two: Vec<_> = (0..2).map(|_| server.subscriber("large")).collect();
    let _one = server.subscriber("<b>small</b>");
    for _ in 0..3 {
        server.publisher().publish("large", "1");
    }
    server.until("they are counted", |hub| hub.stats().deliveries == 6);
    let mut stranger = server.raw(server.publish);
    stranger.write_all(b"\x01").unwrap();
    read_to_end(&mut stranger);
    let status = status_until(&server, "the refusal is counted", |status| {
        status["refused"] != serde_json::json!([])
    });
    assert_eq!(status["state"], "ready");
    assert_eq!(status["sessions"], 3);
    assert_eq!(
        (&status["events"], &status["deliveries"]),
        (&3.into(), &6.into())
    );
    let topics = serde_json::json!([
        {"topic": "large", "subscribers": 2, "log_events": 3, "events_per_s": 0.3},
        {"topic": "<b>small</b>", "subscribers": 1, "log_events": 0, "events_per_s": 0.0},
    ]);
    assert_eq!(status["largest_topics"], topics);
    assert_eq!(status["busiest_topics"], serde_json::json!([topics[0]]));
    let public = serde_json::json!({
        "addresses": [server.public.to_string()],
        "tls": false,
        "hosts": [],
        "origins": [],
    });
    assert_eq!(status["public"], public);
    assert_eq!(status["longest_outboxes"], serde_json::json!([]));
    let refused = &status["refused"][0];
    assert_eq!(
        (&refused["who"], &refused["reason"], &refused["count"]),
        (&"publisher".into(), &"language".into(), &1.into())
    );
    let meaning = refused["meaning"].as_str().unwrap();
    assert!(meaning.contains("none of the protocols"), "{meaning}");
    let last = refused["last"]["what"].as_str().unwrap();
    assert!(last.contains("byte 0x01"), "{last}");
    assert_eq!(status["refused"].as_array().unwrap().len(), 1);
    let complaint = &status["complaints"][0];
    assert!(
        complaint["what"].as_str().unwrap().contains("byte 0x01"),
        "{complaint}"
    );
}

#[test]
fn charts_have_the_events_of_each_window() {
    let server = start(|_| {});
    let _two: Vec<_> = (0..2).map(|_| server.subscriber("t")).collect();
    server.publisher().publish("t", "1");
    let charts = |window: &str| -> Value {
        let (head, body) = get(&server, &format!("/charts.json{window}"));
        assert!(head.starts_with("http/1.1 200"), "{head}{body}");
        serde_json::from_str(&body).unwrap()
    };
    let sum = |charts: &Value, row: &str| -> f64 {
        let values = charts[row].as_array().unwrap().iter();
        values.filter_map(Value::as_f64).sum()
    };
    until("both have the event", || {
        sum(&charts(""), "deliveries") >= 2.0
    });
    for (window, step_s) in [("5m", 1), ("1h", 10), ("1d", 300)] {
        let charts = charts(&format!("?window={window}"));
        assert_eq!(charts["step_s"], step_s);
        assert_eq!(charts["window"], window);
        let rows = [
            "events",
            "events_peak",
            "deliveries",
            "deliveries_peak",
            "sessions",
            "queued_len",
        ];
        let lens = rows.map(|row| charts[row].as_array().unwrap().len());
        assert_eq!(lens, [lens[0]; 6]);
        let last = charts["sessions"].as_array().unwrap().last().unwrap();
        assert_eq!(*last, 2);
        let (events, deliveries) = (sum(&charts, "events_peak"), sum(&charts, "deliveries_peak"));
        // The two deliveries may be in two seconds.
        assert!(
            events == 1.0 && (1.0..=2.0).contains(&deliveries),
            "{charts}"
        );
    }
    for wrong in ["?window=2h", "?x=1"] {
        let (head, body) = get(&server, &format!("/charts.json{wrong}"));
        assert!(head.starts_with("http/1.1 400"), "{head}");
        assert!(body.contains("5m, 1h, 1d"), "{body}");
    }
}

/// The log has the same lines.
#[test]
fn refused_browser_is_logged_once_with_reason() {
    let server = start(|limits| {
        limits.handshake_timeout = Duration::from_secs(1);
        limits.ping_interval = Duration::from_millis(50);
        limits.pong_timeout = Duration::from_secs(1);
        limits.headers_max = 10;
    });
    let _silent = server.browser();
    let say = |request: &str| {
        let mut stream = server.raw(server.public);
        stream.write_all(request.as_bytes()).unwrap();
        read_to_end(&mut stream)
    };
    // Browsers open some connections in advance, so these are not logged.
    say("");
    let begun = "GET / HTTP/1.1\r\n";
    say(begun);
    say("POST / HTTP/1.1\r\nHost: x\r\n\r\n");
    let many = "X: y\r\n".repeat(10);
    say(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"));
    let status = status_until(&server, "the silent browser is dropped", |status| {
        status["sessions"] == 0
    });
    let complaints = status["complaints"].as_array().unwrap().iter();
    let mut told: Vec<_> = complaints
        .map(|complaint| complaint["what"].as_str().unwrap())
        .collect();
    told.sort_unstable();
    let expected = [
        "dropped a browser that did not answer a ping: no data from it for ",
        "refusing a browser: its request was not complete after 1s and 16 bytes",
        "refusing a browser: only GET is possible here",
        "refusing a browser: the request has more than 10 headers",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn dropped_publisher_is_logged_with_reason() {
    let server = start(|limits| {
        limits.first_byte_timeout = Duration::from_millis(500);
        limits.answer_timeout = Duration::from_millis(500);
    });
    read_to_end(&mut server.raw(server.publish));
    let mut publisher = server.publisher();
    let publishes = "[3,1,\"t\",1]".repeat(1000);
    // Until it is dropped, since it does not read.
    while publisher.0.write_all(publishes.as_bytes()).is_ok() {}
    for what in [
        "dropping a publisher that has sent nothing for 500ms",
        "dropping a publisher that has not taken its answers in 500ms",
    ] {
        status_until(&server, what, |status| {
            let mut complaints = status["complaints"].as_array().unwrap().iter();
            complaints.any(|complaint| complaint["what"] == what)
        });
    }
}

#[test]
fn status_names_longest_outbox() {
    let server = start(|_| {});
    let _slow = server.subscriber("t");
    let event = format!("\"{}\"", "x".repeat(1_000_000));
    // More than the kernel buffers for a browser that does not read.
    let mut published = 0;
    while server.hub.stats().outboxes_len == 0 {
        published += 1;
        assert!(published < 100, "the kernel buffers everything");
        server.publish_flushed("t", &event);
    }
    let status = status_until(&server, "it is told", |status| {
        !status["longest_outboxes"][0].is_null()
    });
    let slow = &status["longest_outboxes"][0];
    assert!(
        slow["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{slow}"
    );
    assert_eq!(slow["len"], status["outboxes_len"]);
}
