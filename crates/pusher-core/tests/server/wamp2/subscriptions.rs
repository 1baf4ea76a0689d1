//! Subscriptions, their events, and who may have them.

use pusher_core::TicketFault;
use pusher_proto::wamp2::ID_MAX;
use serde_json::json;

use super::{Client, start, start_limited, start_with, ticket};
use crate::tickets::post;

#[test]
fn an_event_has_the_form_of_each_protocol() {
    let server = start();
    let (mut client, number) = Client::subscriber(&server, "news");
    let mut page = server.subscriber("news");
    for (event, arguments) in [
        (r#"{"id":1}"#, r#"[{"id":1}]"#),
        (r#"{"args":[1,"猫"],"kwargs":{}}"#, r#"[1,"猫"]"#),
        (r#"{"args":[],"kwargs":{"a":2}}"#, r#"[],{"a":2}"#),
    ] {
        let receipt = server.hub.publish("news", event).unwrap();
        assert_eq!(receipt.subscribers, 2);
        let sequence = receipt.sequence;
        let text = format!("[36,{number},{sequence},{{}},{arguments}]");
        assert_eq!(client.message().to_string(), text);
        assert_eq!(page.message(), format!(r#"[8,"news",{event}]"#));
    }
}

#[test]
fn all_sessions_have_the_same_number_for_a_topic() {
    let server = start();
    let (mut one, number) = Client::subscriber(&server, "news");
    let (mut other, same) = Client::subscriber(&server, "news");
    assert_eq!(number, same);
    assert_ne!(other.subscribe("sports"), number);
    // A second handler.
    assert_eq!(one.subscribe("news"), number);
    assert_eq!(server.hub.publish("news", "1").unwrap().subscribers, 2);
    assert_eq!(one.message()[1], number);
    assert_eq!(one.ask(json!([34, 8, number])), json!([35, 8]));
    assert_eq!(server.hub.publish("news", "2").unwrap().subscribers, 1);
    let (error, _) = one.refused(json!([34, 9, number]));
    assert_eq!(error, "wamp.error.no_such_subscription");
    for event in [1, 2] {
        assert_eq!(other.message()[4], json!([event]));
    }
}

#[test]
fn events_of_a_burst_arrive_in_order() {
    let server = start();
    let (mut client, number) = Client::subscriber(&server, "news");
    let sequences: Vec<_> = (0..1000)
        .map(|event| {
            let receipt = server.hub.publish("news", &event.to_string());
            receipt.unwrap().sequence
        })
        .collect();
    for (event, sequence) in sequences.into_iter().enumerate() {
        let expected = json!([36, number, sequence, {}, [event]]);
        assert_eq!(client.message(), expected);
    }
}

#[test]
fn replayed_events_come_behind_the_answer() {
    let server = start_with(|options| {
        options.live.replay_on_subscribe = vec![("news".parse().unwrap(), 2)];
    });
    let publish = |event: &str| server.hub.publish("news", event).unwrap().sequence;
    let sequences = ["1", "2", "3"].map(publish);
    let (mut client, number) = Client::subscriber(&server, "news");
    for event in [2, 3] {
        let expected = json!([36, number, sequences[event - 1], {}, [event]]);
        assert_eq!(client.message(), expected);
    }
}

#[test]
fn unsupported_requests_are_refused() {
    let server = start();
    let mut client = Client::connect(&server);
    for (request, error) in [
        (json!([48, 1, {}, "p", [1]]), "no_such_procedure"),
        (json!([64, 2, {}, "p"]), "not_authorized"),
        (json!([66, 3, 4]), "no_such_registration"),
        (
            json!([32, 4, {"match": "prefix"}, "a"]),
            "option_not_allowed",
        ),
        (
            json!([32, 5, {"match": "wildcard"}, "a..b"]),
            "option_not_allowed",
        ),
        (json!([32, 6, {}, ""]), "invalid_uri"),
        (json!([32, 7, {}, "x".repeat(1025)]), "invalid_uri"),
        (json!([34, 8, 1]), "no_such_subscription"),
    ] {
        let (uri, _) = client.refused(request);
        assert_eq!(uri, format!("wamp.error.{error}"));
    }
    client.subscribe(&"x".repeat(1024));
}

#[test]
fn subscriptions_have_a_limit() {
    let server = start_limited(|limits| limits.topics_max = 1);
    let (mut client, number) = Client::subscriber(&server, "one");
    let refused = client.refused(json!([32, 1, {}, "two"]));
    let expected = ("wamp.error.not_authorized", "more than 1 topics");
    assert_eq!((&*refused.0, &*refused.1), expected);
    assert_eq!(server.hub.publish("two", "1").unwrap().subscribers, 0);
    assert_eq!(client.ask(json!([34, 2, number])), json!([35, 2]));
    client.subscribe("two");
}

#[test]
fn private_topics_need_a_ticket() {
    let server = start();
    let mut client = Client::connect(&server);
    let (error, text) = client.refused(json!([32, 1, {}, "orders.1"]));
    assert_eq!(
        (&*error, &*text),
        ("wamp.error.not_authorized", "ticket_missing")
    );
    assert_eq!(
        server.hub.stats().tickets_refused.get(TicketFault::Missing),
        1
    );
    let target = format!("/?ticket={}", ticket(&["orders.1"]));
    let mut client = Client::connect_to(&server, &target);
    client.subscribe("orders.1");
    let (_, text) = client.refused(json!([32, 1, {}, "orders.2"]));
    assert_eq!(text, "ticket_topic");
}

#[test]
fn revocation_ends_a_private_subscription() {
    let server = start();
    let target = format!("/?ticket={}", ticket(&["orders.*"]));
    let mut client = Client::connect_to(&server, &target);
    let denied = client.subscribe("pushd:denied");
    let order = client.subscribe("orders.1");
    let mut silent = Client::connect_to(&server, &target);
    silent.subscribe("orders.1");
    assert!(post(&server, "/revoke/7").contains(r#""sessions":2}"#));
    let event = json!({"topic": "orders.1", "code": "ticket_revoked"});
    assert_eq!(client.message(), json!([36, denied, ID_MAX, {}, [event]]));
    silent.barrier();
    assert_eq!(server.hub.publish("orders.1", "1").unwrap().subscribers, 0);
    let (error, _) = client.refused(json!([34, 1, order]));
    assert_eq!(error, "wamp.error.no_such_subscription");
}

#[test]
fn presence_begins_with_the_members() {
    let server = start();
    let member = || Client::connect_to(&server, &format!("/?ticket={}", ticket(&["orders.1"])));
    let (mut watcher, number) = Client::subscriber(&server, "pushd:presence:chat");
    let here = json!({"here": [], "count": 0});
    assert_eq!(watcher.message(), json!([36, number, ID_MAX, {}, [here]]));
    member().subscribe("chat");
    let joined = json!({"joined": {"sub": "7"}, "count": 1});
    assert_eq!(watcher.message()[4], json!([joined]));
}

#[cfg(unix)]
#[test]
fn numbers_stay_over_a_hand_over() {
    let server = start();
    let (mut client, number) = Client::subscriber(&server, "news");
    let server = server.hand_over_twice();
    let sequence = server.hub.publish("news", "1").unwrap().sequence;
    let text = format!("[36,{number},{sequence},{{}},[1]]");
    assert_eq!(client.message().to_string(), text);
    assert_eq!(client.ask(json!([34, 8, number])), json!([35, 8]));
    assert_eq!(server.hub.publish("news", "2").unwrap().subscribers, 0);
}
