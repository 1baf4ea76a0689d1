//! Private topics: tickets, refusals, expiry and revocation.

mod access;
mod lifetime;
mod revocations;

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use pusher_core::{Options, Recipe, TicketFault, TicketKeys};
use pusher_proto::ticket::TicketRequest;

use crate::support::{Browser, TestServer, connect, on_any_ports, read_to_end, start_server};

const KEYS: &str = "new 0123456789abcdef0123456789abcdef\nold fedcba9876543210fedcba9876543210";

pub(crate) fn keys() -> TicketKeys {
    KEYS.parse().unwrap()
}

fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// Options with the private topics `orders.*` and `user.*`.
fn options() -> Options {
    let mut options = on_any_ports();
    options.live.private_topics = vec!["orders.*".parse().unwrap(), "user.*".parse().unwrap()];
    options.live.ticket_keys = Some(keys());
    options
}

fn start() -> TestServer {
    start_server(options(), Recipe::default())
}

/// Signs a ticket of the user 7 that began `age_s` seconds ago and is for 300 seconds.
pub(crate) fn aged_ticket(topics: &[&str], age_s: u64) -> String {
    let request = TicketRequest {
        topics,
        ttl_s: 300,
        sub: Some("7"),
        info: None,
    };
    keys().sign(&request, now_s() - age_s).unwrap()
}

fn ticket(topics: &[&str]) -> String {
    aged_ticket(topics, 0)
}

fn with_cookie(server: &TestServer, subprotocol: &'static str, ticket: &str) -> Browser {
    let cookie = format!("a=b; pushd_ticket={ticket}; c=d");
    let url = format!("ws://{}/", server.public);
    Browser::open_as(
        subprotocol,
        connect(server.public),
        &url,
        &[("Cookie", &cookie)],
    )
}

fn pushd_1(server: &TestServer) -> Browser {
    let url = format!("ws://{}/", server.public);
    let mut browser = Browser::open_as("pushd.1", connect(server.public), &url, &[]);
    assert!(browser.message().starts_with("[12,"));
    browser
}

fn denied_event(topic: &str, fault: TicketFault) -> String {
    let code = fault.code();
    format!(r#"[8,"pushd:denied",{{"topic":"{topic}","code":"{code}"}}]"#)
}

/// Subscribes an unmodified client, and checks that the topic is denied.
#[track_caller]
fn assert_denied(browser: &mut Browser, topic: &str, fault: TicketFault) {
    browser.send(&format!("[5,\"{topic}\"]"));
    assert_eq!(browser.message(), denied_event(topic, fault));
}

fn denied(topic: &str, fault: TicketFault) -> String {
    format!(r#"[11,"{topic}","{}"]"#, fault.code())
}

pub(crate) fn post(server: &TestServer, target: &str) -> String {
    let mut stream = server.raw(server.publish);
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

fn get_events(server: &TestServer, query: &str) -> String {
    let mut stream = server.raw(server.public);
    let request = format!("GET /events?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read_to_end(&mut stream)
}
