//! Every limit, at its bound and beyond.

mod publishers;

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use pusher_core::{Limits, Recipe, ViolationKind};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{NEVER, on_any_ports, read_to_end, start, start_server, start_with};
use crate::zmtp::{Push, frames};

const SOON: Duration = Duration::from_millis(50);

#[test]
fn slow_consumer_is_dropped_at_limit() {
    let server = start(|limits| {
        limits.outbox_len_max = 100_000;
        limits.history_len_max = 0;
    });
    let _stuck = server.subscriber("t");
    let mut reader = server.subscriber("t");
    let mut publisher = server.publisher();
    let event = format!("\"{}\"", "x".repeat(50_000));
    let mut published = 0;
    // The kernel buffers some megabytes for a peer that does not read. Then the outbox grows.
    while server.hub.subscriber_count("t") == 2 {
        publisher.publish("t", &event);
        published += 1;
        assert_eq!(reader.message().len(), event.len() + 8);
        assert!(published < 2_000, "the outbox has no limit");
    }
    assert_eq!(publisher.publish("t", "1").1, 1);
    assert_eq!(reader.message(), r#"[8,"t",1]"#);
}

#[test]
fn topics_per_session_are_limited() {
    let server = start(|limits| limits.topics_max = 3);
    let mut browser = server.browser();
    for topic in ["a", "b", "c", "a"] {
        browser.subscribe(topic);
    }
    browser.send(r#"[5,"d"]"#);
    assert_eq!(browser.close_code(), 1008);
    server.until("its topics have no subscriber", |hub| {
        hub.topic_count() == 0
    });
}

#[test]
fn topic_length_is_limited() {
    let server = start(|_| {});
    let mut browser = server.browser();
    browser.subscribe(&"t".repeat(1024));
    browser.subscribe("");
    assert_eq!(server.hub.topic_count(), 1);
    browser.send(&format!("[5,\"{}\"]", "t".repeat(1025)));
    assert_eq!(browser.close_code(), 1008);
    let mut publisher = server.publisher();
    publisher.publish(&"t".repeat(1024), "1");
    publisher.send(&format!("[3,1,\"{}\",1]", "t".repeat(1025)));
    assert!(publisher.line().starts_with(r#"[5,1,"bad_topic","#));
    publisher.publish("t", "1");
}

#[test]
fn topic_length_limit_is_configurable() {
    let mut options = on_any_ports();
    options.live.limits.topic_len_max = 2000;
    let recipe = Recipe::with_client_publish(vec!["*".parse().unwrap()]);
    let server = start_server(options, recipe);
    let (longest, longer) = ("t".repeat(2000), "t".repeat(2001));
    let mut browser = server.subscriber(&longest);
    let mut publisher = server.publisher();
    let mut push = Push::connect(&server);
    for category in [&longer, &longest] {
        push.send(&frames(&[category, "3"]));
        publisher.send(&format!("[3,1,\"{category}\",1]"));
        let is_refused = publisher.line().starts_with(r#"[5,1,"bad_topic","#);
        assert_eq!(is_refused, category == &longer);
        let request = format!(
            "POST /publish/{category} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n2"
        );
        let mut http = server.raw(server.publish);
        http.write_all(request.as_bytes()).unwrap();
        let answer = read_to_end(&mut http);
        let status = if category == &longer { "400" } else { "200" };
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        let raw = format!("{{\"category\":\"{category}\"}}");
        server
            .raw(server.publish)
            .write_all(raw.as_bytes())
            .unwrap();
    }
    server.subscriber("u").send(&format!("[7,\"{longest}\",4]"));
    let payloads = ["1", "2", "3", "4", "{"];
    let mut events = payloads.map(|_| browser.message());
    events.sort();
    for (event, payload) in events.iter().zip(payloads) {
        assert!(
            event.starts_with(&format!("[8,\"{longest}\",{payload}")),
            "{event}"
        );
    }
    for message in [
        format!("[5,\"{longer}\"]"),
        format!("[7,\"{longer}\",1]"),
        format!("[2,\"1\",\"{longer}\"]"),
    ] {
        let mut browser = server.browser();
        browser.send(&message);
        assert_eq!(browser.close_code(), 1008);
    }
    let mut browser = server.browser();
    browser.send(&format!("[1,\"p\",\"{}\"]", &longest[1..]));
    browser.subscribe("p:t");
    browser.send(r#"[5,"p:tt"]"#);
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn expanded_curie_is_limited_like_a_topic() {
    let server = start(|_| {});
    let mut browser = server.browser();
    browser.send(&format!("[1,\"p\",\"{}\"]", "u".repeat(1000)));
    browser.subscribe(&format!("p:{}", "t".repeat(24)));
    browser.send(&format!("[5,\"p:{}\"]", "t".repeat(25)));
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn browser_message_length_is_limited() {
    let server = start(|limits| limits.client_message_len_max = 100);
    let mut browser = server.browser();
    browser.send(&format!("[6,\"{}\"]", "t".repeat(94)));
    browser.barrier();
    browser.send(&format!("[6,\"{}\"]", "t".repeat(95)));
    assert_eq!(browser.close_code(), 1009);
}

#[test]
fn event_length_is_limited() {
    let server = start(|limits| limits.event_len_max = 100);
    let mut publisher = server.publisher();
    publisher.publish("t", &format!("\"{}\"", "x".repeat(98)));
    publisher.send(&format!("[3,5,\"t\",\"{}\"]", "x".repeat(99)));
    assert_eq!(
        publisher.line(),
        r#"[5,5,"event_too_large","the event is 101 bytes long, at most 100 are allowed (event-len-max)"]"#
    );
    publisher.publish("t", "1");
}

#[test]
fn browsers_are_limited() {
    let server = start(|limits| limits.connections_max = 2);
    let mut first = server.browser();
    let _second = server.browser();
    let mut third = server.raw(server.public);
    let answer = read_to_end(&mut third);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    first.send("[]");
    assert_eq!(first.close_code(), 1007);
    drop(first);
    server.until("a permit is free", |hub| hub.session_count() == 1);
    // The session ends a moment before its permit is free.
    while !can_connect(server.raw(server.public)) {}
}

/// Whether the server answers a plain request.
fn can_connect(mut stream: TcpStream) -> bool {
    let request = b"GET /pusher.js HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).is_ok() && read_to_end(&mut stream).starts_with("HTTP/1.1 200 ")
}

#[test]
fn handshake_length_is_limited() {
    let server = start(|limits| limits.handshake_len_max = 1000);
    let request = |len: usize| {
        let start = "GET /pusher.js HTTP/1.1\r\nHost: x\r\nCookie: ";
        let end = "\r\n\r\n";
        let cookie = "c".repeat(len - start.len() - end.len());
        format!("{start}{cookie}{end}")
    };
    for (len, status) in [(1000, "200"), (1001, "431"), (100_000, "431")] {
        let mut stream = server.raw(server.public);
        stream.write_all(request(len).as_bytes()).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{len}: {answer}"
        );
    }
}

#[test]
fn header_count_is_limited() {
    let server = start(|limits| limits.headers_max = 10);
    for (headers, status) in [(10, "200"), (11, "431")] {
        let more = "X: y\r\n".repeat(headers - 1);
        let mut stream = server.raw(server.public);
        write!(stream, "GET /pusher.js HTTP/1.1\r\nHost: x\r\n{more}\r\n").unwrap();
        let answer = read_to_end(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[test]
fn handshake_times_out() {
    let server = start(|limits| limits.handshake_timeout = SOON);
    let mut stream = server.raw(server.public);
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let answer = read_to_end(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn silent_browser_is_pinged_then_dropped() {
    let server = start(|limits| {
        limits.ping_interval = SOON;
        // Long enough for a busy machine: the live browser must not be dropped.
        limits.pong_timeout = Duration::from_secs(2);
    });
    let mut alive = server.subscriber("t");
    let ghost = server.subscriber("t");
    // The library answers pings while it reads.
    for _ in 0..4 {
        assert!(matches!(alive.read().unwrap(), Message::Ping(_)));
    }
    while server.hub.subscriber_count("t") > 1 {
        alive.read().unwrap();
    }
    drop(ghost);
    server.hub.publish("t", "1").unwrap();
    assert_eq!(alive.message(), r#"[8,"t",1]"#);
}

#[test]
fn browser_is_not_pinged_before_interval() {
    let server = start(|limits| limits.ping_interval = NEVER);
    let mut browser = server.subscriber("t");
    browser.barrier();
}

/// The server stops reading from a browser that publishes faster than events can be sent.
#[test]
fn full_backlog_blocks_publishing_browsers() {
    let mut limits = Limits::default();
    limits.backlog_len_max = 1000;
    let recipe = Recipe::with_client_publish(vec!["t".parse().unwrap()]);
    let server = start_with(limits, recipe);
    let _listeners: Vec<_> = (0..100).map(|_| server.subscriber("t")).collect();
    let mut browser = server.browser();
    let flood = std::thread::spawn(move || {
        let publish = format!("[7,\"t\",\"{}\"]", "x".repeat(2000));
        for _ in 0..1500 {
            browser.send(&publish);
        }
        browser.barrier();
    });
    let mut worst = 0;
    while !flood.is_finished() {
        worst = worst.max(server.hub.backlog_len());
        std::thread::yield_now();
    }
    flood.join().unwrap();
    // The server handles all messages of one read, so the backlog may exceed the limit by one read.
    assert!(worst > 0 && worst < 20_000, "{worst} bytes in the backlog");
}

#[test]
fn browser_messages_are_rate_limited() {
    let server = start(|limits| {
        limits.client_messages_burst = 5;
        limits.client_messages_per_second = 0;
    });
    for said in ["[6,\"t\"]", "ping"] {
        let mut browser = server.browser();
        for _ in 0..5 {
            match said {
                "ping" => browser.barrier(),
                _ => browser.send(said),
            }
        }
        browser.send(said);
        assert_eq!(browser.close_code(), 1008, "{said}");
    }
}

#[test]
fn topic_bytes_per_session_are_limited() {
    let server = start(|limits| limits.topics_len_max = 100);
    let mut browser = server.browser();
    browser.subscribe(&"a".repeat(60));
    browser.subscribe(&"b".repeat(40));
    browser.subscribe(&"b".repeat(40));
    browser.send(&format!("[6,\"{}\"]", "b".repeat(40)));
    browser.subscribe(&"c".repeat(40));
    browser.send(r#"[5,"d"]"#);
    assert_eq!(browser.close_code(), 1008);
    let violations = server.hub.stats().violations;
    assert_eq!(violations.get(ViolationKind::TopicsLen), 1);
    server.until("its topics have no subscriber", |hub| {
        hub.topic_count() == 0
    });
    let mut browser = server.browser();
    browser.send(&format!("[5,\"{}\"]", "a".repeat(101)));
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn prefixes_per_session_are_limited() {
    let server = start(|limits| {
        limits.prefixes_max = 2;
        limits.prefixes_len_max = 100;
    });
    for (said, reason) in [
        (r#"[1,"c","x"]"#.to_owned(), "more than 2 prefixes"),
        (
            format!("[1,\"b\",\"{}\"]", "u".repeat(98)),
            "more than 100 bytes of prefixes",
        ),
    ] {
        let mut browser = server.browser();
        browser.send(r#"[1,"a","x"]"#);
        browser.send(&format!("[1,\"b\",\"{}\"]", "u".repeat(97)));
        browser.barrier();
        browser.send(&said);
        match browser.read().unwrap() {
            Message::Close(Some(frame)) => {
                assert_eq!(
                    (u16::from(frame.code), frame.reason.as_str()),
                    (1008, reason)
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The limit counts the expanded CURIE. Otherwise a few bytes could cause answers of many kilobytes.
#[test]
fn procedure_uri_length_is_limited() {
    struct Any;
    impl pusher_core::Application for Any {}
    let server = start_with(Limits::default(), Any);
    let mut browser = server.browser();
    browser.send(&format!("[1,\"p\",\"{}\"]", "u".repeat(1000)));
    browser.send(&format!("[2,\"id\",\"p:{}\"]", "x".repeat(24)));
    assert!(browser.message().len() > 1024);
    browser.send(&format!("[2,\"id\",\"p:{}\"]", "x".repeat(25)));
    assert_eq!(browser.close_code(), 1008);
}

/// A message that never ends holds memory until the timeout.
#[test]
fn slow_browser_message_times_out() {
    let server = start(|limits| limits.unfinished_timeout = SOON);
    let mut stream = server.raw(server.public);
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\n\
              Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        )
        .unwrap();
    // A long message in single bytes.
    stream.write_all(b"\x81\xfe\xff\xff\0\0\0\0").unwrap();
    let started = std::time::Instant::now();
    while stream.write_all(b" ").is_ok() {
        assert!(
            started.elapsed() < crate::support::WAIT,
            "the message never timed out"
        );
        std::thread::yield_now();
    }
    server.until("the violation is counted", |hub| {
        hub.stats().violations.get(ViolationKind::Unfinished) == 1
    });
}
