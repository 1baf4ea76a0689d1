//! The Channels protocol: no text panics, the message of an event has the event's data, a text survives the log, and no
//! request is accepted that is not signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pusher_proto::channels::{
    BatchRequest, Channel, ChannelsApp, ChannelsEvent, ClientMessage, Member, RestFault, SocketId,
    TriggerRequest, append_event, check_request, check_version, compose, compose_client_event,
    user_id,
};
use pusher_proto::check_value;
use serde_json::Value;

const NOW_S: u64 = 1_800_000_000;

fuzz_target!(|text: &str| {
    if let Ok(ClientMessage::ClientEvent { event, data, .. }) = ClientMessage::decode(text) {
        check_message(&compose_client_event(&event, data, None));
    }
    if check_value(text).is_ok() {
        check_message(text);
    }
    check_message(&compose("e", text, Some(text)));
    if let Ok(request) = TriggerRequest::parse(text, text.len()) {
        assert!(
            request
                .channels
                .iter()
                .all(|name| Channel::parse(name).is_ok())
        );
        check_message(&compose(&request.name, &request.data, None));
    }
    let _not_a_panic = (BatchRequest::parse(text, 100).is_ok(), check_version(text));
    let _not_a_panic = (Member::parse(text).is_ok(), user_id(text).is_ok());
    if let Ok(id) = text.parse::<SocketId>() {
        assert_eq!(id.to_string(), text);
    }
    check_query(text);
});

/// The message to browsers has the data of the event.
fn check_message(event: &str) {
    check_value(event).expect("an event");
    let expect = ChannelsEvent::of(event.as_bytes());
    let mut message = Vec::new();
    append_event(&mut message, "c", event.as_bytes());
    let message: Value = serde_json::from_slice(&message).expect("JSON");
    assert_eq!(message["event"], *expect.name);
    assert_eq!(message["channel"], "c");
    assert_eq!(message["data"], expect.data);
    assert_eq!(
        message.get("user_id").and_then(Value::as_str),
        expect.user_id.as_deref()
    );
}

/// A query that is not signed is refused. Of a signed one, no parameter overrides another.
fn check_query(query: &str) {
    let app = ChannelsApp::parse("3:key", "secret-for-fuzzing").unwrap();
    let check = |query: &str| check_request(&app, "GET", "/", query, NOW_S).and_then(|signed| signed.check_body(b""));
    assert!(check(query).is_err(), "it is not signed");
    let plain = format!("auth_key=key&auth_timestamp={NOW_S}&auth_version=1.0&z={query}");
    let signature = app.sign(format!("GET\n/\n{plain}").as_bytes());
    let checked = check(&format!("{plain}&auth_signature={signature}"));
    let is_wrong = matches!(
        checked,
        Err(RestFault::Key | RestFault::Version | RestFault::Clock { .. })
    );
    assert!(!is_wrong, "{checked:?}");
}
