//! Topics that need a ticket, the places of a ticket in a request, and invalid tickets.

use std::io::Write;

use pusher_core::{
    BindError, Options, Recipe, Server, TicketFault, TicketKeys, TicketOptionsError,
};
use pusher_proto::limits::TICKET_LEEWAY_S;
use pusher_proto::ticket::TicketRequest;

use super::{
    aged_ticket, assert_denied, denied, get_events, keys, now_s, options, post, start, ticket,
    with_cookie,
};
use crate::support::{Browser, read_to_end};

#[test]
fn private_topic_needs_a_ticket_and_others_do_not() {
    let server = start();
    let mut browser = server.browser();
    assert_denied(&mut browser, "orders.42", TicketFault::Missing);
    browser.subscribe("news");
    let receipt = server.hub.publish("orders.42", "1").unwrap();
    assert_eq!(receipt.subscribers, 0);
    server.hub.publish("news", "2").unwrap();
    assert_eq!(browser.message(), r#"[8,"news",2]"#);
    assert_eq!(
        server.hub.stats().tickets_refused.get(TicketFault::Missing),
        1
    );
}

#[test]
fn cookie_serves_an_unmodified_client() {
    let server = start();
    let mut browser = with_cookie(&server, "wamp", &ticket(&["orders.42", "user.7.*"]));
    browser.subscribe("orders.42");
    browser.subscribe("user.7.mail");
    assert_denied(&mut browser, "user.70.mail", TicketFault::Topic);
    server.hub.publish("orders.42", "1").unwrap();
    assert_eq!(browser.message(), r#"[8,"orders.42",1]"#);
}

#[test]
fn parameter_overrides_the_cookie() {
    let server = start();
    let cookie = format!("pushd_ticket={}", ticket(&["user.7"]));
    let path = format!("/?x=y&ticket={}", ticket(&["orders.1"]));
    let mut browser = Browser::connect_with(server.public, &path, &[("Cookie", &cookie)]);
    browser.subscribe("orders.1");
    assert_denied(&mut browser, "user.7", TicketFault::Topic);
}

#[test]
fn invalid_ticket_refuses_private_topics_only() {
    let server = start();
    let long = "x".repeat(4097);
    let other_key: TicketKeys = "k 00000000000000000000000000000000".parse().unwrap();
    let request = TicketRequest {
        topics: &["orders.1"],
        ttl_s: 60,
        ..TicketRequest::default()
    };
    let by_other_key = other_key.sign(&request, now_s()).unwrap();
    let expired = aged_ticket(&["orders.1"], 300 + TICKET_LEEWAY_S);
    let future = keys()
        .sign(&request, now_s() + TICKET_LEEWAY_S + 10)
        .unwrap();
    for (text, fault) in [
        ("", TicketFault::Malformed),
        ("x.y.z", TicketFault::Malformed),
        (&*long, TicketFault::TooLong),
        (&by_other_key, TicketFault::UnknownKey),
        (&expired, TicketFault::Expired),
        (&future, TicketFault::NotYetValid),
    ] {
        let mut browser = with_cookie(&server, "pushd.1", text);
        assert!(browser.message().starts_with("[12,"));
        assert_eq!(browser.message(), format!("[13,null,\"{}\"]", fault.code()));
        browser.send(r#"[5,"orders.1"]"#);
        assert_eq!(browser.message(), denied("orders.1", fault));
        browser.send(r#"[5,"news"]"#);
        assert!(browser.message().starts_with(r#"[9,"news","#));
    }
}

#[test]
fn event_stream_needs_the_ticket_for_all_its_topics() {
    let server = start();
    for (query, code) in [
        ("topic=news&topic=orders.1".to_owned(), "ticket_missing"),
        (
            format!(
                "topic=orders.1&topic=orders.2&ticket={}",
                ticket(&["orders.1"])
            ),
            "ticket_topic",
        ),
    ] {
        let answer = get_events(&server, &query);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        let header = format!("\r\nPushd-Reason: {code}\r\n");
        assert!(answer.contains(&header), "{answer}");
    }
    let mut stream = server.raw(server.public);
    let text = ticket(&["orders.*"]);
    let request = format!(
        "GET /events?topic=orders.1 HTTP/1.1\r\nHost: localhost\r\nCookie: pushd_ticket={text}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    server.until("it is open", |hub| hub.subscriber_count("orders.1") == 1);
    server.hub.publish("orders.1", "1").unwrap();
    assert!(post(&server, "/revoke/7").contains(r#""sessions":1}"#));
    let all = read_to_end(&mut stream);
    assert!(all.contains("data: 1\n\n"), "{all}");
    let last = "event: denied\ndata: {\"topic\":\"orders.1\",\"code\":\"ticket_revoked\"}\n\n";
    assert!(all.ends_with(last), "{all}");
}

#[test]
fn options_of_tickets_must_not_contradict_others() {
    let bind = |change: &dyn Fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        match Server::bind(options, Recipe::default()) {
            Ok(_) => None,
            Err(BindError::Tickets(error)) => Some(error),
            Err(error) => panic!("{error}"),
        }
    };
    let any: pusher_core::AllowedOrigin = "*".parse().unwrap();
    assert_eq!(bind(&|_| {}), None);
    assert_eq!(
        bind(&|options| options.live.ticket_keys = None),
        Some(TicketOptionsError::NoKeys)
    );
    let null: pusher_core::AllowedOrigin = "null".parse().unwrap();
    for origin in [any, null] {
        assert_eq!(
            bind(&|options| options.live.allow_origins = vec![origin.clone()]),
            Some(TicketOptionsError::AnyOrigin)
        );
    }
    let server = start();
    let mut live = options().live;
    live.ticket_keys = None;
    assert!(server.control.reload(live).is_err());
}

#[test]
fn topics_of_the_server_cannot_be_published() {
    let server = start();
    let mut publisher = server.publisher();
    publisher.send("[3,1,\"pushd:denied\",{}]\n[3,2,\"pushd\",{}]\n");
    assert!(publisher.line().starts_with("[5,1,\"bad_topic\","));
    assert!(publisher.line().starts_with("[4,2,"));
    assert!(server.hub.publish("pushd:presence:t", "1").is_err());
}
