//! Recovery of WAMP v1 clients with a resume value.

use std::io::{Read, Write};

use pusher_core::Recipe;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{Browser, TestServer, on_any_ports, read_to_end, start, start_server};

const VALUE: &str = "/?resume=0123456789abcdef";

fn connect(server: &TestServer, path: &str) -> Browser {
    Browser::connect_with(server.public, path, &[])
}

/// Reads the next event, and answers the ping behind it.
fn event(browser: &mut Browser) -> String {
    let event = unconfirmed_event(browser);
    assert!(matches!(browser.read().unwrap(), Message::Ping(_)));
    browser.socket.flush().unwrap();
    event
}

/// Reads the next event, and leaves the ping unread.
fn unconfirmed_event(browser: &mut Browser) -> String {
    match browser.read().unwrap() {
        Message::Text(text) => text.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

fn publish(server: &TestServer, topic: &str, number: u64) {
    server.hub.publish(topic, &number.to_string()).unwrap();
}

/// Loses the connection without a close frame.
fn lose(server: &TestServer, browser: Browser) {
    drop(browser);
    server.until("it is gone", |hub| hub.session_count() == 0);
}

#[test]
fn unconfirmed_and_missed_events_come_again() {
    let server = start(|_| {});
    let mut browser = connect(&server, VALUE);
    for topic in ["t", "u"] {
        browser.send(&format!("[5,\"{topic}\"]"));
    }
    browser.barrier();
    publish(&server, "t", 1);
    assert_eq!(event(&mut browser), "[8,\"t\",1]");
    publish(&server, "u", 2);
    assert_eq!(event(&mut browser), "[8,\"u\",2]");
    // The pongs have arrived when the next answer comes.
    browser.barrier();
    publish(&server, "t", 3);
    assert_eq!(unconfirmed_event(&mut browser), "[8,\"t\",3]");
    lose(&server, browser);
    publish(&server, "t", 4);
    publish(&server, "other", 5);
    publish(&server, "u", 6);
    let mut browser = connect(&server, VALUE);
    browser.send("[5,\"t\"]");
    assert_eq!(unconfirmed_event(&mut browser), "[8,\"t\",3]");
    assert_eq!(unconfirmed_event(&mut browser), "[8,\"t\",4]");
    // Lost before it subscribed to everything: the positions are kept.
    lose(&server, browser);
    let mut browser = connect(&server, VALUE);
    browser.send("[5,\"u\"]");
    assert_eq!(event(&mut browser), "[8,\"u\",6]");
    browser.send("[5,\"t\"]");
    assert_eq!(unconfirmed_event(&mut browser), "[8,\"t\",3]");
    assert_eq!(event(&mut browser), "[8,\"t\",4]");
    browser.barrier();
    assert_eq!(server.hub.stats().resume_values, 1);
}

#[test]
fn other_values_and_clean_ends_begin_anew() {
    let server = start(|_| {});
    let mut browser = connect(&server, VALUE);
    browser.subscribe("t");
    publish(&server, "t", 1);
    browser
        .socket
        .close(Some(CloseFrame {
            code: CloseCode::Away,
            reason: "".into(),
        }))
        .unwrap();
    while browser.read().is_ok() {}
    server.until("it is gone", |hub| hub.session_count() == 0);
    assert_eq!(server.hub.stats().resume_values, 0);
    let mut again = connect(&server, VALUE);
    again.subscribe("t");
    let mut other = connect(&server, "/?resume=other-value_0123");
    other.subscribe("t");
    publish(&server, "t", 2);
    assert_eq!(event(&mut again), "[8,\"t\",2]");
    assert_eq!(event(&mut other), "[8,\"t\",2]");
}

/// The server has not noticed yet that the first connection is dead.
#[test]
fn value_moves_to_new_connection() {
    let server = start(|_| {});
    let mut dead = connect(&server, VALUE);
    dead.subscribe("t");
    publish(&server, "t", 1);
    let mut browser = connect(&server, VALUE);
    browser.send("[5,\"t\"]");
    assert_eq!(event(&mut browser), "[8,\"t\",1]");
    server.until("the dead one is gone", |hub| hub.session_count() == 1);
    publish(&server, "t", 2);
    assert_eq!(event(&mut browser), "[8,\"t\",2]");
    assert_eq!(server.hub.stats().resume_values, 1);
}

#[test]
fn unsubscribed_topic_begins_anew() {
    let server = start(|_| {});
    let since = server.hub.position();
    let path: &'static str = format!("{VALUE}&since={since}").leak();
    publish(&server, "t", 1);
    let mut browser = connect(&server, path);
    browser.send("[5,\"t\"]");
    assert_eq!(event(&mut browser), "[8,\"t\",1]");
    browser.send("[6,\"t\"]");
    browser.barrier();
    publish(&server, "t", 2);
    browser.subscribe("t");
    publish(&server, "t", 3);
    assert_eq!(event(&mut browser), "[8,\"t\",3]");
}

#[test]
fn gap_is_an_event() {
    let server = start(|limits| limits.history_topic_events_max = 1);
    let mut browser = connect(&server, VALUE);
    browser.subscribe("t");
    lose(&server, browser);
    publish(&server, "t", 1);
    publish(&server, "t", 2);
    let mut browser = connect(&server, VALUE);
    browser.send("[5,\"t\"]");
    let position = server.hub.position();
    let gap = format!(r#"[8,"pushd:gap",{{"topic":"t","position":"{position}"}}]"#);
    assert_eq!(event(&mut browser), gap);
    publish(&server, "t", 3);
    assert_eq!(event(&mut browser), "[8,\"t\",3]");
    // The client has confirmed that it knows.
    browser.barrier();
    lose(&server, browser);
    let mut browser = connect(&server, VALUE);
    browser.subscribe("t");
    publish(&server, "t", 4);
    assert_eq!(event(&mut browser), "[8,\"t\",4]");
}

/// The client must hear of the gap, so it comes again on the next connection.
#[test]
fn gap_on_a_lost_connection_comes_again() {
    let server = start(|limits| limits.history_topic_events_max = 1);
    let mut browser = connect(&server, VALUE);
    browser.subscribe("t");
    lose(&server, browser);
    publish(&server, "t", 1);
    publish(&server, "t", 2);
    for _ in 0..2 {
        let mut browser = connect(&server, VALUE);
        browser.send("[5,\"t\"]");
        assert!(unconfirmed_event(&mut browser).starts_with("[8,\"pushd:gap\","));
        lose(&server, browser);
    }
    let mut browser = connect(&server, VALUE);
    browser.send("[5,\"t\"]");
    assert!(unconfirmed_event(&mut browser).starts_with("[8,\"pushd:gap\","));
    publish(&server, "t", 3);
    assert!(matches!(browser.read().unwrap(), Message::Ping(_)));
    assert_eq!(event(&mut browser), "[8,\"t\",3]");
}

#[test]
fn position_in_the_address_covers_unknown_values() {
    let server = start(|_| {});
    let since = server.hub.position();
    publish(&server, "t", 1);
    let path: &'static str = format!("{VALUE}&since={since}").leak();
    let mut browser = connect(&server, path);
    browser.send("[5,\"t\"]");
    assert_eq!(event(&mut browser), "[8,\"t\",1]");
    let path: &'static str = "/?since=0000000000000000-1&resume=abcdefabcdefabcdef";
    let mut browser = connect(&server, path);
    browser.send("[5,\"t\"]");
    assert!(unconfirmed_event(&mut browser).starts_with("[8,\"pushd:gap\","));
}

#[test]
fn topic_of_gaps_has_no_gap_of_its_own() {
    let server = start(|_| {});
    let mut browser = connect(&server, "/?since=&resume=0123456789abcdef");
    browser.send("[5,\"pushd:gap\"]");
    browser.send("[5,\"t\"]");
    let gap = event(&mut browser);
    assert!(gap.contains("\"topic\":\"t\""), "{gap}");
    browser.barrier();
}

#[test]
fn invalid_values_are_refused() {
    let server = start(|_| {});
    let long = "x".repeat(65);
    for value in ["", "short", "0123456789abcde.", &long, "0123456789abcde%20"] {
        let mut stream = server.raw(server.public);
        let request = format!(
            "GET /?resume={value} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{value}: {answer}");
    }
}

/// A client answers each ping, at any rate of events. Other pongs count as messages.
#[test]
fn pongs_behind_events_do_not_count_as_messages() {
    let server = start(|limits| {
        limits.client_messages_per_second = 1;
        limits.client_messages_burst = 10;
    });
    let mut browser = connect(&server, VALUE);
    browser.subscribe("t");
    for number in 0..100 {
        publish(&server, "t", number);
        event(&mut browser);
    }
    let payload = [0; 16];
    for _ in 0..20 {
        if browser
            .socket
            .send(Message::Pong(payload.to_vec().into()))
            .is_err()
        {
            break;
        }
    }
    assert_eq!(browser.close_code(), 1008);
}

#[test]
fn many_values_harm_nobody() {
    let mut options = on_any_ports();
    options.live.limits.connections_per_address_max = 1_000_000;
    let server = start_server(options, Recipe::default());
    let mut browser = server.subscriber("t");
    for number in 0..2000 {
        let path: &'static str = format!("/?resume=value-of-some-page-{number}").leak();
        let mut lost = connect(&server, path);
        lost.send("[5,\"t\"]");
    }
    server.until("they are gone", |hub| hub.session_count() == 1);
    server.until("all are known", |hub| hub.stats().resume_values == 2000);
    publish(&server, "t", 1);
    assert_eq!(browser.message(), "[8,\"t\",1]");
}

/// A client with very many topics uses no room of others. It is told of gaps.
#[test]
fn client_with_very_many_topics_is_told_of_gaps() {
    let server = start(|_| {});
    let mut modest = connect(&server, "/?resume=modest-value-0123");
    modest.subscribe("t");
    let mut greedy = connect(&server, VALUE);
    for number in 0..1001 {
        greedy.send(&format!("[5,\"{number}\"]"));
    }
    greedy.barrier();
    drop((greedy, modest));
    server.until("both are gone", |hub| hub.session_count() == 0);
    publish(&server, "t", 1);
    let mut modest = connect(&server, "/?resume=modest-value-0123");
    modest.send("[5,\"t\"]");
    assert_eq!(event(&mut modest), "[8,\"t\",1]");
    let mut greedy = connect(&server, VALUE);
    greedy.send("[5,\"7\"]");
    assert!(unconfirmed_event(&mut greedy).starts_with("[8,\"pushd:gap\","));
}

/// A page of `wamp` without a resume value gets the same bytes as ever.
#[test]
fn clients_without_value_get_no_pings() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    publish(&server, "t", 1);
    publish(&server, "t", 2);
    let mut bytes = [0; 22];
    browser.socket.get_mut().read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"\x81\x09[8,\"t\",1]\x81\x09[8,\"t\",2]");
}
