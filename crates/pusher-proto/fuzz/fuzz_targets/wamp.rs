//! Messages of browsers in WAMP v1: no text panics, decoded messages encode again, and the server's answers are valid
//! WAMP.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::wamp::{
    ClientMessage, Recipients, Subprotocol, call_error, call_result, event_frame,
};
use pusher_proto::{JsonError, check_value};
use serde_json::value::RawValue;
use serde_json::{Value, json};

fuzz_target!(|text: &str| {
    let Ok(message) = ClientMessage::decode(text, Subprotocol::Pushd1) else {
        return;
    };
    if let Err(JsonError::Syntax(error)) = check_value(text) {
        panic!("a message that is no JSON: {error}");
    }
    let again = encode(&message);
    let again = ClientMessage::decode(&again, Subprotocol::Pushd1).unwrap();
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
    check_answers(&message);
});

/// As a client would write it.
fn encode(message: &ClientMessage<'_>) -> String {
    match message {
        ClientMessage::Prefix { prefix, uri } => json!([1, prefix, uri]).to_string(),
        ClientMessage::Subscribe { topic, since } => {
            json!([5, topic, {"since": since}]).to_string()
        }
        ClientMessage::Keepalive => "[12]".to_owned(),
        ClientMessage::Ticket { ticket } => json!([13, ticket]).to_string(),
        ClientMessage::Unsubscribe { topic } => json!([6, topic]).to_string(),
        ClientMessage::Call {
            call_id,
            proc_uri,
            arguments,
        } => {
            let arguments = arguments.iter().map(|value| format!(",{}", value.get()));
            let arguments: String = arguments.collect();
            let uri = json!(proc_uri);
            format!("[2,{},{uri}{arguments}]", call_id.as_json())
        }
        ClientMessage::Publish {
            topic,
            event,
            recipients,
        } => format!(
            "[7,{},{event}{}]",
            json!(topic),
            encode_recipients(recipients)
        ),
    }
}

fn encode_recipients(recipients: &Recipients<'_>) -> String {
    let eligible = json!(recipients.eligible);
    match recipients.exclude_me {
        true => format!(",true,{eligible}"),
        false => format!(",{},{eligible}", json!(recipients.exclude)),
    }
}

/// The server's messages contain parts of a browser's message: they must be complete.
fn check_answers(message: &ClientMessage<'_>) {
    match message {
        ClientMessage::Call {
            call_id, proc_uri, ..
        } => {
            let id = call_id.as_json();
            for answer in [
                call_result(id, "null"),
                call_error(id, proc_uri, proc_uri, Some("[]")),
            ] {
                let answer: Vec<&RawValue> = serde_json::from_str(&answer).unwrap();
                assert_eq!(answer[1].get(), id);
            }
        }
        ClientMessage::Publish { topic, event, .. } => check_event(topic, event),
        _ => {}
    }
}

fn check_event(topic: &str, event: &str) {
    let frame = event_frame(topic, event);
    let header_len = match frame[1] {
        0..=125 => 2,
        126 => 4,
        _ => 10,
    };
    let text = std::str::from_utf8(&frame[header_len..]).unwrap();
    let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap();
    let [kind, uri, passed_on] = elements[..] else {
        panic!("{text}");
    };
    assert_eq!(kind.get(), "8");
    assert_eq!(serde_json::from_str::<Value>(uri.get()).unwrap(), topic);
    assert_eq!(passed_on.get(), event);
}
