//! Sessions over TLS.

use std::io::{Read, Write};
use std::time::Duration;

use pusher_core::Recipe;

use super::support::{TestCertificate, read_rest};
use crate::support::start_server;

#[test]
fn one_port_serves_tls_and_plain_browsers() {
    let files = TestCertificate::new();
    let server = files.start(|_| ());
    let mut plain = server.subscriber("t");
    let mut encrypted = files.browser(&server);
    encrypted.subscribe("t");
    for n in 0..100 {
        assert_eq!(server.publisher().publish("t", &n.to_string()).1, 2);
    }
    for n in 0..100 {
        let event = format!("[8,\"t\",{n}]");
        assert_eq!(
            (encrypted.message(), plain.message()),
            (event.clone(), event)
        );
    }
}

#[test]
fn script_loads_over_https() {
    let files = TestCertificate::new();
    let server = files.start(|_| ());
    let mut stream = files.connect(&server);
    stream
        .write_all(b"GET /pusher.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    // `read_to_string` fails if close_notify is missing.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("globalThis);\n"),
        "the script is incomplete"
    );
}

#[test]
fn events_of_any_length_arrive_in_order() {
    let files = TestCertificate::new();
    let server = files.start(|limits| limits.outbox_len_max = 64 * 1024 * 1024);
    let mut browser = files.browser(&server);
    browser.subscribe("t");
    // More than the sockets and TLS can buffer, so the rest queues in the outbox until the browser reads.
    let lens = [
        0, 1, 125, 16_382, 16_384, 16_385, 65_536, 200_000, 1_000_000, 7,
    ];
    let event = |n: usize, len: usize| format!("\"{n}{}\"", "x".repeat(len));
    let mut publisher = server.publisher();
    for round in 0..10 {
        for (n, len) in lens.into_iter().enumerate() {
            assert_eq!(publisher.publish("t", &event(round + n, len)).1, 1);
        }
    }
    for round in 0..10 {
        for (n, len) in lens.into_iter().enumerate() {
            let message = browser.message();
            assert!(
                message == format!("[8,\"t\",{}]", event(round + n, len)),
                "{n} of {round}"
            );
        }
    }
}

/// The socket is full and TLS holds the last record, but the outbox is empty.
#[test]
fn last_tls_record_is_flushed_without_another_event() {
    let files = TestCertificate::new();
    let mut options = files.options(|limits| limits.outbox_len_max = 64 * 1024 * 1024);
    options.shards = 1;
    let server = start_server(options, Recipe::default());
    let mut witness = files.browser(&server);
    witness.subscribe("t");
    let event = format!("\"{}\"", "x".repeat(16_000));
    let mut publisher = server.publisher();
    // The witness reads the events. When it has one, the server has also written to the browser that does not read.
    let mut publish = || {
        publisher.publish("t", &event);
        witness.message();
    };
    let mut browser = files.browser(&server);
    browser.subscribe("t");
    let mut events = 0;
    while server.hub.stats().outboxes == 0 {
        publish();
        events += 1;
    }
    // The first event that does not fit is in TLS, because the socket has no room for its whole record.
    assert_eq!(server.hub.stats().outboxes_len, 0);
    for n in 0..events {
        assert_eq!(browser.message().len(), event.len() + 8, "{n} of {events}");
    }
    server.until("the outboxes are empty", |hub| hub.stats().outboxes == 0);
}

#[test]
fn messages_may_span_tls_records() {
    let files = TestCertificate::new();
    let server = files.start(|_| ());
    let mut browser = files.browser(&server);
    // Near the maximum message length, so that each message takes several records.
    let topics: Vec<String> = (0..3).map(|n| format!("{n}{}", "t".repeat(1000))).collect();
    let padding = " ".repeat(60_000);
    for topic in &topics {
        browser.send(&format!("[5,{padding}\"{topic}\"]"));
    }
    browser.barrier();
    // One record per byte.
    let frame = [&[0x81, 0x8a, 0, 0, 0, 0][..], b"[5,\"bytes\"]"].concat();
    let frame = [&frame[..1], &[0x80 | 11], &frame[2..]].concat();
    let stream = browser.socket.get_mut();
    for byte in frame {
        stream.write_all(&[byte]).unwrap();
        stream.flush().unwrap();
    }
    browser.barrier();
    for topic in topics.iter().map(String::as_str).chain(["bytes"]) {
        assert_eq!(server.publisher().publish(topic, "1").1, 1);
        assert_eq!(browser.message(), format!("[8,\"{topic}\",1]"));
    }
}

#[test]
fn slow_tls_consumer_is_dropped_alone() {
    let files = TestCertificate::new();
    let server = files.start(|limits| {
        limits.outbox_len_max = 100_000;
        limits.history_len_max = 0;
    });
    let mut slow = files.browser(&server);
    slow.subscribe("t");
    let mut other = files.browser(&server);
    other.subscribe("t");
    let event = format!("\"{}\"", "x".repeat(100_000));
    let mut publisher = server.publisher();
    while publisher.publish("t", &event).1 == 2 {
        other.message();
    }
    other.message();
    let stream = slow.socket.get_mut();
    let mut unread = Vec::new();
    // The server closes without close_notify, or resets the connection.
    assert!(stream.read_to_end(&mut unread).is_err());
}

#[test]
fn silent_tls_browser_is_pinged_then_dropped() {
    let files = TestCertificate::new();
    let server = files.start(|limits| {
        limits.ping_interval = Duration::from_millis(50);
        limits.pong_timeout = Duration::from_millis(100);
    });
    let mut browser = files.browser(&server);
    for _ in 0..3 {
        // The next read sends the pong.
        assert!(browser.read().unwrap().is_ping());
    }
    let mut silent = files.browser(&server);
    let stream = silent.socket.get_mut();
    let mut ping = Vec::new();
    let end = stream.read_to_end(&mut ping);
    assert!(
        ping.starts_with(&[0x89, 0]) && end.is_err(),
        "{ping:?} {end:?}"
    );
}

#[test]
fn key_update_keeps_the_session() {
    let files = TestCertificate::new();
    let server = files.start(|_| ());
    let mut browser = files.browser(&server);
    for n in 0..3 {
        browser
            .socket
            .get_mut()
            .conn
            .refresh_traffic_keys()
            .unwrap();
        browser.subscribe(&format!("t{n}"));
        server.publisher().publish(&format!("t{n}"), "1");
        assert_eq!(browser.message(), format!("[8,\"t{n}\",1]"));
    }
}

#[test]
fn shutdown_sends_queued_events_without_close_frame() {
    let files = TestCertificate::new();
    let mut server = files.start(|_| ());
    let mut browser = files.browser(&server);
    browser.subscribe("t");
    let event = format!("\"{}\"", "x".repeat(300_000));
    let mut publisher = server.publisher();
    for _ in 0..3 {
        publisher.publish("t", &event);
    }
    server.begin_end();
    for _ in 0..3 {
        assert_eq!(browser.message().len(), event.len() + 8);
    }
    let end = browser.read();
    assert!(end.is_err(), "{end:?}");
    server.end();
}

#[test]
fn close_frame_is_answered_before_close_notify() {
    let files = TestCertificate::new();
    let server = files.start(|_| ());
    let mut browser = files.browser(&server);
    browser.socket.close(None).unwrap();
    assert_eq!(browser.close_code(), 1000);
    assert_eq!(read_rest(browser.socket.get_mut()), "");
}
