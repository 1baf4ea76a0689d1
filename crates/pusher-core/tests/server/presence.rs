//! Presence: who is subscribed to a topic.

use std::io::{BufRead, BufReader, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use pusher_core::{Options, Recipe, TicketFault, TicketKeys};
use pusher_proto::ticket::TicketRequest;

use crate::support::{Browser, TestServer, connect, on_any_ports, read_to_end, start_server};

const KEYS: &str = "k 0123456789abcdef0123456789abcdef";

fn options() -> Options {
    let mut options = on_any_ports();
    options.live.presence = vec!["chat".parse().unwrap(), "room.*".parse().unwrap()];
    options.live.private_topics = vec!["room.*".parse().unwrap()];
    options.live.ticket_keys = Some(KEYS.parse().unwrap());
    options
}

fn start() -> TestServer {
    start_server(options(), Recipe::default())
}

fn ticket(sub: Option<&str>, info: Option<&str>) -> String {
    aged_ticket(sub, info, 0)
}

/// Signs a ticket that began `age_s` seconds ago.
fn aged_ticket(sub: Option<&str>, info: Option<&str>, age_s: u64) -> String {
    let keys: TicketKeys = KEYS.parse().unwrap();
    let request = TicketRequest {
        topics: &["room.1"],
        ttl_s: 300,
        sub,
        info,
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    keys.sign(&request, since.as_secs() - age_s).unwrap()
}

fn user(server: &TestServer, sub: &str) -> Browser {
    let cookie = format!("pushd_ticket={}", ticket(Some(sub), None));
    let url = format!("ws://{}/", server.public);
    Browser::open(connect(server.public), &url, &[("Cookie", &cookie)])
}

fn watcher(server: &TestServer) -> Browser {
    let mut watcher = server.browser();
    watcher.send(r#"[5,"pushd:presence:chat"]"#);
    assert_eq!(watcher.message(), event(r#"{"here":[],"count":0}"#));
    watcher
}

fn event(event: &str) -> String {
    format!(r#"[8,"pushd:presence:chat",{event}]"#)
}

fn joined(sub: &str, count: usize) -> String {
    event(&format!(
        r#"{{"joined":{{"sub":"{sub}"}},"count":{count}}}"#
    ))
}

fn left(sub: &str, count: usize) -> String {
    event(&format!(r#"{{"left":{{"sub":"{sub}"}},"count":{count}}}"#))
}

fn get(server: &TestServer, target: &str) -> String {
    let mut stream = server.raw(server.publish);
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

#[test]
fn a_user_joins_with_the_first_and_leaves_with_the_last_session() {
    let server = start();
    let mut watcher = watcher(&server);
    let mut first = user(&server, "7");
    first.subscribe("chat");
    assert_eq!(watcher.message(), joined("7", 1));
    let mut second = user(&server, "7");
    second.subscribe("chat");
    // A session without a ticket is no member.
    let _stranger = server.subscriber("chat");
    let mut other = user(&server, "9");
    other.subscribe("chat");
    assert_eq!(watcher.message(), joined("9", 2));
    server.until("they are counted", |hub| {
        let stats = hub.stats();
        (stats.presence_topics, stats.presence_members) == (1, 2)
    });
    drop(first);
    other.send(r#"[6,"chat"]"#);
    assert_eq!(watcher.message(), left("9", 1));
    drop(second);
    assert_eq!(watcher.message(), left("7", 0));
}

#[test]
fn a_user_who_comes_back_has_not_left() {
    let server = start();
    let mut watcher = watcher(&server);
    let mut page = user(&server, "7");
    page.subscribe("chat");
    assert_eq!(watcher.message(), joined("7", 1));
    page.send(r#"[6,"chat"]"#);
    page.subscribe("chat");
    let mut other = user(&server, "9");
    other.subscribe("chat");
    assert_eq!(watcher.message(), joined("9", 2));
    drop(other);
    assert_eq!(watcher.message(), left("9", 1));
}

#[test]
fn info_is_told_to_pages_and_programs() {
    let server = start();
    let mut watcher = watcher(&server);
    let path = format!("/?ticket={}", ticket(Some("7"), Some(r#"{"name":"猫"}"#)));
    let mut page = Browser::connect_with(server.public, &path, &[]);
    page.subscribe("chat");
    let member = r#"{"sub":"7","info":{"name":"猫"}}"#;
    assert_eq!(
        watcher.message(),
        event(&format!(r#"{{"joined":{member},"count":1}}"#))
    );
    page.send(r#"[5,"pushd:presence:chat"]"#);
    assert_eq!(
        page.message(),
        event(&format!(r#"{{"here":[{member}],"count":1}}"#))
    );
    let answer = get(&server, "/presence/chat");
    let body = format!(r#"{{"topic":"chat","count":1,"members":[{member}]}}"#);
    assert!(answer.contains(&body), "{answer}");
    let mut publisher = server.publisher();
    publisher.send("[12,1,\"chat\"]\n[12,2,\"news\"]\n");
    assert_eq!(publisher.line(), format!("[13,1,1,[{member}]]"));
    assert!(publisher.line().starts_with("[5,2,\"presence_off\","));
    let answer = get(&server, "/presence/news");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    assert!(answer.contains(r#""code":"presence_off""#), "{answer}");
}

#[test]
fn presence_of_a_private_topic_is_private() {
    let server = start();
    let mut stranger = server.browser();
    for (topic, fault) in [
        ("pushd:presence:room.1", TicketFault::Missing),
        ("pushd:presence:news", TicketFault::NoPresence),
    ] {
        stranger.send(&format!("[5,\"{topic}\"]"));
        let code = fault.code();
        let denied = format!(r#"[8,"pushd:denied",{{"topic":"{topic}","code":"{code}"}}]"#);
        assert_eq!(stranger.message(), denied);
    }
    let mut page = user(&server, "7");
    page.send(r#"[5,"pushd:presence:room.1"]"#);
    assert!(page.message().contains(r#"{"here":[],"count":0}"#));
}

#[test]
fn a_ticket_that_ends_ends_the_membership() {
    let server = start();
    let mut watcher = watcher(&server);
    let url = format!("ws://{}/", server.public);
    let mut page = Browser::open_as("pushd.1", connect(server.public), &url, &[]);
    let show = |page: &mut Browser, sub: &str| {
        page.send(&format!("[13,\"{}\"]", ticket(Some(sub), None)));
    };
    page.send(r#"[5,"chat"]"#);
    show(&mut page, "7");
    assert_eq!(watcher.message(), joined("7", 1));
    // Another user at the same browser.
    show(&mut page, "9");
    assert_eq!(watcher.message(), joined("9", 2));
    assert_eq!(watcher.message(), left("7", 1));
    let mut publisher = server.publisher();
    publisher.send("[10,1,\"9\"]\n");
    assert_eq!(publisher.line(), "[11,1,1]");
    assert_eq!(watcher.message(), left("9", 0));
}

#[test]
fn info_is_that_of_the_ticket_that_was_signed_last() {
    let server = start();
    let mut watcher = watcher(&server);
    let url = format!("ws://{}/", server.public);
    let mut page = Browser::open_as("pushd.1", connect(server.public), &url, &[]);
    let show = |page: &mut Browser, info: &str, age_s| {
        let ticket = aged_ticket(Some("7"), Some(info), age_s);
        page.send(&format!("[13,\"{ticket}\"]"));
    };
    let joined_with = |info: &str| {
        event(&format!(
            r#"{{"joined":{{"sub":"7","info":{info}}},"count":1}}"#
        ))
    };
    page.send(r#"[5,"chat"]"#);
    show(&mut page, "1", 20);
    assert_eq!(watcher.message(), joined_with("1"));
    show(&mut page, "2", 10);
    assert_eq!(watcher.message(), left("7", 0));
    assert_eq!(watcher.message(), joined_with("2"));
    // A page with an older ticket changes nothing, and a newer one with the same text either.
    let path = format!("/?ticket={}", aged_ticket(Some("7"), Some("3"), 15));
    let mut old = Browser::connect_with(server.public, &path, &[]);
    old.subscribe("chat");
    show(&mut page, "2", 5);
    show(&mut page, "4", 0);
    assert_eq!(watcher.message(), left("7", 0));
    assert_eq!(watcher.message(), joined_with("4"));
    old.send(r#"[5,"pushd:presence:chat"]"#);
    assert_eq!(
        old.message(),
        event(r#"{"here":[{"sub":"7","info":4}],"count":1}"#)
    );
}

#[test]
fn event_stream_begins_with_the_members() {
    let server = start();
    let mut page = user(&server, "7");
    page.subscribe("chat");
    let mut stream = server.raw(server.public);
    let request = b"GET /events?topic=pushd:presence:chat HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut next = || lines.find(|line| line.starts_with("data: {\"") && line.contains("count"));
    assert_eq!(next().unwrap(), r#"data: {"here":[{"sub":"7"}],"count":1}"#);
    let mut other = user(&server, "9");
    other.subscribe("chat");
    assert_eq!(next().unwrap(), r#"data: {"joined":{"sub":"9"},"count":2}"#);
}

#[test]
fn large_topic_tells_its_number_only() {
    let server = start();
    let mut watcher = watcher(&server);
    let mut pages = Vec::new();
    for sub in 0..102 {
        let mut page = user(&server, &sub.to_string());
        page.subscribe("chat");
        pages.push(page);
        if sub < 100 {
            assert_eq!(watcher.message(), joined(&sub.to_string(), sub + 1));
        }
    }
    let mut counts = watcher.message();
    while counts != event(r#"{"count":102}"#) {
        assert_eq!(counts, event(r#"{"count":101}"#));
        counts = watcher.message();
    }
    let mut late = server.browser();
    late.send(r#"[5,"pushd:presence:chat"]"#);
    assert_eq!(late.message(), event(r#"{"count":102}"#));
    let answer = get(&server, "/presence/chat");
    assert_eq!(answer.matches("\"sub\"").count(), 100, "{answer}");
    // The members are told once, when the topic is small again: not each of those who left together.
    pages.truncate(50);
    let mut message = watcher.message();
    // On a busy machine not all leave in the same second.
    while message == event(r#"{"count":102}"#) || message == event(r#"{"count":101}"#) {
        message = watcher.message();
    }
    assert!(message.contains("\"here\":["), "{message}");
    while !message.ends_with("\"count\":50}]") {
        message = watcher.message();
    }
    pages.truncate(49);
    assert!(watcher.message().ends_with("\"count\":49}]"));
}

#[cfg(unix)]
#[test]
fn nobody_leaves_or_joins_because_of_a_hand_over() {
    let server = start();
    let mut watcher = watcher(&server);
    let mut page = user(&server, "7");
    page.subscribe("chat");
    assert_eq!(watcher.message(), joined("7", 1));
    let server = server.hand_over_twice_to(options);
    let mut other = user(&server, "9");
    other.subscribe("chat");
    assert_eq!(watcher.message(), joined("9", 2));
    // Whoever leaves during the next hand-over is not forgotten.
    drop(page);
    let _server = server.hand_over(options(), Recipe::default());
    assert_eq!(watcher.message(), left("7", 1));
}
