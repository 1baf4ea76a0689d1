//! Subscriptions: signatures, names of channels, and the limit of a connection.

use pusher_core::{Limits, Recipe};
use serde_json::{Value, json};

use super::{Client, options, start};
use crate::support::start_server;

#[test]
fn private_channels_need_a_signature() {
    let server = start();
    let mut client = Client::connect(&server);
    let other = Client::connect(&server);
    let of_other = other.auth("private-a", None);
    for auth in [Value::Null, json!(""), json!("blog:00"), json!(of_other)] {
        client.send(
            "pusher:subscribe",
            json!({"channel": "private-a", "auth": auth}),
        );
        let message = client.message();
        assert_eq!(message["event"], "pusher:subscription_error", "{auth}");
        assert_eq!(message["channel"], "private-a");
        let data: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&data["type"], &data["status"]),
            (&json!("AuthError"), &json!(401))
        );
    }
    assert_eq!(server.hub.subscriber_count("private-a"), 0);
    for channel in ["private-a", "private-encrypted-a"] {
        assert_eq!(client.subscribed(channel, None), json!({}));
        server.hub.publish(channel, "1").unwrap();
        assert_eq!(client.data().1, json!(1));
    }
    // For other protocols the topic is private, too.
    let mut page = server.browser();
    page.send(r#"[5,"private-a"]"#);
    assert_eq!(
        page.message(),
        r#"[8,"pushd:denied",{"topic":"private-a","code":"ticket_missing"}]"#
    );
}

#[test]
fn what_begins_as_a_private_channel_is_private_in_all_protocols() {
    let server = start();
    let long = format!("private-{}", "a".repeat(200));
    for topic in [
        "private-a:b",
        "private-chat/7",
        "presence-x y",
        "#server-to-user-a b",
        &long,
    ] {
        let mut page = server.browser();
        page.send(&json!([5, topic]).to_string());
        let message: Value = serde_json::from_str(&page.message()).unwrap();
        let denied = json!({"topic": topic, "code": "ticket_missing"});
        assert_eq!(message, json!([8, "pushd:denied", denied]));
    }
    server.subscriber("privateer");
}

#[test]
fn names_of_channels_are_checked() {
    let server = start();
    let mut client = Client::connect(&server);
    for channel in ["", "a b", "a/b", "#x", "pushd:revoked", &"x".repeat(165)] {
        client.send("pusher:subscribe", json!({"channel": channel}));
        let (event, data) = client.data();
        assert_eq!(event, "pusher:subscription_error", "{channel}");
        assert_eq!(data["status"], 400, "{channel}");
    }
    client.subscribed(&"x".repeat(164), None);
}

#[test]
fn a_connection_has_a_limit_of_channels() {
    let mut options = options();
    let mut limits = Limits::default();
    limits.topics_max = 3;
    options.live.limits = limits;
    let server = start_server(options, Recipe::default());
    let mut client = Client::connect(&server);
    client.subscribed("presence-a", Some(r#"{"user_id":1}"#));
    client.subscribed("a", None);
    client.subscribe("b", None);
    assert_eq!(client.data().1["type"], "LimitReached");
    client.send("pusher:unsubscribe", json!({"channel": "presence-a"}));
    client.subscribed("b", None);
    client.subscribed("c", None);
}
