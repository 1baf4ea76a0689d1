//! The users of a connection: sign-in, revocation, limits.

use pusher_core::Recipe;
use pusher_proto::limits::TICKET_LEEWAY_S;
use serde_json::json;

use super::{Client, app, options, start};
use crate::support::start_server;
use crate::tickets::{aged_ticket, keys, post};

#[test]
fn a_user_channel_needs_a_sign_in() {
    let server = start();
    let mut member = Client::connect(&server);
    member.subscribed("presence-a", Some(r#"{"user_id":"admin"}"#));
    member.send(
        "pusher:subscribe",
        json!({"channel": "#server-to-user-admin", "auth": ""}),
    );
    assert_eq!(member.data().0, "pusher:subscription_error");
    let mut sign_in = |user: &str| {
        let user_data = json!({"id": user}).to_string();
        let auth = app().user_auth(member.socket_id, &user_data);
        member.send(
            "pusher:signin",
            json!({"auth": auth, "user_data": user_data}),
        );
        member.data().0
    };
    assert_eq!(sign_in("7"), "pusher:signin_success");
    assert_eq!(sign_in("7"), "pusher:signin_success");
    assert_eq!(sign_in("8"), "pusher:error");
    member.send(
        "pusher:subscribe",
        json!({"channel": "#server-to-user-7", "auth": ""}),
    );
    assert_eq!(member.data().0, "pusher_internal:subscription_succeeded");
}

#[test]
fn a_revoked_user_is_disconnected_and_does_not_come_back() {
    let server = start();
    let mut signed_in = Client::connect(&server);
    let user_data = r#"{"id":"7"}"#;
    let auth = app().user_auth(signed_in.socket_id, user_data);
    signed_in.send(
        "pusher:signin",
        json!({"auth": auth, "user_data": user_data}),
    );
    let (event, data) = signed_in.data();
    assert_eq!(
        (&*event, &data["user_data"]),
        ("pusher:signin_success", &json!(user_data))
    );
    signed_in.subscribed_to_user("7");
    signed_in.send("pusher:subscribe", json!({"channel": "#server-to-user-8"}));
    assert_eq!(signed_in.data().0, "pusher:subscription_error");
    let mut member = Client::connect(&server);
    member.subscribed("presence-a", Some(r#"{"user_id":7}"#));
    let mut other = Client::connect(&server);
    other.subscribed("presence-a", Some(r#"{"user_id":8}"#));
    assert_eq!(member.data().0, "pusher_internal:member_added");
    let answer = post(&server, "/revoke/7");
    assert!(answer.contains(r#""sessions":2"#), "{answer}");
    for mut client in [signed_in, member] {
        assert_eq!(client.data().1["code"], 4009);
        assert_eq!(client.close_code(), 4009);
    }
    other.barrier();
}

#[test]
fn each_user_of_a_connection_can_be_revoked() {
    let server = start();
    for revoked in ["7", "9", "signed in"] {
        let mut client = Client::connect(&server);
        client.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
        client.subscribed("presence-b", Some(r#"{"user_id":"9"}"#));
        let user_data = r#"{"id":"signed in"}"#;
        let auth = app().user_auth(client.socket_id, user_data);
        client.send(
            "pusher:signin",
            json!({"auth": auth, "user_data": user_data}),
        );
        assert_eq!(client.data().0, "pusher:signin_success");
        let answer = post(&server, &format!("/revoke/{}", revoked.replace(' ', "%20")));
        assert!(answer.contains(r#""sessions":1"#), "{answer}");
        assert_eq!(client.data().1["code"], 4009, "{revoked}");
        assert_eq!(client.close_code(), 4009);
        drop(client);
        server.until("it has ended", |hub| hub.stats().browsers == 0);
        // In the next second, the user may come back.
        server.until("the second has passed", |_| {
            let mut client = Client::connect(&server);
            client.subscribe("presence-a", Some(&json!({"user_id": revoked}).to_string()));
            client.data().0 == "pusher_internal:subscription_succeeded"
        });
    }
}

#[test]
fn a_second_user_who_was_just_revoked_does_not_come_in() {
    let server = start();
    // A second may pass in between.
    let is_refused = (0..5).any(|_| {
        let mut client = Client::connect(&server);
        client.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
        post(&server, "/revoke/9");
        client.subscribe("presence-b", Some(r#"{"user_id":"9"}"#));
        client.data().1["code"] == 4009
    });
    assert!(is_refused);
}

#[test]
fn a_connection_has_a_limit_of_users() {
    let server = start();
    let mut client = Client::connect(&server);
    let join = |client: &mut Client, user: usize| {
        let data = format!(r#"{{"user_id":{user}}}"#);
        client.subscribe(&format!("presence-{user}"), Some(&data));
        client.data()
    };
    for user in 0..100 {
        let (event, data) = join(&mut client, user);
        assert_eq!(event, "pusher_internal:subscription_succeeded", "{data}");
    }
    assert_eq!(join(&mut client, 100).1["type"], "LimitReached");
    // A user whom it has.
    client.subscribed("presence-100", Some(r#"{"user_id":5}"#));
}

#[test]
fn a_ticket_that_expires_does_not_end_the_connection_of_its_user() {
    let mut options = options();
    options.live.private_topics = vec!["orders.*".parse().unwrap()];
    options.live.ticket_keys = Some(keys());
    let server = start_server(options, Recipe::default());
    // It expires in a moment.
    let ticket = aged_ticket(&["orders.*"], 300 + TICKET_LEEWAY_S - 2);
    let mut client = Client::connect_with(&server, &format!("pushd_ticket={ticket}"));
    client.subscribed("orders.1", None);
    client.subscribed("presence-a", Some(r#"{"user_id":7}"#));
    let message = client.message();
    assert_eq!(message["event"], "pusher:subscription_error");
    assert_eq!(message["channel"], "orders.1");
    client.barrier();
    post(&server, "/revoke/7");
    assert_eq!(client.data().1["code"], 4009);
    assert_eq!(client.close_code(), 4009);
}

#[cfg(unix)]
#[test]
fn members_and_users_continue_after_a_hand_over() {
    let server = start();
    let mut ann = Client::connect(&server);
    let mut bob = Client::connect(&server);
    ann.subscribed("presence-a", Some(r#"{"user_id":"7"}"#));
    bob.subscribed("presence-a", Some(r#"{"user_id":"9"}"#));
    assert_eq!(ann.data().0, "pusher_internal:member_added");
    ann.subscribed("presence-b", Some(r#"{"user_id":"10"}"#));
    let server = server.hand_over_twice_to(options);
    ann.send_to("presence-a", "client-typing", json!({"x": 1}));
    assert_eq!(bob.message()["user_id"], "7");
    let mut eve = Client::connect(&server);
    let data = eve.subscribed("presence-a", Some(r#"{"user_id":"8"}"#));
    assert_eq!(data["presence"]["count"], 3);
    for member in [&mut ann, &mut bob] {
        assert_eq!(member.data().0, "pusher_internal:member_added");
    }
    for (user, mut client) in [("9", bob), ("10", ann)] {
        let answer = post(&server, &format!("/revoke/{user}"));
        assert!(answer.contains(r#""sessions":1"#), "{answer}");
        assert_eq!(client.data().1["code"], 4009);
    }
}
