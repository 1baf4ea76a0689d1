//! Server-Sent Events: `GET /events`.

use std::cell::Cell;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use pusher_core::{Position, Recipe, SlowConsumer};

use crate::support::{NEVER, TestServer, on_any_ports, read_to_end, start, start_server};

/// An open event stream.
pub(crate) struct Stream {
    lines: BufReader<TcpStream>,
    /// Status and headers.
    head: String,
}

/// One block of a stream.
#[derive(Debug, Default, PartialEq)]
struct Block {
    event: String,
    id: String,
    data: String,
}

fn request(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

impl Stream {
    fn open(server: &TestServer, target: &str, headers: &str) -> Self {
        let mut stream = server.raw(server.public);
        stream
            .write_all(request(target, headers).as_bytes())
            .unwrap();
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(lines.read_line(&mut head).unwrap(), 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        Self { lines, head }
    }

    /// Opens a stream, and returns it with its first position.
    pub(crate) fn begin(server: &TestServer, target: &str, headers: &str) -> (Self, String) {
        let mut stream = Self::open(server, target, headers);
        let mut retry = String::new();
        stream.lines.read_line(&mut retry).unwrap();
        let retry_ms = retry.strip_prefix("retry: ").unwrap().trim().parse();
        assert!((2000..=5000).contains(&retry_ms.unwrap()), "{retry}");
        let first = stream.block();
        assert_eq!(first.event, "position");
        assert_eq!(first.data, format!("{{\"position\":\"{}\"}}", first.id));
        (stream, first.id)
    }

    /// Waits for the end of the stream. Returns false if more comes.
    pub(crate) fn ends(&mut self) -> bool {
        match self.lines.read_line(&mut String::new()) {
            Ok(len) => len == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Returns the next block, as a browser joins its lines.
    fn block(&mut self) -> Block {
        let mut block = Block::default();
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the end");
            let line = line.strip_suffix('\n').unwrap();
            match line.split_once(": ").unwrap_or((line, "")) {
                ("id", id) => block.id = id.to_owned(),
                ("event", event) => block.event = event.to_owned(),
                ("data", data) => {
                    block.data.push_str(data);
                    block.data.push('\n');
                }
                ("", _) => break,
                other => panic!("{other:?}"),
            }
        }
        block.data.pop();
        block
    }

    /// Returns the next event and its position.
    pub(crate) fn event(&mut self) -> (String, String) {
        let Block {
            event, id, data, ..
        } = self.block();
        assert_eq!(event, "");
        (data, id)
    }

    /// Reads until the server ends the stream.
    pub(crate) fn expect_end(&mut self) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {}
    }
}

fn publish(server: &TestServer, topic: &str, event: &str) -> String {
    let receipt = server.hub.publish(topic, event).unwrap();
    receipt.position.unwrap().to_string()
}

#[test]
fn stream_has_new_events_with_their_positions() {
    let server = start(|_| {});
    let before = publish(&server, "t", "0");
    let (mut stream, begin) = Stream::begin(&server, "/any/folder/events?topic=t", "");
    assert_eq!(begin, before);
    assert!(
        stream
            .head
            .contains("\r\nContent-Type: text/event-stream\r\n")
    );
    assert!(stream.head.contains("\r\nX-Accel-Buffering: no\r\n"));
    for event in ["1", "{ \"a\": 1.0 }", "\"\u{2028}猫\""] {
        let position = publish(&server, "t", event);
        assert_eq!(stream.event(), (event.to_owned(), position));
    }
    publish(&server, "t", "[1,\r\n\n2]");
    assert_eq!(stream.event().0, "[1,\n\n\n2]");
    assert_eq!(server.hub.subscriber_count("t"), 1);
    assert_eq!(server.hub.publish("t", "0").unwrap().subscribers, 1);
    drop(stream);
    server.until("it has left", |hub| hub.session_count() == 0);
    assert_eq!(
        (server.hub.topic_count(), server.hub.stats().browsers),
        (0, 0)
    );
}

#[test]
fn several_topics_come_in_the_order_of_their_sequences() {
    let server = start(|_| {});
    let before = server.hub.position().to_string();
    let mut expected = Vec::new();
    for number in 0..50 {
        let topic = ["a", "b&c", "not subscribed"][number % 3];
        let position = publish(&server, topic, &number.to_string());
        if topic != "not subscribed" {
            let topic = serde_json::Value::from(topic);
            expected.push((
                format!("{{\"topic\":{topic},\"event\":{number}}}"),
                position,
            ));
        }
    }
    let target = format!("/events?topic=a&topic=b%26c&topic=a&since={before}");
    let (mut stream, begin) = Stream::begin(&server, &target, "");
    assert_eq!(begin, before);
    for expected in &expected {
        assert_eq!(stream.event(), *expected);
    }
    let position = publish(&server, "b&c", "1");
    assert_eq!(
        stream.event(),
        ("{\"topic\":\"b&c\",\"event\":1}".to_owned(), position)
    );
    // A browser continues by itself with the last id, which overrides the address.
    let header = format!("Last-Event-ID: {}\r\n", expected[10].1);
    let (mut again, begin) = Stream::begin(&server, &target, &header);
    assert_eq!(begin, expected[10].1);
    assert_eq!(again.event(), expected[11]);
}

#[test]
fn gap_is_an_event_and_the_stream_goes_on() {
    let server = start(|limits| limits.history_topic_events_max = 1);
    let old = publish(&server, "t", "1");
    publish(&server, "t", "2");
    publish(&server, "t", "3");
    let end = server.hub.position();
    let other = Position {
        epoch: end.epoch ^ 1,
        ..end
    };
    for since in [old, other.to_string(), "nonsense".to_owned()] {
        let target = format!("/events?topic=t&since={since}");
        let (mut stream, begin) = Stream::begin(&server, &target, "");
        assert_eq!(begin, server.hub.position().to_string());
        let gap = stream.block();
        assert_eq!((&*gap.event, &gap.id), ("gap", &begin));
        assert_eq!(gap.data, format!("{{\"position\":\"{begin}\"}}"));
        publish(&server, "t", "4");
        assert_eq!(stream.event().0, "4");
    }
    assert_eq!(server.hub.stats().gaps.total(), 3);
}

#[test]
fn new_stream_gets_last_events() {
    let mut options = on_any_ports();
    options.live.replay_on_subscribe = vec![("t".parse().unwrap(), 2)];
    let server = start_server(options, Recipe::default());
    for number in ["1", "2", "3"] {
        publish(&server, "t", number);
    }
    let (mut stream, _) = Stream::begin(&server, "/events?topic=t", "");
    assert_eq!([stream.event().0, stream.event().0], ["2", "3"]);
}

/// The log has dropped events of the busy topic, so the stream cannot begin before them.
#[test]
fn last_event_of_a_quiet_topic_does_not_end_the_stream() {
    let mut options = on_any_ports();
    options.live.replay_on_subscribe = vec![("price".parse().unwrap(), 1)];
    options.live.limits.history_topic_events_max = 2;
    let server = start_server(options, Recipe::default());
    publish(&server, "price", "1");
    for number in 0..5 {
        publish(&server, "busy", &number.to_string());
    }
    let (mut stream, _) = Stream::begin(&server, "/events?topic=price&topic=busy", "");
    publish(&server, "price", "2");
    while !stream.event().0.contains("\"price\",\"event\":2") {}
}

#[test]
fn silent_stream_gets_its_position_and_stays() {
    let server = start(|limits| {
        limits.ping_interval = Duration::from_millis(50);
        limits.pong_timeout = Duration::from_millis(50);
    });
    let (mut stream, begin) = Stream::begin(&server, "/events?topic=t", "");
    for _ in 0..5 {
        let block = stream.block();
        assert_eq!((&*block.event, &*block.id), ("position", &*begin));
    }
    // It moves on with the log.
    let other = publish(&server, "another topic", "0");
    while stream.block().id != other {}
    let own = publish(&server, "t", "1");
    while stream.block().data != "1" {}
    assert_eq!(stream.block().id, own, "the position behind the event");
    assert_eq!(server.hub.stats().pings_unanswered, 0);
}

#[test]
fn refusals_have_statuses() {
    let mut options = on_any_ports();
    options.live.history = vec!["t*".parse().unwrap()];
    options.live.allow_origins = vec!["https://friend.example".parse().unwrap()];
    let server = start_server(options, Recipe::default());
    let many = (0..101).map(|number| format!("topic=t{number}&"));
    let many = format!("/events?{}", many.collect::<String>());
    let many = many.trim_end_matches('&');
    let long = format!("/events?topic=t{}", "x".repeat(1024));
    let foreign = "Origin: https://other.example\r\n";
    for (target, headers, status, reason) in [
        ("/events", "", 400, "bad_request"),
        ("/events?topic=", "", 400, "bad_request"),
        ("/events?topic=t&x=1", "", 400, "bad_request"),
        (&*long, "", 400, "bad_request"),
        (many, "", 400, "bad_request"),
        ("/events?topic=u", "", 404, "no_history"),
        ("/events?topic=t", foreign, 403, "origin"),
    ] {
        let mut stream = server.raw(server.public);
        stream
            .write_all(request(target, headers).as_bytes())
            .unwrap();
        let answer = read_to_end(&mut stream);
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{target}: {answer}");
        let expected = format!("Pushd-Reason: {reason}\r\n");
        assert!(answer.contains(&expected), "{target}: {answer}");
    }
    let mut stream = server.raw(server.public);
    let post = "POST /events?topic=t HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(post.as_bytes()).unwrap();
    assert!(read_to_end(&mut stream).starts_with("HTTP/1.1 405 "));
    let friend = "Origin: https://friend.example\r\n";
    let stream = Stream::open(&server, "/events?topic=t", friend);
    let cors = "\r\nAccess-Control-Allow-Origin: https://friend.example\r\n";
    assert!(stream.head.contains(cors), "{}", stream.head);
    server.until("the others have left", |hub| hub.session_count() == 1);
}

#[test]
fn slow_stream_reads_at_its_own_speed_until_the_log_ends() {
    let mut options = on_any_ports();
    options.live.limits.write_timeout = NEVER;
    options.live.limits.history_topic_events_max = 1_000_000;
    options.live.limits.history_topic_len_max = 1 << 30;
    options.live.limits.history_len_max = 1 << 30;
    let server = start_server(options.clone(), Recipe::default());
    let (mut slow, _) = Stream::begin(&server, "/events?topic=t", "");
    let filling = "x".repeat(10_000);
    let mut published = 0;
    let mut publish_until = |is_enough: &dyn Fn(u64) -> bool| {
        while !is_enough(published) {
            published += 1;
            server.publish_flushed("t", &format!("[{published},\"{filling}\"]"));
        }
        published
    };
    publish_until(&|_| server.hub.stats().outboxes == 1);
    let last = publish_until(&|published| published % 1000 == 0);
    let stats = server.hub.stats();
    assert!(stats.outboxes_len < 200_000, "{stats:?}");
    for number in 1..=last {
        let (event, _) = slow.event();
        assert!(event.starts_with(&format!("[{number},")), "{number}");
    }
    server.until("it has caught up", |hub| hub.stats().outboxes == 0);
    // Now the log forgets its next event. It waits for the browser, and not only for its turn.
    let turns_in_outbox = Cell::new(0);
    publish_until(&|_| {
        let waits = server.hub.stats().outboxes == 1;
        turns_in_outbox.set(if waits { turns_in_outbox.get() + 1 } else { 0 });
        turns_in_outbox.get() == 20
    });
    options.live.limits.history_topic_events_max = 1;
    server.control.reload(options.live).unwrap();
    (0..2).for_each(|_| server.publish_flushed("t", "0"));
    let mut expected = last;
    let gap = loop {
        let block = slow.block();
        if block.event == "gap" {
            break block;
        }
        expected += 1;
        assert!(block.data.starts_with(&format!("[{expected},")));
    };
    assert_eq!(gap.id, server.hub.position().to_string());
    let mut rest = String::new();
    assert_eq!(slow.lines.read_line(&mut rest).unwrap(), 0, "{rest}");
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::History), slow.total()), (1, 1));
}

#[test]
fn bytes_from_the_browser_are_ignored() {
    let server = start(|_| {});
    let (mut stream, _) = Stream::begin(&server, "/events?topic=t", "");
    let garbage = [0x81; 100_000];
    stream.lines.get_mut().write_all(&garbage).unwrap();
    publish(&server, "t", "1");
    assert_eq!(stream.event().0, "1");
}

#[test]
fn shutdown_ends_streams_after_their_events() {
    let mut server = start(|_| {});
    let (mut stream, _) = Stream::begin(&server, "/events?topic=t", "");
    publish(&server, "t", "1");
    server.end();
    assert_eq!(stream.event().0, "1");
    let mut rest = String::new();
    assert_eq!(stream.lines.read_line(&mut rest).unwrap(), 0, "{rest}");
}
