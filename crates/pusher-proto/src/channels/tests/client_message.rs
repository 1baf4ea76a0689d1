use crate::channels::{ClientMessage, ErrorCode};
use crate::limits::{CHANNELS_NAME_LEN_MAX, EVENT_DEPTH_MAX};
use proptest::prelude::*;

fn subscribe(channel: &str, auth: Option<&str>, data: Option<&str>) -> ClientMessage<'static> {
    ClientMessage::Subscribe {
        channel: channel.to_owned(),
        auth: auth.map(str::to_owned),
        channel_data: data.map(str::to_owned),
    }
}

fn client_event(event: &'static str, channel: &str, data: &'static str) -> ClientMessage<'static> {
    ClientMessage::ClientEvent {
        event: event.into(),
        channel: channel.to_owned(),
        data,
    }
}

#[test]
fn client_messages_are_decoded() {
    for (text, expect) in [
        (r#"{"event":"pusher:ping","data":{}}"#, ClientMessage::Ping),
        (r#"{"event":"pusher:ping"}"#, ClientMessage::Ping),
        (
            r#"{"event":"pusher:pong","data":"{}"}"#,
            ClientMessage::Pong,
        ),
        (
            r#"{"event":"pusher:new","data":[1]}"#,
            ClientMessage::Unknown,
        ),
        (
            r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"a"}}"#,
            subscribe("a", Some(""), None),
        ),
        (
            r#" {"data" : {"channel":"\u732b","auth":null,"x":[{}]},"x":1,"event":"pusher:subscribe"} "#,
            subscribe("猫", None, None),
        ),
        (
            r#"{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"k:1","channel_data":"{\"user_id\":1}"}}"#,
            subscribe("presence-a", Some("k:1"), Some(r#"{"user_id":1}"#)),
        ),
        (
            r#"{"event":"pusher:subscribe","data":"{\"channel\":\"a\",\"auth\":\"k:1\"}"}"#,
            subscribe("a", Some("k:1"), None),
        ),
        (
            r#"{"event":"pusher:unsubscribe","data":{"channel":"a"}}"#,
            ClientMessage::Unsubscribe {
                channel: "a".to_owned(),
            },
        ),
        (
            r#"{"event":"pusher:signin","data":{"auth":"k:1","user_data":"{\"id\":\"1\"}"}}"#,
            ClientMessage::SignIn {
                auth: "k:1".to_owned(),
                user_data: r#"{"id":"1"}"#.to_owned(),
            },
        ),
        (
            r#"{"event":"client-x","data":{ "a" : 1.0 },"channel":"private-a"}"#,
            client_event("client-x", "private-a", r#"{ "a" : 1.0 }"#),
        ),
        (
            r#"{"event":"client-x","channel":"private-a","data":"text"}"#,
            client_event("client-x", "private-a", r#""text""#),
        ),
        (
            r#"{"event":"client-x","channel":"a"}"#,
            client_event("client-x", "a", "null"),
        ),
    ] {
        assert_eq!(ClientMessage::decode(text), Ok(expect), "{text}");
    }
}

#[test]
fn invalid_messages_are_errors_without_a_code() {
    for (text, part) in [
        ("", "not a JSON object"),
        ("[\"pusher:ping\"]", "not a JSON object"),
        ("{}", "event"),
        (r#"{"event":1}"#, "string"),
        (r#"{"event":"pusher:ping"}x"#, "trailing"),
        (
            r#"{"event":"pusher:ping","event":"pusher:ping"}"#,
            "duplicate",
        ),
        (r#"{"event":"pusher:subscribe"}"#, "not a JSON object"),
        (r#"{"event":"pusher:subscribe","data":{}}"#, "no channel"),
        (
            r#"{"event":"pusher:subscribe","data":["a"]}"#,
            "not a JSON object",
        ),
        (
            r#"{"event":"pusher:subscribe","data":"a"}"#,
            "not a JSON object",
        ),
        (
            r#"{"event":"pusher:subscribe","data":{"channel":7}}"#,
            "string",
        ),
        (
            r#"{"event":"pusher:subscribe","data":{"channel":"a","channel":"b"}}"#,
            "duplicate",
        ),
        (
            r#"{"event":"pusher:subscribe","data":"{\"channel\":\"a\",\"channel\":\"b\"}"}"#,
            "duplicate",
        ),
        (
            r#"{"event":"pusher:unsubscribe","data":{"auth":"a"}}"#,
            "no channel",
        ),
        (
            r#"{"event":"pusher:signin","data":{"auth":"a"}}"#,
            "no user_data",
        ),
        (
            r#"{"event":"pusher:signin","data":{"user_data":"{}"}}"#,
            "no auth",
        ),
    ] {
        let error = ClientMessage::decode(text).unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(error.code(), None, "{text}");
    }
}

#[test]
fn clients_send_only_client_events() {
    let event = |name: &str| format!(r#"{{"event":"{name}","channel":"private-a","data":{{}}}}"#);
    let longest = format!("client-{}", "x".repeat(CHANNELS_NAME_LEN_MAX - 7));
    assert!(ClientMessage::decode(&event(&longest)).is_ok());
    for text in [
        event(""),
        event("x"),
        event("client_x"),
        event("Client-x"),
        event("pusher_internal:member_added"),
        event(&format!("{longest}x")),
        r#"{"event":"client-x","data":{}}"#.to_owned(),
    ] {
        let error = ClientMessage::decode(&text).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ClientEvent), "{text}");
    }
}

#[test]
fn depth_has_a_limit() {
    let nested = |depth| {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"event":"client-x","channel":"a","data":{data}}}"#)
    };
    assert!(ClientMessage::decode(&nested(EVENT_DEPTH_MAX - 1)).is_ok());
    let error = ClientMessage::decode(&nested(EVENT_DEPTH_MAX)).unwrap_err();
    assert!(error.to_string().contains("deeper"), "{error}");
}

proptest! {
    #[test]
    fn garbage_is_an_error_not_a_panic(text in r#"[\[\]{}0-9":,a-z\\ -]{0,60}"#) {
        let _ = ClientMessage::decode(&text);
    }

    #[test]
    fn a_truncated_message_is_an_error(cut in 1usize..65) {
        let text = r#"{"event":"pusher:subscribe","data":{"channel":"a","auth":"k:12"}}"#;
        prop_assert!(ClientMessage::decode(&text[..text.len() - cut]).is_err());
    }
}
