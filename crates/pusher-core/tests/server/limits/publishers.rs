//! The limits of publishers.

use std::io::{Read, Write};

use pusher_core::PublisherRefusal;

use super::SOON;
use crate::support::{read_to_end, start};

#[test]
fn publisher_message_length_is_limited() {
    let server = start(|limits| limits.publish_len_max = 100);
    let mut publisher = server.publisher();
    publisher.send(&format!("[3,5,\"t\",\"{}\"]", "x".repeat(88)));
    assert!(publisher.line().starts_with("[4,5,"));
    publisher.send(&format!("[3,5,\"t\",\"{}\"]", "x".repeat(89)));
    assert!(publisher.line().starts_with(r#"[5,null,"too_large","#));
    assert_eq!(read_to_end(&mut publisher.0), "");
}

#[test]
fn silent_publishers_time_out() {
    let server = start(|limits| {
        limits.first_byte_timeout = SOON;
        limits.unfinished_timeout = SOON;
        limits.raw_idle_timeout = SOON;
    });
    for said in ["", "[1,1]\n[3,", "{\"category\":", "{\"category\":\"t\"}"] {
        let mut stream = server.raw(server.publish);
        stream.write_all(said.as_bytes()).unwrap();
        let answer = read_to_end(&mut stream);
        let greeting = if said.starts_with('[') { "[2,1," } else { "" };
        assert!(answer.starts_with(greeting), "{said}: {answer}");
    }
    let mut idle = server.publisher();
    server.raw(server.publish).read_exact(&mut [0]).unwrap_err();
    idle.publish("t", "1");
}

/// Only the server's own backlog blocks publishers, and no accepted event is lost.
#[test]
fn full_backlog_blocks_publishers() {
    let server = start(|limits| limits.backlog_len_max = 1000);
    let mut browser = server.subscriber("t");
    let mut publisher = server.publisher();
    let event = format!("\"{}\"", "x".repeat(2000));
    let burst = format!("[3,1,\"t\",{event}]\n").repeat(100);
    publisher.send(&burst);
    for _ in 0..100 {
        assert_eq!(browser.message().len(), event.len() + 8);
        assert!(publisher.line().starts_with("[4,1,"));
    }
}

/// Limits the incomplete messages of all publishers together. The publisher that exceeds the limit is refused, and the
/// earlier ones can finish.
#[test]
fn incomplete_publishes_are_limited_in_total() {
    let server = start(|limits| limits.unfinished_len_max = 300_000);
    let begun = format!("\"{}", "x".repeat(99_000));
    let mut first = server.publisher();
    first.send(&format!("[3,1,\"t\",{begun}"));
    server.until("the first message has arrived", |hub| {
        hub.stats().unfinished_len > 99_000
    });
    let mut second = server.raw(server.publish);
    write!(second, "{{\"category\":\"t\",\"x\":{begun}").unwrap();
    server.until("the second message has arrived", |hub| {
        hub.stats().unfinished_len > 198_000
    });
    let head = "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    let mut too_much = server.publisher();
    too_much.send(&format!("[3,1,\"t\",{begun}{begun}"));
    let answer = too_much.line();
    assert!(answer.starts_with(r#"[5,null,"overloaded","#), "{answer}");
    read_to_end(&mut too_much.0);
    let mut raw = server.raw(server.publish);
    // The server may close before it has read everything.
    let _sent = write!(raw, "{{\"category\":\"t\",\"x\":{begun}{begun}");
    read_to_end(&mut raw);
    let mut http = server.raw(server.publish);
    let _sent = write!(http, "{head}Content-Length: 200000\r\n\r\n{begun}{begun}");
    let answer = read_to_end(&mut http);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let refused = server.hub.stats().publishers_refused;
    assert_eq!(refused.get(PublisherRefusal::UnfinishedLen), 3);

    server.until("the refused message has freed its memory", |hub| {
        hub.stats().unfinished_len < 200_000
    });
    let mut http = server.raw(server.publish);
    write!(
        http,
        "{head}Connection: close\r\nContent-Type: application/json\r\nContent-Length: 99002\r\n\r\n{begun}\""
    )
    .unwrap();
    let answer = read_to_end(&mut http);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    first.send("\"]");
    assert!(first.line().starts_with("[4,1,"));
    second.write_all(b"\"}").unwrap();
    server.until("both messages are complete", |hub| {
        hub.stats().unfinished_len == 0
    });
    assert_eq!(server.hub.stats().events.total(), 3);
}

#[test]
fn complete_request_needs_no_room_for_incomplete_ones() {
    let server = start(|limits| limits.unfinished_len_max = 1000);
    let mut incomplete = server.publisher();
    incomplete.send(&format!("[3,1,\"t\",\"{}", "x".repeat(980)));
    server.until("the message has arrived", |hub| {
        hub.stats().unfinished_len > 980
    });
    let mut http = server.raw(server.publish);
    let request = format!(
        "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n\"{}\"",
        "x".repeat(98)
    );
    http.write_all(request.as_bytes()).unwrap();
    let answer = read_to_end(&mut http);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
