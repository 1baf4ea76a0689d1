//! Publishes of browsers.

use pusher_core::{PublishRefusal, Recipe};
use serde_json::json;

use super::{Client, start, start_limited};
use crate::support::{on_any_ports, start_server};

#[test]
fn acknowledged_publishes_have_the_number_of_their_event() {
    let server = start();
    let mut publisher = Client::connect(&server);
    let (mut client, number) = Client::subscriber(&server, "chat");
    let acknowledge = json!({"acknowledge": true});
    let answer = publisher.ask(json!([16, 1, acknowledge, "chat", [1, 2], {"a": 3}]));
    assert_eq!(
        (&answer[0], &answer[1]),
        (&json!(17), &json!(1)),
        "{answer}"
    );
    let expected = json!([36, number, answer[2], {}, [1, 2], {"a": 3}]);
    assert_eq!(client.message(), expected);
    publisher.send(json!([16, 2, {}, "chat", ["silent"]]));
    publisher.barrier();
    assert_eq!(client.message()[4], json!(["silent"]));
}

#[test]
fn a_publisher_gets_its_own_event_only_if_it_wants_to() {
    let server = start();
    let (mut publisher, number) = Client::subscriber(&server, "chat");
    let (mut client, _) = Client::subscriber(&server, "chat");
    publisher.send(json!([16, 1, {}, "chat", [1]]));
    publisher.send(json!([16, 2, {"exclude_me": false}, "chat", [2]]));
    let own = publisher.message();
    assert_eq!((&own[1], &own[4]), (&json!(number), &json!([2])));
    for event in [1, 2] {
        assert_eq!(client.message()[4], json!([event]));
    }
    publisher.barrier();
}

#[test]
fn refused_publishes_are_answered_or_dropped() {
    let server = start_limited(|limits| limits.event_len_max = 10);
    let mut client = Client::connect(&server);
    let long = "x".repeat(9);
    for (options, topic, event, error, kind) in [
        (
            json!({}),
            "news",
            "1",
            "not_authorized",
            PublishRefusal::Denied,
        ),
        (
            json!({"eligible": [7]}),
            "chat",
            "1",
            "option_not_allowed",
            PublishRefusal::BadMessage,
        ),
        (
            json!({}),
            "chat",
            &long,
            "payload_size_exceeded",
            PublishRefusal::EventTooLarge,
        ),
    ] {
        client.send(json!([16, 1, options, topic, [event]]));
        client.barrier();
        let mut options = options;
        options["acknowledge"] = json!(true);
        let (uri, _) = client.refused(json!([16, 2, options, topic, [event]]));
        assert_eq!(uri, format!("wamp.error.{error}"));
        assert_eq!(server.hub.stats().publishes_refused.get(kind), 2, "{error}");
    }
    assert_eq!(server.hub.stats().events.total(), 0);
}

#[test]
fn topics_of_the_server_cannot_be_published() {
    let server = start_server(
        on_any_ports(),
        Recipe::with_client_publish(vec!["*".parse().unwrap()]),
    );
    let mut client = Client::connect(&server);
    for topic in ["", "pushd:denied"] {
        let (error, _) = client.refused(json!([16, 1, {"acknowledge": true}, topic, [1]]));
        assert_eq!(error, "wamp.error.invalid_uri", "{topic}");
    }
}
