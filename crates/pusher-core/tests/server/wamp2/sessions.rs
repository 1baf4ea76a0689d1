//! The beginning and the end of a session.

use std::time::Duration;

use pusher_core::BrowserRefusal;
use pusher_proto::wamp2::ID_MAX;
use serde_json::json;

use super::{Client, start, start_limited};

#[test]
fn a_session_has_a_number_in_any_realm() {
    let server = start();
    for realm in ["realm1", ""] {
        let mut client = Client::open(&server, "/any/path");
        let welcome = client.ask(json!([1, realm, {}]));
        assert_eq!(welcome[0], 2);
        assert!((1..=ID_MAX).contains(&welcome[1].as_u64().unwrap()));
    }
    let [one, other] = [(); 2].map(|()| Client::connect(&server).session);
    assert_ne!(one, other);
}

#[test]
fn goodbye_is_answered() {
    let server = start();
    let mut client = Client::connect(&server);
    let answer = client.ask(json!([6, {}, "wamp.close.close_realm"]));
    assert_eq!(answer, json!([6, {}, "wamp.close.goodbye_and_out"]));
    assert_eq!(client.close_code(), 1000);
}

#[test]
fn abort_ends_the_session() {
    let server = start();
    let abort = json!([3, {}, "wamp.error.x"]);
    for mut client in [Client::open(&server, "/"), Client::connect(&server)] {
        client.send(abort.clone());
        assert_eq!(client.close_code(), 1000);
    }
}

#[test]
fn wrong_messages_are_aborted() {
    let server = start();
    for (messages, text) in [
        (
            vec![json!([32, 1, {}, "t"])],
            "the first message must be HELLO",
        ),
        (vec![json!([6, {}, "x"])], "the first message must be HELLO"),
        (
            vec![json!([1, "r", {}]), json!([1, "r", {}])],
            "a second HELLO",
        ),
        (
            vec![json!([1, "r", {}]), json!([5, "x", {}])],
            "AUTHENTICATE without a CHALLENGE",
        ),
        (
            vec![json!([1, "r", {}]), json!([32, 0, {}, "t"])],
            "0 is not an id",
        ),
    ] {
        let mut client = Client::open(&server, "/");
        let count = messages.len();
        messages
            .into_iter()
            .for_each(|message| client.send(message));
        for _ in 1..count {
            assert_eq!(client.message()[0], 2);
        }
        let abort = client.message();
        assert_eq!(
            (&abort[0], &abort[2]),
            (&json!(3), &json!("wamp.error.protocol_violation"))
        );
        assert!(
            abort[1]["message"].as_str().unwrap().starts_with(text),
            "{abort}"
        );
        assert_eq!(client.close_code(), 1007);
    }
}

#[test]
fn too_many_messages_end_the_session() {
    let server = start_limited(|limits| {
        limits.client_messages_burst = 3;
        limits.client_messages_per_second = 1;
    });
    let mut client = Client::connect(&server);
    for request in 1..9 {
        client.send(json!([48, request, {}, "p"]));
    }
    let mut answers = 0;
    let abort = loop {
        let message = client.message();
        if message[0] != 8 {
            break message;
        }
        answers += 1;
    };
    // HELLO is the third message. More than 2 only if the machine was stalled for a second.
    assert!((2..8).contains(&answers), "{answers}");
    assert_eq!(abort[1]["message"], "more than 1 messages a second");
    assert_eq!(client.close_code(), 1008);
}

#[test]
fn hello_has_a_deadline() {
    let server = start_limited(|limits| limits.handshake_timeout = Duration::from_millis(200));
    let client = Client::open(&server, "/");
    let mut other = Client::connect(&server);
    client.ends_silently();
    let refused = &server.hub.stats().browsers_refused;
    assert_eq!(refused.get(BrowserRefusal::HandshakeTimeout), 1);
    other.barrier();
}

#[test]
fn a_restart_ends_the_connection_without_a_message() {
    let mut server = start();
    let clients = [Client::connect(&server), Client::open(&server, "/")];
    server.end();
    for client in clients {
        client.ends_silently();
    }
}
