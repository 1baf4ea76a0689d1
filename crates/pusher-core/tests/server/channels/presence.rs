//! Presence channels and their members.

use serde_json::json;

use super::{Client, start};

#[test]
fn members_of_a_presence_channel_know_each_other() {
    let server = start();
    let mut ann = Client::connect(&server);
    let data = ann.subscribed(
        "presence-a",
        Some(r#"{"user_id":7,"user_info":{"name":"Ann"}}"#),
    );
    let alone = json!({"count": 1, "ids": ["7"], "hash": {"7": {"name": "Ann"}}});
    assert_eq!(data["presence"], alone);
    let mut bob = Client::connect(&server);
    let data = bob.subscribed("presence-a", Some(r#"{"user_id":"9"}"#));
    let both = json!({"count": 2, "ids": ["7", "9"], "hash": {"7": {"name": "Ann"}, "9": null}});
    assert_eq!(data["presence"], both);
    assert_eq!(
        ann.message(),
        json!({
            "event": "pusher_internal:member_added",
            "channel": "presence-a",
            "data": r#"{"user_id":"9","user_info":null}"#
        })
    );
    // A second connection of a user changes nothing.
    let mut tab = Client::connect(&server);
    tab.subscribed("presence-a", Some(r#"{"user_id":"9"}"#));
    ann.barrier();
    bob.barrier();
    tab.socket.close(None).unwrap();
    bob.send("pusher:unsubscribe", json!({"channel": "presence-a"}));
    assert_eq!(
        ann.message(),
        json!({
            "event": "pusher_internal:member_removed",
            "channel": "presence-a",
            "data": r#"{"user_id":"9"}"#
        })
    );
    for data in [None, Some("{}"), Some("x"), Some(r#"{"user_id":""}"#)] {
        bob.subscribe("presence-b", data);
        assert_eq!(bob.data().0, "pusher:subscription_error", "{data:?}");
    }
}

#[test]
fn a_presence_channel_has_a_limit() {
    let server = start();
    let mut clients = Vec::new();
    for user in 0..100 {
        let mut client = Client::connect(&server);
        let data = format!(r#"{{"user_id":{user}}}"#);
        assert_eq!(
            client.subscribed("presence-a", Some(&data))["presence"]["count"],
            user + 1
        );
        clients.push(client);
    }
    let mut late = Client::connect(&server);
    late.subscribe("presence-a", Some(r#"{"user_id":100}"#));
    let (event, data) = late.data();
    assert_eq!(
        (&*event, &data["type"]),
        ("pusher:subscription_error", &json!("LimitReached"))
    );
    // A user who is there already.
    late.subscribed("presence-a", Some(r#"{"user_id":5}"#));
}

#[test]
fn a_session_is_one_member_of_a_channel() {
    let server = start();
    let mut ann = Client::connect(&server);
    ann.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
    let mut bob = Client::connect(&server);
    bob.subscribed("presence-a", Some(r#"{"user_id":"8"}"#));
    assert_eq!(ann.data().0, "pusher_internal:member_added");
    ann.subscribe("presence-a", Some(r#"{"user_id":"9"}"#));
    let (event, data) = ann.data();
    assert_eq!(
        (&*event, &data["type"], &data["status"]),
        (
            "pusher:subscription_error",
            &json!("AlreadySubscribed"),
            &json!(409)
        )
    );
    // It is the same member as before.
    for client in [&mut ann, &mut bob] {
        client.barrier();
    }
    ann.send_to("presence-a", "client-x", json!(1));
    assert_eq!(bob.message()["user_id"], "7");
    ann.send("pusher:unsubscribe", json!({"channel": "presence-a"}));
    let data = ann.subscribed("presence-a", Some(r#"{"user_id":"9"}"#));
    assert!(data["presence"]["hash"].get("9").is_some(), "{data}");
    assert_eq!(bob.data().0, "pusher_internal:member_added");
    ann.barrier();
}
