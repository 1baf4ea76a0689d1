//! Renewal and expiry of tickets, and topics that a reload makes private.

use pusher_core::{LiveOptions, Recipe, TicketFault};
use pusher_proto::limits::TICKET_LEEWAY_S;
use tokio_tungstenite::tungstenite::Message;

use super::{
    aged_ticket, denied, denied_event, keys, options, pushd_1, start, ticket, with_cookie,
};
use crate::support::{Browser, start_server};

#[test]
fn ticket_is_renewed_without_a_new_connection() {
    let server = start();
    let mut browser = pushd_1(&server);
    let send = |browser: &mut Browser, ticket: &str| browser.send(&format!("[13,\"{ticket}\"]"));
    send(&mut browser, &ticket(&["orders.1", "orders.2"]));
    let answer = browser.message();
    let remaining_ms: [u64; 2] = serde_json::from_str(&answer).unwrap();
    assert!((290_000..=300_000).contains(&remaining_ms[1]), "{answer}");
    for topic in ["orders.1", "orders.2", "news"] {
        browser.send(&format!("[5,\"{topic}\"]"));
        assert!(browser.message().starts_with("[9,"));
    }
    // A wrong one leaves the ticket as it is.
    send(&mut browser, "x");
    assert_eq!(browser.message(), r#"[13,null,"ticket_malformed"]"#);
    browser.barrier();
    // The next one is for less.
    send(&mut browser, &ticket(&["orders.2"]));
    assert!(browser.message().starts_with("[13,"));
    assert_eq!(browser.message(), denied("orders.1", TicketFault::Topic));
    browser.barrier();
    for topic in ["orders.1", "orders.2", "news"] {
        server.hub.publish(topic, "1").unwrap();
    }
    assert!(browser.message().starts_with(r#"[8,"orders.2",1,"#));
    assert!(browser.message().starts_with(r#"[8,"news",1,"#));
}

#[test]
fn renewals_with_many_topics_are_rate_limited() {
    let mut options = options();
    options.live.limits.client_messages_burst = 200;
    options.live.limits.client_messages_per_second = 1;
    let server = start_server(options, Recipe::default());
    let mut browser = pushd_1(&server);
    for number in 0..100 {
        browser.send(&format!("[5,\"news.{number}\"]"));
        assert!(browser.message().starts_with("[9,"));
    }
    // Each takes 1 message and 10 for the topics, of 100 that are left. The same ticket again takes 1.
    let tickets = [ticket(&["orders.1"]), ticket(&["orders.2"])];
    for text in [&tickets[0]; 10]
        .into_iter()
        .chain(&tickets)
        .chain(&tickets)
    {
        browser.send(&format!("[13,\"{text}\"]"));
        assert!(browser.message().starts_with("[13,"));
    }
    for text in tickets.iter().cycle().take(15) {
        browser.send(&format!("[13,\"{text}\"]"));
    }
    let mut answers = 0;
    let code = loop {
        match browser.read().unwrap() {
            Message::Close(frame) => break u16::from(frame.unwrap().code),
            _ => answers += 1,
        }
    };
    assert_eq!(code, 1008);
    // More only if the machine was stalled for many seconds.
    assert!((1..20).contains(&answers), "{answers}");
}

#[test]
fn private_subscriptions_end_with_the_ticket() {
    let server = start();
    // It ended 29 s ago, and the leeway ends soon.
    let text = aged_ticket(&["orders.1"], 300 + TICKET_LEEWAY_S - 1);
    let mut old_client = with_cookie(&server, "wamp", &text);
    old_client.send(r#"[5,"news"]"#);
    old_client.send(r#"[5,"orders.1"]"#);
    let expired = denied_event("orders.1", TicketFault::Expired);
    assert_eq!(old_client.message(), expired);
    old_client.send(r#"[5,"orders.1"]"#);
    assert_eq!(old_client.message(), expired);
    server.hub.publish("orders.1", "1").unwrap();
    server.hub.publish("news", "2").unwrap();
    assert_eq!(old_client.message(), r#"[8,"news",2]"#);
}

#[test]
fn reload_makes_topics_private() {
    let server = start();
    let mut browser = server.subscriber("chat");
    let mut live = LiveOptions::default();
    live.private_topics = vec!["chat".parse().unwrap()];
    live.ticket_keys = Some(keys());
    server.control.reload(live).unwrap();
    assert_eq!(
        browser.message(),
        denied_event("chat", TicketFault::Missing)
    );
}
