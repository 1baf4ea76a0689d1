//! Revoked users.

use std::io::Write;

use pusher_core::{Recipe, StateOptions, SyncPolicy, TicketFault};
use pusher_proto::ticket::TicketRequest;

use super::{
    aged_ticket, assert_denied, denied_event, get_events, keys, now_s, options, post, start,
    ticket, with_cookie,
};
use crate::support::{Browser, read_to_end, start_server};

#[test]
fn revocation_ends_the_tickets_of_a_user_at_once() {
    let server = start();
    let text = ticket(&["orders.1"]);
    let mut revoked = with_cookie(&server, "wamp", &text);
    revoked.subscribe("orders.1");
    let request = TicketRequest {
        topics: &["orders.1"],
        ttl_s: 300,
        sub: Some("70"),
        info: None,
    };
    let of_other = keys().sign(&request, now_s()).unwrap();
    let mut other = with_cookie(&server, "wamp", &of_other);
    other.subscribe("orders.1");
    let answer = post(&server, "/revoke/7");
    assert!(answer.contains(r#"{"sub":"7","before":"#), "{answer}");
    assert!(answer.contains(r#""sessions":1}"#), "{answer}");
    assert_eq!(
        revoked.message(),
        denied_event("orders.1", TicketFault::Revoked)
    );
    server.hub.publish("orders.1", "1").unwrap();
    assert_eq!(other.message(), r#"[8,"orders.1",1]"#);
    revoked.barrier();
    // Nor what it has missed.
    let path = format!("/?ticket={text}");
    let mut again = Browser::connect_with(server.public, &path, &[]);
    assert_denied(&mut again, "orders.1", TicketFault::Revoked);
    let answer = get_events(&server, &format!("topic=orders.1&since=0-0&ticket={text}"));
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(
        answer.contains("\r\nPushd-Reason: ticket_revoked\r\n"),
        "{answer}"
    );
}

/// Figures and the ids of keys; the status has no other part of a ticket.
#[test]
fn status_counts_tickets_and_revoked_users() {
    let server = start();
    let text = ticket(&["orders.1", "user.7.*"]);
    let mut browser = with_cookie(&server, "wamp", &text);
    browser.subscribe("orders.1");
    let _without = server.browser();
    let stats = server.hub.stats();
    assert_eq!((stats.tickets, stats.users_revoked), (1, 0));
    post(&server, "/revoke/7");
    browser.message();
    let stats = server.hub.stats();
    assert_eq!((stats.tickets, stats.users_revoked), (0, 1));
    let mut stream = server.raw(server.publish);
    let request = "GET /status.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let status = read_to_end(&mut stream);
    assert!(
        status.contains(r#""ticket_keys":["new","old"]"#),
        "{status}"
    );
    let signature = text.rsplit('.').next().unwrap();
    for secret in ["0123456789abcdef", signature, "user.7"] {
        assert!(!status.contains(secret), "{secret} in {status}");
    }
}

#[test]
fn revocation_is_for_tickets_signed_before() {
    let server = start();
    let now_s = now_s();
    let mut publisher = server.publisher();
    publisher.send(&format!("[10,1,\"7\",{}]\n", now_s - 100));
    assert_eq!(publisher.line(), "[11,1,0]");
    for (age_s, fault) in [
        (101, Some(TicketFault::Revoked)),
        (100, Some(TicketFault::Revoked)),
        (50, None),
    ] {
        let mut browser = with_cookie(&server, "wamp", &aged_ticket(&["orders.1"], age_s));
        browser.send(r#"[5,"orders.1"]"#);
        match fault {
            Some(fault) => assert_eq!(browser.message(), denied_event("orders.1", fault)),
            None => browser.barrier(),
        }
    }
    // An earlier time than a known one changes nothing.
    publisher.send("[10,2,\"7\",5]\n[10,3,\"\"]\n");
    assert_eq!(publisher.line(), "[11,2,0]");
    assert!(publisher.line().starts_with("[5,3,\"bad_sub\","));
    for (len, status) in [(255, 200), (256, 400)] {
        let answer = post(&server, &format!("/revoke/{}", "s".repeat(len)));
        let line = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&line), "{len}: {answer}");
    }
    let answer = post(&server, "/revoke/7?before=x");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn revocation_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let with_state = || {
        let mut options = options();
        options.state = Some(StateOptions {
            dir: folder.path().join("state"),
            sync: SyncPolicy::Interval,
        });
        start_server(options, Recipe::default())
    };
    let text = ticket(&["orders.1"]);
    let mut server = with_state();
    assert!(post(&server, "/revoke/7").contains(r#""sessions":0}"#));
    for _ in 0..2 {
        server.end();
        server = with_state();
        let mut browser = with_cookie(&server, "wamp", &text);
        assert_denied(&mut browser, "orders.1", TicketFault::Revoked);
    }
    // A crash has cut the last line: the ones before count.
    server.end();
    let file = folder.path().join("state/revocations");
    let mut lines = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap();
    lines.write_all(b"{\"sub\":\"8\",\"be").unwrap();
    server = with_state();
    let mut browser = with_cookie(&server, "wamp", &text);
    assert_denied(&mut browser, "orders.1", TicketFault::Revoked);
}

#[test]
fn names_of_revoked_users_are_not_told() {
    let server = start();
    let mut browser = server.browser();
    assert_denied(&mut browser, "pushd:revoked", TicketFault::Topic);
    let answer = get_events(&server, "topic=pushd:revoked");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn streams_that_open_during_a_revocation_get_nothing_after_it() {
    let server = start();
    let text = ticket(&["orders.1"]);
    let request =
        format!("GET /events?topic=orders.1&ticket={text} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut streams: Vec<_> = (0..48).map(|_| server.raw(server.public)).collect();
    let (before, after) = streams.split_at_mut(24);
    let open = |streams: &mut [std::net::TcpStream]| {
        for stream in streams {
            stream.write_all(request.as_bytes()).unwrap();
        }
    };
    open(before);
    std::thread::scope(|scope| {
        scope.spawn(|| open(after));
        assert!(post(&server, "/revoke/7").contains("sessions"));
    });
    // All of them end: each is refused, or told.
    for stream in &mut streams {
        let all = read_to_end(stream);
        assert!(all.contains("ticket_revoked"), "{all}");
    }
}

#[cfg(unix)]
#[test]
fn private_subscriptions_and_revocations_continue_after_a_hand_over() {
    let server = start();
    let text = ticket(&["orders.*"]);
    let mut kept = with_cookie(&server, "wamp", &text);
    kept.subscribe("orders.1");
    let server = server.hand_over_twice_to(options);
    // The ticket is still there, for other topics too.
    kept.subscribe("orders.2");
    server.hub.publish("orders.1", "1").unwrap();
    assert_eq!(kept.message(), r#"[8,"orders.1",1]"#);
    post(&server, "/revoke/7");
    kept.message();
    let server = server.hand_over(options(), Recipe::default());
    let mut refused = with_cookie(&server, "wamp", &text);
    assert_denied(&mut refused, "orders.1", TicketFault::Revoked);
}
