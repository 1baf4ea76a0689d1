//! A server that is handed over to another one, with its browsers.

use std::io::Write;

use pusher_core::{Options, Recipe, StateOptions, SyncPolicy};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::event_stream::Stream;
use crate::operator::get;
use crate::recovery::Pushd1;
use crate::support::{Browser, NEVER, TestServer, connect, on_any_ports, start_server};

fn start() -> TestServer {
    start_server(on_any_ports(), Recipe::default())
}

fn publish(server: &TestServer, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        server.hub.publish("t", &number.to_string()).unwrap();
    }
}

/// Returns a text message as a browser sends it, in frames with these payloads.
fn fragments(payloads: &[&str]) -> Vec<Vec<u8>> {
    let last = payloads.len() - 1;
    let frame = |(index, payload): (usize, &&str)| {
        let opcode = u8::from(index == 0) | if index == last { 0x80 } else { 0 };
        let len = 0x80 | u8::try_from(payload.len()).unwrap();
        [&[opcode, len, 0, 0, 0, 0], payload.as_bytes()].concat()
    };
    payloads.iter().enumerate().map(frame).collect()
}

#[test]
fn sessions_and_positions_continue() {
    let server = start();
    let mut wamp = server.subscriber("t");
    wamp.send(r#"[1,"p","http://example.com/"]"#);
    let mut pushd1 = Pushd1::connect(&server);
    let begin = pushd1.subscribe("t", None).position;
    publish(&server, 1..=2);
    let addresses = (server.public, server.publish);
    let server = server.hand_over_twice();
    assert_eq!((server.public, server.publish), addresses);
    publish(&server, 3..=4);
    for number in 1..=4 {
        assert_eq!(wamp.message(), format!("[8,\"t\",{number}]"));
        assert_eq!(pushd1.event(), (number, number));
    }
    wamp.subscribe("p:x");
    server.hub.publish("http://example.com/x", "5").unwrap();
    assert_eq!(wamp.message(), r#"[8,"http://example.com/x",5]"#);
    // The log is the same, so a page that comes back misses nothing.
    let mut back = Pushd1::connect(&server);
    let subscribed = back.subscribe("t", Some(&begin));
    assert!(subscribed.is_recovered);
    assert_eq!(subscribed.replayed, 4);
    wamp.send(r#"[6,"t"]"#);
    wamp.barrier();
    publish(&server, [6]);
    pushd1.event();
    wamp.barrier();
}

#[test]
fn incomplete_messages_are_completed() {
    let server = start();
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    let [first, last] = &fragments(&["[5,", "\"t\"]"])[..] else {
        unreachable!("there are two")
    };
    // With another ping between the fragments.
    let whole = [&first[..], &ping, last].concat();
    let mut browsers: Vec<_> = (1..whole.len())
        .map(|cut| (cut, server.browser()))
        .collect();
    for (cut, browser) in &mut browsers {
        // The answer tells that the server has read both.
        let bytes = [&ping, &whole[..*cut]].concat();
        browser.socket.get_mut().write_all(&bytes).unwrap();
        assert_eq!(browser.read().unwrap(), Message::Pong("".into()));
    }
    let server = server.hand_over_twice();
    for (cut, browser) in &mut browsers {
        browser.socket.get_mut().write_all(&whole[*cut..]).unwrap();
        assert_eq!(browser.read().unwrap(), Message::Pong("".into()), "{cut}");
        browser.barrier();
    }
    publish(&server, [1]);
    for (cut, browser) in &mut browsers {
        assert_eq!(browser.message(), r#"[8,"t",1]"#, "{cut}");
    }
}

#[test]
fn requests_that_are_incomplete_are_completed() {
    let server = start();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut streams: Vec<_> = [0, 1, 20, request.len() - 1]
        .into_iter()
        .map(|cut| (cut, connect(server.public)))
        .collect();
    for (cut, stream) in &mut streams {
        stream.write_all(&request.as_bytes()[..*cut]).unwrap();
    }
    server.until("they are there", |hub| hub.stats().browsers == 3);
    let server = server.hand_over_twice();
    for (cut, mut stream) in streams {
        stream.write_all(&request.as_bytes()[cut..]).unwrap();
        let answer = crate::support::read_to_end(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 "), "{cut}: {answer}");
    }
    drop(server);
}

#[test]
fn a_slow_browser_gets_everything_once() {
    const EVENTS: u64 = 300;
    let options = || {
        let mut options = on_any_ports();
        options.live.limits.write_timeout = NEVER;
        options.live.limits.outbox_len_max = 64 * 1024;
        options.live.limits.history_len_max = 64 << 20;
        options.live.limits.history_topic_len_max = 64 << 20;
        options
    };
    let server = start_server(options(), Recipe::default());
    let mut wamp = server.subscriber("t");
    let mut pushd1 = Pushd1::connect(&server);
    pushd1.subscribe("t", None);
    let event = |number: u64| format!("{{\"n\":{number},\"x\":\"{}\"}}", "x".repeat(40_000));
    let publish = |server: &TestServer, numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            server.publish_flushed("t", &event(number));
        }
    };
    publish(&server, 1..=EVENTS);
    let server = server.hand_over(options(), Recipe::default());
    publish(&server, EVENTS + 1..=EVENTS + 10);
    let server = server.hand_over(options(), Recipe::default());
    publish(&server, EVENTS + 11..=EVENTS + 20);
    for number in 1..=EVENTS + 20 {
        assert_eq!(wamp.message(), format!("[8,\"t\",{}]", event(number)));
        assert_eq!(pushd1.sequence(), number);
    }
}

#[test]
fn event_streams_continue() {
    let server = start();
    let (mut stream, _) = Stream::begin(&server, "/events?topic=t", "");
    publish(&server, 1..=2);
    let server = server.hand_over_twice();
    publish(&server, 3..=4);
    for number in 1..=4_u64 {
        assert_eq!(stream.event().0, number.to_string());
    }
}

#[test]
fn ids_are_known_to_the_next_server() {
    let server = start();
    let mut publisher = server.publisher();
    publisher.send(r#"[3,7,"t",1,{"id":"a"}]"#);
    let receipt = publisher.whole_line();
    drop(publisher);
    let server = server.hand_over_twice();
    let mut publisher = server.publisher();
    publisher.send(r#"[3,7,"t",2,{"id":"a"}]"#);
    assert_eq!(publisher.whole_line(), receipt);
}

#[test]
fn a_client_with_a_resume_value_continues_and_comes_back() {
    let server = start();
    let path = "/?resume=0123456789abcdef";
    let mut browser = Browser::connect_with(server.public, path, &[]);
    browser.subscribe("t");
    publish(&server, [1]);
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
    assert!(matches!(browser.read().unwrap(), Message::Ping(_)));
    browser.socket.flush().unwrap();
    let server = server.hand_over_twice();
    publish(&server, [2]);
    assert_eq!(browser.message(), r#"[8,"t",2]"#);
    // It loses the connection before it has confirmed the event.
    drop(browser);
    server.until("it is gone", |hub| hub.session_count() == 0);
    let server = server.hand_over_twice();
    let mut browser = Browser::connect_with(server.public, path, &[]);
    browser.send(r#"[5,"t"]"#);
    assert_eq!(browser.message(), r#"[8,"t",2]"#);
}

#[test]
fn addresses_can_change() {
    let server = start();
    let mut browser = server.subscriber("t");
    let before = server.public;
    let options = || {
        let mut options = on_any_ports();
        options.listen = vec!["127.0.0.2:0".parse().unwrap()];
        options
    };
    let server = server.hand_over_twice_to(options);
    assert_ne!(server.public.ip(), before.ip());
    std::net::TcpStream::connect(before).unwrap_err();
    server.subscriber("t");
    publish(&server, [1]);
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
}

#[test]
fn list_of_connections_continues() {
    let server = start();
    let origin = "http://localhost:81";
    let mut page = Browser::connect_with(server.public, "/", &[("Origin", origin)]);
    page.subscribe("t");
    let (_stream, _) = Stream::begin(&server, "/events?topic=t", &format!("Origin: {origin}\r\n"));
    let listed = |server: &TestServer| -> Vec<[serde_json::Value; 3]> {
        let (_, body) = get(server, "/connections.json");
        let list: serde_json::Value = serde_json::from_str(&body).unwrap();
        let connections = list["connections"].as_array().unwrap().iter();
        let mut listed: Vec<_> = connections
            .map(|connection| ["id", "origin", "topics"].map(|name| connection[name].clone()))
            .collect();
        listed.sort_by_key(|[id, ..]| id.to_string());
        listed
    };
    let before = listed(&server);
    assert_eq!(before.len(), 2);
    let server = server.hand_over(on_any_ports(), Recipe::default());
    assert_eq!(listed(&server), before);
}

fn on_disk(folder: &TempDir) -> Options {
    let mut options = on_any_ports();
    let (dir, sync) = (folder.path().join("state"), SyncPolicy::Never);
    options.state = Some(StateOptions { dir, sync });
    options
}

#[test]
fn a_log_on_disk_continues() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_server(on_disk(&folder), Recipe::default());
    let mut wamp = server.subscriber("t");
    let mut pushd1 = Pushd1::connect(&server);
    pushd1.subscribe("t", None);
    publish(&server, 1..=2);
    let server = server.hand_over_twice_to(|| on_disk(&folder));
    publish(&server, 3..=4);
    for number in 1..=4 {
        assert_eq!(wamp.message(), format!("[8,\"t\",{number}]"));
        assert_eq!(pushd1.event(), (number, number));
    }
}

/// The numbers of another log say nothing about what a session has: it would take the next events for old ones.
#[test]
fn sessions_end_if_the_log_is_another_one() {
    let server = start();
    let mut wamp = server.subscriber("t");
    let mut pushd1 = Pushd1::connect(&server);
    pushd1.subscribe("t", None);
    let (mut stream, _) = Stream::begin(&server, "/events?topic=t", "");
    publish(&server, 1..=5);
    for number in 1..=5 {
        assert_eq!(wamp.message(), format!("[8,\"t\",{number}]"));
        assert_eq!(pushd1.event(), (number, number));
        assert_eq!(stream.event().0, number.to_string());
    }
    let before = server.hub.position().to_string();
    let folder = tempfile::tempdir().unwrap();
    let server = server.hand_over(on_disk(&folder), Recipe::default());
    assert!(wamp.read().is_err());
    assert!(pushd1.0.read().is_err());
    assert!(stream.ends());
    let mut back = Pushd1::connect(&server);
    assert!(!back.subscribe("t", Some(&before)).is_recovered);
    publish(&server, [6]);
    assert_eq!(back.event(), (6, 1));
}

#[test]
fn a_session_whose_topic_is_quiet_misses_nothing() {
    let options = || {
        let mut options = on_any_ports();
        options.live.limits.history_len_max = 0;
        options
    };
    let server = start_server(options(), Recipe::default());
    let mut quiet = server.subscriber("quiet");
    publish(&server, 1..=3);
    let server = server.hand_over_twice_to(options);
    server.until("it is back", |hub| hub.subscriber_count("quiet") == 1);
    server.hub.publish("quiet", "4").unwrap();
    assert_eq!(quiet.message(), "[8,\"quiet\",4]");
}
