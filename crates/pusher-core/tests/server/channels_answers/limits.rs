//! Names and data that are too long.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::channels::{Client, start};

/// Subscribes, and returns the data of the answer, `None` if it is not an error.
fn refused(channel: &str, channel_data: Option<&str>) -> Option<Value> {
    let server = start();
    let mut client = Client::connect(&server);
    let auth = client.auth(channel, channel_data);
    let data = json!({"channel": channel, "auth": auth, "channel_data": channel_data});
    client.send("pusher:subscribe", data);
    let answer = client.message();
    let is_error = answer["event"] == "pusher:subscription_error";
    is_error.then(|| serde_json::from_str(answer["data"].as_str().unwrap()).unwrap())
}

/// Soketi answers `LimitReached` with the status 4301 behind 2 KB. Reverb has no limit of its own.
#[test]
fn info_of_a_member_has_at_most_2_kib() {
    let with = |len: usize| json!({"user_id": 1, "user_info": "x".repeat(len - 2)}).to_string();
    assert_eq!(refused("presence-a", Some(&with(2048))), None);
    let data = refused("presence-a", Some(&with(2049))).unwrap();
    assert_eq!(
        (&data["type"], &data["status"]),
        (&json!("InvalidChannel"), &json!(400))
    );
}

/// Soketi answers 4301 behind 200 characters. Reverb sends such an event to the others.
#[test]
fn name_of_a_client_event_has_at_most_200_bytes() {
    let server = start();
    let mut client = Client::connect(&server);
    client.subscribed("private-a", None);
    for (len, is_sent) in [(200, true), (201, false)] {
        let event = format!("client-{}", "x".repeat(len - 7));
        let message = json!({"event": event, "channel": "private-a", "data": 1});
        client
            .socket
            .send(Message::text(message.to_string()))
            .unwrap();
        match is_sent {
            true => client.barrier(),
            false => assert_eq!(client.message()["event"], "pusher:error"),
        }
    }
}

/// Soketi cuts at 100 KB, Reverb at 10,000 bytes of the message; both keep the connection.
#[test]
fn a_message_has_at_most_64_kib() {
    let server = start();
    let mut client = Client::connect(&server);
    let mut other = Client::connect(&server);
    for client in [&mut client, &mut other] {
        client.subscribed("private-a", None);
    }
    let message = |len: usize| {
        let empty = json!({"event": "client-x", "channel": "private-a", "data": ""}).to_string();
        let data = "x".repeat(len - empty.len());
        json!({"event": "client-x", "channel": "private-a", "data": data}).to_string()
    };
    client
        .socket
        .send(Message::text(message(64 * 1024)))
        .unwrap();
    assert_eq!(other.message()["event"], "client-x");
    client
        .socket
        .send(Message::text(message(64 * 1024 + 1)))
        .unwrap();
    assert_eq!(client.message()["event"], "pusher:error");
    let closed = client.socket.read().unwrap();
    assert!(
        matches!(&closed, Message::Close(Some(frame)) if u16::from(frame.code) == 4100),
        "{closed:?}"
    );
    other.barrier();
}
