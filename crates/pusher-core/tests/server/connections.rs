//! The list of connections, and closing one of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pusher_core::{Hub, Recipe};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::channels::{self, Client as ChannelsClient};
use crate::event_stream::Stream;
use crate::operator::{ask, get};
use crate::support::{Browser, TestServer, on_any_ports, start, start_server};
use crate::wamp2::Client as Wamp2Client;

const ORIGIN: &str = "http://localhost:81";

/// Returns the answer to a request for connections.
fn list(server: &TestServer, query: &str) -> Value {
    let (head, body) = get(server, &format!("/connections.json{query}"));
    assert!(head.starts_with("http/1.1 200"), "{head}{body}");
    serde_json::from_str(&body).unwrap()
}

/// Returns a field of each listed connection, sorted.
fn field(list: &Value, name: &str) -> Vec<Value> {
    let connections = list["connections"].as_array().unwrap().iter();
    let mut values: Vec<_> = connections
        .map(|connection| connection[name].clone())
        .collect();
    values.sort_by_key(ToString::to_string);
    values
}

fn ids(list: &Value) -> Vec<Value> {
    field(list, "id")
}

/// Sends `POST /close/ID`. Returns the status and the body.
fn close(server: &TestServer, id: &str, headers: &str) -> (String, Value) {
    let headers = format!("Content-Length: 0\r\n{headers}");
    let (head, body) = ask(server, "POST", &format!("/close/{id}"), &headers);
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, serde_json::from_str(&body).unwrap())
}

fn page_of(server: &TestServer, origin: &str) -> Browser {
    Browser::connect_with(server.public, "/", &[("Origin", origin)])
}

#[test]
fn list_has_address_origin_protocol_and_topics() {
    let server = start_server(channels::options(), Recipe::default());
    let mut page = page_of(&server, ORIGIN);
    page.subscribe("b");
    page.subscribe("a");
    let mut channels = ChannelsClient::connect(&server);
    channels.subscribed("news", None);
    let _wamp2 = Wamp2Client::subscriber(&server, "news");
    let _stream = Stream::begin(&server, "/events?topic=news", "");

    let all = list(&server, "");
    assert_eq!((&all["total"], &all["matching"]), (&json!(4), &json!(4)));
    let protocols = json!(["event stream", "pusher channels", "wamp", "wamp.2.json"]);
    assert_eq!(json!(field(&all, "protocol")), protocols);

    let found = list(&server, &format!("?search={}", page.session_id));
    let connection = &found["connections"][0];
    let address = connection["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert!(connection["age_s"].is_u64(), "{connection}");
    let expected = json!({
        "id": page.session_id,
        "address": address,
        "origin": ORIGIN,
        "protocol": "wamp",
        "user": null,
        "age_s": connection["age_s"],
        "queued_len": 0,
        "topics": ["a", "b"],
        "topic_count": 2,
    });
    assert_eq!(*connection, expected);
}

#[test]
fn search_finds_parts_of_addresses_origins_protocols_and_topics() {
    let server = start_server(channels::options(), Recipe::default());
    let mut page = page_of(&server, ORIGIN);
    page.subscribe("Kittens & cats");
    let mut other = page_of(&server, "http://127.0.0.1");
    other.subscribe("puppies");
    let mut channels = ChannelsClient::connect(&server);
    channels.subscribed("news", None);
    let (page, other) = (json!([page.session_id]), json!([other.session_id]));
    let search = |text: &str| json!(ids(&list(&server, &format!("?search={text}"))));
    assert_eq!(search("kittens+%26"), page);
    assert_eq!(search("LOCALHOST:8"), page);
    assert_eq!(search("pupp"), other);
    assert_eq!(search("Pusher+channels").as_array().unwrap().len(), 1);
    assert_eq!(search("127.0.0.1%3A").as_array().unwrap().len(), 3);
    assert_eq!(search("nowhere"), json!([]));
    let limited = list(&server, "?limit=1");
    assert_eq!(ids(&limited).len(), 1);
    assert_eq!(limited["matching"], 3);
}

#[test]
fn many_topics_are_counted_and_the_first_are_listed() {
    let server = start(|_| {});
    let mut page = server.browser();
    for n in 0..30 {
        page.subscribe(&format!("topic/{n:02}"));
    }
    let _others: Vec<_> = (0..5).map(|_| server.subscriber("topic/00")).collect();
    let found = list(&server, "?search=topic/07");
    let first_20: Vec<_> = (0..20).map(|n| format!("topic/{n:02}")).collect();
    assert_eq!(found["connections"][0]["topics"], json!(first_20));
    assert_eq!(found["connections"][0]["topic_count"], 30);
    assert_eq!(found["matching"], 1);
}

#[test]
fn longest_queue_is_first() {
    let server = start(|_| {});
    let _idle: Vec<_> = (0..3).map(|_| server.subscriber("idle")).collect();
    let slow = server.subscriber("t");
    let event = format!("\"{}\"", "x".repeat(1_000_000));
    let mut published = 0;
    while server.hub.stats().outboxes_len == 0 {
        published += 1;
        assert!(published < 100, "the kernel buffers everything");
        server.publish_flushed("t", &event);
    }
    let list = list(&server, "?limit=1");
    assert_eq!(list["connections"][0]["id"], slow.session_id);
    assert!(list["connections"][0]["queued_len"].as_u64().unwrap() > 0);
}

#[test]
fn origin_is_forgotten_with_its_last_connection() {
    let server = start(|_| {});
    let mut pages = [page_of(&server, ORIGIN), page_of(&server, ORIGIN)];
    // The list has a page after its greeting was sent.
    pages.iter_mut().for_each(Browser::barrier);
    assert_eq!(field(&list(&server, ""), "origin"), [ORIGIN, ORIGIN]);
    drop(pages);
    server.until("they have left", |hub| hub.session_count() == 0);
    let mut next = page_of(&server, "http://127.0.0.1");
    next.barrier();
    assert_eq!(field(&list(&server, ""), "origin"), ["http://127.0.0.1"]);
}

#[test]
fn closed_connection_gets_its_events_and_a_close_frame() {
    let server = start(|_| {});
    let mut page = server.subscriber("t");
    let mut other = server.subscriber("t");
    server.hub.publish("t", "1").unwrap();
    let (status, body) = close(&server, &page.session_id, "");
    assert_eq!((&*status, &body["id"]), ("200", &json!(page.session_id)));
    assert_eq!(page.message(), r#"[8,"t",1]"#);
    assert_eq!(page.close_code(), 1008);
    server.until("it has left", |hub| hub.session_count() == 1);
    assert_eq!(other.message(), r#"[8,"t",1]"#);
    other.barrier();
    assert_eq!(server.hub.stats().connections_closed, 1);

    let (status, body) = close(&server, &page.session_id, "");
    assert_eq!((&*status, &body["code"]), ("404", &json!("no_connection")));
    let (status, _) = close(&server, "7", "");
    assert_eq!(status, "400");
    assert_eq!(server.hub.stats().connections_closed, 1);
}

/// Publishes the numbers from 1, some at a time, until `stop`. `published` is the last one.
fn publish_until(stop: &AtomicBool, published: &AtomicU64, hub: &Hub) {
    for number in 1.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        hub.publish("t", &number.to_string()).unwrap();
        published.store(number, Ordering::SeqCst);
        while number % 50 == 0 && hub.backlog_len() > 0 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn closed_connection_gets_all_events_that_were_published_before() {
    let server = start(|_| {});
    let _others: Vec<_> = (0..200).map(|_| server.subscriber("t")).collect();
    let (stop, published) = (AtomicBool::new(false), AtomicU64::new(0));
    let seen = std::thread::scope(|scope| {
        scope.spawn(|| publish_until(&stop, &published, &server.hub));
        let seen: Vec<_> = (0..50)
            .map(|_| close_while_publishing(&server, &published))
            .collect();
        stop.store(true, Ordering::Relaxed);
        seen
    });
    for (before, last) in seen {
        assert!(last >= before, "{last} of {before}");
    }
}

/// Closes a subscriber. Returns the last event that was published before, and the last that has arrived.
fn close_while_publishing(server: &TestServer, published: &AtomicU64) -> (u64, u64) {
    let mut page = server.browser();
    page.send(r#"[5,"t"]"#);
    let mut last = page.message();
    let before = published.load(Ordering::SeqCst);
    assert_eq!(close(server, &page.session_id, "").0, "200");
    while let Ok(Message::Text(text)) = page.read() {
        last = text.to_string();
    }
    let event: Value = serde_json::from_str(&last).unwrap();
    (before, event[2].as_u64().unwrap())
}

#[test]
fn closed_clients_of_channels_come_back_later_and_streams_end() {
    let server = start_server(channels::options(), Recipe::default());
    let mut channels = ChannelsClient::connect(&server);
    let id = ids(&list(&server, ""))[0].as_str().unwrap().to_owned();
    assert_eq!(close(&server, &id, "").0, "200");
    assert_eq!(channels.close_code(), 4100);
    let (mut stream, _) = Stream::begin(&server, "/events?topic=t", "");
    let found = list(&server, "?search=event+stream");
    let id = ids(&found)[0].as_str().unwrap().to_owned();
    assert_eq!(close(&server, &id, "").0, "200");
    stream.expect_end();
}

#[test]
fn other_sites_and_strangers_cannot_list_or_close() {
    let mut options = on_any_ports();
    options.live.publish_token = Some("s3cret".parse().unwrap());
    let server = start_server(options, Recipe::default());
    let mut page = server.browser();
    let id = page.session_id.clone();
    let token = "Authorization: Bearer s3cret\r\n";
    assert_eq!(close(&server, &id, "").0, "401");
    let wrong = "Authorization: Bearer other\r\n";
    assert_eq!(close(&server, &id, wrong).0, "401");
    let other_site = format!("{token}Origin: http://evil.example\r\n");
    assert_eq!(close(&server, &id, &other_site).0, "403");
    let cross = format!("{token}Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(close(&server, &id, &cross).0, "403");
    let (head, _) = get(&server, "/connections.json");
    assert!(head.starts_with("http/1.1 401"), "{head}");
    let (head, _) = ask(&server, "GET", "/connections.json", &other_site);
    assert!(head.starts_with("http/1.1 403"), "{head}");
    page.barrier();
    let own = format!("{token}Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(close(&server, &id, &own).0, "200");
    assert_eq!(page.close_code(), 1008);
}

#[test]
fn operators_are_no_publishers() {
    let server = start(|_| {});
    let mut operator = server.raw(server.publish);
    let request = b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    std::io::Write::write_all(&mut operator, request).unwrap();
    server.until("it is counted", |hub| hub.stats().operators == 1);
    let _publisher = server.publisher();
    server.until("both are counted", |hub| hub.stats().publishers == 2);
    assert_eq!(server.hub.stats().operators, 1);
    let publish = "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                   Content-Length: 1\r\n\r\n1";
    std::io::Write::write_all(&mut operator, publish.as_bytes()).unwrap();
    server.until("it has published", |hub| hub.stats().operators == 0);
    assert_eq!(server.hub.stats().publishers, 2);
}
