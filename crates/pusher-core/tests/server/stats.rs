//! Figures of the server.

use std::io::Write;

use pusher_core::{
    BrowserRefusal, Counts, Kind, PublishRefusal, PublisherRefusal, SlowConsumer, Source, Stats,
    ViolationKind,
};

use crate::support::{TestServer, read_to_end, start};

/// Waits until a condition on the figures is true.
fn until(server: &TestServer, what: &str, is_so: impl Fn(&Stats) -> bool) -> Stats {
    server.until(what, |hub| is_so(&hub.stats()));
    server.hub.stats()
}

/// Returns the counts other than 0.
fn labels<K: Kind>(counts: &Counts<K>) -> Vec<(&'static str, u64)> {
    let counts = counts.iter().map(|(kind, count)| (kind.label(), count));
    counts.filter(|&(_, count)| count > 0).collect()
}

#[test]
fn sessions_and_subscriptions_are_counted() {
    let server = start(|_| {});
    let first = server.subscriber("a");
    let mut second = server.subscriber("a");
    second.subscribe("b");
    let publisher = server.publisher();
    let stats = server.hub.stats();
    assert_eq!((stats.browsers, stats.browsers_accepted), (2, 2));
    assert_eq!((stats.sessions, stats.sessions_opened), (2, 2));
    assert_eq!((stats.publishers, stats.publishers_accepted), (1, 1));
    assert_eq!(stats.topics, 2);
    drop((first, second, publisher));
    let stats = until(&server, "everybody has gone", |stats| {
        (stats.browsers, stats.sessions, stats.publishers) == (0, 0, 0)
    });
    assert_eq!((stats.browsers_accepted, stats.sessions_opened), (2, 2));
    assert_eq!(stats.publishers_accepted, 1);
    assert_eq!(stats.topics, 0);
}

#[test]
fn events_are_counted_by_source() {
    let server = start(|_| {});
    let mut browsers = [server.subscriber("t"), server.subscriber("t")];
    let mut publisher = server.publisher();
    publisher.publish("t", "123");
    publisher.publish("nobody", "1");
    publisher.send("[3,1,\"t\",5,{\"id\":\"x\"}][3,1,\"t\",5,{\"id\":\"x\"}]");
    assert_eq!(publisher.line(), publisher.line());
    server.hub.publish("t", "4").unwrap();
    let mut raw = server.raw(server.publish);
    raw.write_all(b"{\"category\":\"t\"}").unwrap();
    for browser in &mut browsers {
        for _ in 0..4 {
            browser.message();
        }
    }
    let stats = server.hub.stats();
    assert_eq!(
        labels(&stats.events),
        [("raw", 1), ("native", 3), ("application", 1)]
    );
    assert_eq!(stats.events.get(Source::Native), 3);
    assert_eq!(stats.events.total(), 5);
    let event_bytes = "123".len() + 3 * "1".len() + "{\"category\":\"t\"}".len();
    assert_eq!(stats.event_bytes, event_bytes as u64);
    // The last write is counted a moment later.
    let stats = until(&server, "all is counted", |stats| stats.deliveries >= 8);
    assert_eq!(stats.deliveries, 8);
    let frame = "HL[8,\"t\",]".len();
    let frames = 4 * frame + event_bytes - 1;
    assert_eq!(stats.delivery_bytes, 2 * frames as u64);
}

#[test]
fn publisher_errors_are_counted() {
    let server = start(|limits| {
        limits.event_len_max = 100;
        limits.publish_len_max = 200;
        limits.publishers_max = 1;
    });
    let alone = || {
        let free = |stats: &Stats| stats.publishers == 0;
        until(&server, "the last has gone", free);
    };
    let mut publisher = server.publisher();
    for (publish, code) in [
        (r#"[3,1,"",1]"#.to_owned(), "bad_topic"),
        (r#"[3,1,"t",1,{"id":""}]"#.to_owned(), "bad_id"),
        (
            format!("[3,1,\"t\",\"{}\"]", "x".repeat(99)),
            "event_too_large",
        ),
        (format!("[3,1,\"t\",\"{}\"]", "x".repeat(200)), "too_large"),
    ] {
        publisher.send(&publish);
        assert!(publisher.line().contains(code), "{code}");
    }
    read_to_end(&mut publisher.0);
    for said in ["\n}", "{\"category\":", "\0"] {
        alone();
        let mut stream = server.raw(server.publish);
        stream.write_all(said.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        read_to_end(&mut stream);
    }
    // A refused admin request is not a refused publish.
    for line in ["POST /publish/t", "GET /healthz", "GET /admin"] {
        alone();
        let mut http = server.raw(server.publish);
        write!(http, "{line} HTTP/1.1\r\nHost: x\r\nOrigin: x\r\n\r\n").unwrap();
        read_to_end(&mut http);
    }
    alone();
    let mut only = server.publisher();
    only.send("[3,1,");
    server.until("it is busy", |hub| hub.stats().unfinished_len > 0);
    let mut refused = server.raw(server.publish);
    refused.write_all(b"[1,1]").unwrap();
    read_to_end(&mut refused);
    let stats = server.hub.stats();
    assert_eq!(
        labels(&stats.publishes_refused),
        [
            ("bad_topic", 1),
            ("bad_id", 1),
            ("bad_message", 1),
            ("event_too_large", 1),
            ("too_large", 1),
            ("denied", 1),
            ("unfinished", 1)
        ]
    );
    assert_eq!(stats.publishes_refused.get(PublishRefusal::BadId), 1);
    assert_eq!(
        labels(&stats.publishers_refused),
        [("publishers_max", 1), ("language", 1), ("request", 2)]
    );
    let refused = &stats.publishers_refused;
    assert_eq!(refused.get(PublisherRefusal::Publishers), 1);
}

#[test]
fn browser_errors_are_counted() {
    let server = start(|limits| {
        limits.topics_max = 1;
        limits.headers_max = 10;
        limits.connections_max = 2;
    });
    let alone = || {
        let free = |stats: &Stats| stats.browsers == 0;
        until(&server, "the last has gone", free);
    };
    let mut violations = Vec::new();
    for said in ["[]", "[7,\"t\",1]", "[5,\"more\"]"] {
        let mut browser = server.subscriber("t");
        browser.send(said);
        violations.push(browser.close_code());
        drop(browser);
        alone();
    }
    let many = "X: y\r\n".repeat(10);
    for (more, status) in [("", 426), (many.as_str(), 431), ("Host: y\r\n", 400)] {
        let mut stream = server.raw(server.public);
        write!(
            stream,
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
        )
        .unwrap();
        let answer = read_to_end(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        drop(stream);
        alone();
    }
    let _both = [server.browser(), server.browser()];
    read_to_end(&mut server.raw(server.public));
    let stats = server.hub.stats();
    assert_eq!(violations, [1007, 1008, 1008]);
    assert_eq!(
        labels(&stats.violations),
        [("invalid_data", 1), ("topics_max", 1), ("publish", 1)]
    );
    let codes = [ViolationKind::InvalidData, ViolationKind::Publish].map(ViolationKind::code);
    assert_eq!(codes, [1007, 1008]);
    assert_eq!(
        labels(&stats.browsers_refused),
        [
            ("connections_max", 1),
            ("headers_max", 1),
            ("subprotocol", 1),
            ("bad_request", 1)
        ]
    );
    let refused = &stats.browsers_refused;
    assert_eq!(refused.get(BrowserRefusal::Connections), 1);
}

#[test]
fn outboxes_and_slow_consumers_are_counted() {
    let server = start(|limits| {
        limits.outbox_len_max = 1_000_000;
        limits.history_len_max = 0;
    });
    let _stuck = server.subscriber("t");
    let event = format!("\"{}\"", "x".repeat(100_000));
    let mut publisher = server.publisher();
    let mut waited = 0;
    while server.hub.subscriber_count("t") == 1 {
        publisher.publish("t", &event);
        let stats = server.hub.stats();
        assert!(stats.outboxes_len <= 1_100_100 && stats.outboxes <= 1);
        waited = waited.max(stats.outboxes_len);
    }
    assert!(waited > 0);
    let stats = until(&server, "the connection has closed", |stats| {
        stats.browsers == 0
    });
    assert_eq!((stats.outboxes, stats.outboxes_len), (0, 0));
    assert_eq!(labels(&stats.slow_consumers), [("outbox_len_max", 1)]);
    assert_eq!(stats.slow_consumers.get(SlowConsumer::Outbox), 1);
}
