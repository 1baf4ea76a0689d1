//! Messages of clients in WAMP v2: no text panics, and the arguments of a publish arrive byte for byte in its EVENT.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::check_value;
use pusher_proto::wamp2::{ClientMessage, ID_MAX, Publish, append_event};
use serde_json::value::RawValue;

fuzz_target!(|text: &str| {
    let Ok(message) = ClientMessage::decode(text) else {
        return;
    };
    check_value(text).unwrap();
    match message {
        ClientMessage::Publish(publish) => check_publish(text, &publish),
        ClientMessage::Subscribe { request, .. }
        | ClientMessage::Unsubscribe { request, .. }
        | ClientMessage::Procedure { request, .. } => assert!((1..=ID_MAX).contains(&request)),
        _ => {}
    }
});

fn check_publish(text: &str, publish: &Publish<'_>) {
    check_value(&publish.event).unwrap();
    let mut event = Vec::new();
    append_event(&mut event, ID_MAX, 1, publish.event.as_bytes());
    let event = std::str::from_utf8(&event).unwrap();
    let sent: Vec<&RawValue> = serde_json::from_str(text).unwrap();
    let received: Vec<&RawValue> = serde_json::from_str(event).unwrap();
    assert_eq!(received[0].get(), "36");
    assert_eq!(arguments(&sent), arguments(&received));
    assert_eq!(keyword_arguments(&sent), keyword_arguments(&received));
}

/// The arguments of a PUBLISH or an EVENT.
fn arguments<'a>(message: &[&'a RawValue]) -> Vec<&'a str> {
    let list = message.get(4).map_or("[]", |list| list.get());
    let arguments: Vec<&RawValue> = serde_json::from_str(list).unwrap();
    arguments.iter().map(|argument| argument.get()).collect()
}

/// The keyword arguments, as the text between the braces.
fn keyword_arguments<'a>(message: &[&'a RawValue]) -> &'a str {
    let object = message.get(5).map_or("{}", |object| object.get());
    object[1..object.len() - 1].trim()
}
