//! The answers of pushd, Reverb and Soketi to messages of browsers, one row a case.
//!
//! The columns of the other servers are facts from their public test suites and documents: `tests/Feature/Protocols/Pusher`,
//! `tests/Unit/Protocols/Pusher` and `ClientEvent` of laravel/reverb 1.x, `tests/*.test.ts` and `ws-handler` of
//! soketi/soketi 1.x. A row says why pushd is different, if it is.

mod client_events;
mod limits;
mod row;
mod subscriptions;

use pusher_core::Recipe;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use row::Theirs::{Other, Same};
use row::{Row, row};

use crate::channels::{Client, options, start};
use crate::support::{TestServer, start_server};

/// Returns a message as `EVENT CHANNEL DATA`, without the texts for people, and without empty data.
fn summary(message: &Message) -> String {
    let message = match message {
        Message::Text(text) => serde_json::from_str::<Value>(text).unwrap(),
        Message::Close(Some(frame)) => return format!("close {}", u16::from(frame.code)),
        other => panic!("{other:?}"),
    };
    let mut words = vec![message["event"].as_str().unwrap().to_owned()];
    words.extend(message["channel"].as_str().map(str::to_owned));
    let data = message["data"].as_str().unwrap_or("{}");
    let mut data: Value = serde_json::from_str(data).unwrap();
    let members = data.as_object_mut().unwrap();
    members.remove("message");
    members.remove("error");
    if !members.is_empty() {
        words.push(data.to_string());
    }
    words.join(" ")
}

/// Returns the answers up to the pong of a ping that the client sends behind its message.
fn answers(client: &mut Client, sent: &str) -> String {
    let is_ping = sent.contains("pusher:ping");
    client.socket.send(Message::text(sent)).unwrap();
    client
        .socket
        .send(Message::text(r#"{"event":"pusher:ping"}"#))
        .unwrap();
    let mut answers = Vec::new();
    let mut pongs = 0;
    while pongs < 1 + u8::from(is_ping) {
        let answer = summary(&client.socket.read().unwrap());
        pongs += u8::from(answer == "pusher:pong");
        answers.push(answer);
    }
    answers.pop();
    answers.join("; ")
}

/// Fills in the `auth` of the site.
fn signed(client: &Client, message: &str) -> String {
    if !message.contains("SIGNED") {
        return message.to_owned();
    }
    let parsed: Value = serde_json::from_str(message).unwrap();
    let data = &parsed["data"];
    let auth = client.auth(
        data["channel"].as_str().unwrap(),
        data["channel_data"].as_str(),
    );
    message.replace("SIGNED", &auth)
}

#[track_caller]
fn check(server: &TestServer, rows: Vec<Row>) {
    for row in rows {
        let mut client = Client::connect(server);
        let mut last = String::new();
        for message in row.sends {
            let message = signed(&client, message);
            last = answers(&mut client, &message);
        }
        assert_eq!(last, row.pushd, "{}", row.case);
        for theirs in [row.reverb, row.soketi] {
            if let Other(answer, why) = theirs {
                assert_ne!(answer, row.pushd, "{}: it is the same", row.case);
                assert!(!why.is_empty(), "{}", row.case);
            }
        }
    }
}

#[test]
fn answers_to_messages() {
    check(&start(), subscriptions::rows());
}

#[test]
fn answers_to_client_events() {
    check(&start(), client_events::rows());
}

#[test]
fn answers_to_mistakes() {
    check(&start(), client_events::rows_of_mistakes());
}

#[test]
fn answers_to_users() {
    check(&start(), subscriptions::rows_of_users());
}

/// Both answer 4301 as pushd does.
#[test]
fn answers_to_client_events_that_are_switched_off() {
    let mut options = options();
    options.live.client_events.clear();
    let server = start_server(options, Recipe::default());
    check(
        &server,
        vec![row(
            "switched off",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"SIGNED"}}"#,
                r#"{"event":"client-typing","channel":"private-a","data":{}}"#,
            ],
            r#"pusher:error {"code":4301}"#,
            Same,
            Same,
        )],
    );
}
