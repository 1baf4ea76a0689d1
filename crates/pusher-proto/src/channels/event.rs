//! Events of the log as events of this protocol.
//!
//! An event of the log is one JSON value. That of a Channels event is `{"event":NAME,"data":VALUE}`, with `user_id` as an
//! optional third member, in any order, and nothing else. Every other value is an event `message` with the value as its
//! data, so that browsers of this protocol receive all that others publish.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{check_nested, parse_object, quote};
use crate::limits::{CHANNELS_NAME_LEN_MAX, EVENT_DEPTH_MAX};

/// The name of events that have none.
const MESSAGE: &str = "message";

/// An event of the log, as a browser of this protocol sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelsEvent<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// The data: one JSON value.
    pub data: &'a str,
    /// The user who sent a client event to a presence channel.
    pub user_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    user_id: Option<String>,
}

impl<'a> ChannelsEvent<'a> {
    /// Reads an event of the log, one JSON value.
    pub fn of(event: &'a [u8]) -> Self {
        // The server accepts only UTF-8, so this is for the types.
        let event = str::from_utf8(event).unwrap_or("null");
        match parse_object::<Payload<'a>>(event) {
            Ok(payload) if is_name(&payload.event) => Self {
                name: payload.event,
                data: payload.data.get(),
                user_id: payload.user_id,
            },
            _ => Self {
                name: Cow::Borrowed(MESSAGE),
                data: event.trim_ascii(),
                user_id: None,
            },
        }
    }
}

/// Whether an event may have this name: 1 to [`CHANNELS_NAME_LEN_MAX`] bytes. The names of the protocol's own events would
/// confuse clients.
pub(super) fn is_name(name: &str) -> bool {
    (1..=CHANNELS_NAME_LEN_MAX).contains(&name.len())
        && !name.starts_with("pusher:")
        && !name.starts_with("pusher_internal:")
}

/// Returns the event of the log for a Channels event. `data` is the text of the protocol: if it is one JSON value, that is
/// the data, byte for byte; if not, the text as a JSON string is. A value that is nested too deeply for an event counts as
/// text.
pub fn compose(name: &str, data: &str, user_id: Option<&str>) -> String {
    match check_nested(data, EVENT_DEPTH_MAX - 1).is_ok() {
        true => compose_value(name, data.trim_ascii(), user_id),
        false => compose_value(name, &quote(data), user_id),
    }
}

/// Returns the event of the log for a client event. `data` is the JSON value that the client sent. Clients send an object
/// as it is, or as JSON text in a string; to pusher-js both are the object.
pub fn compose_client_event(name: &str, data: &str, user_id: Option<&str>) -> String {
    match serde_json::from_str::<String>(data) {
        Ok(text) => compose(name, &text, user_id),
        Err(_) => compose_value(name, data, user_id),
    }
}

fn compose_value(name: &str, value: &str, user_id: Option<&str>) -> String {
    let name = quote(name);
    match user_id {
        None => format!(r#"{{"event":{name},"data":{value}}}"#),
        Some(user_id) => {
            let user_id = quote(user_id);
            format!(r#"{{"event":{name},"data":{value},"user_id":{user_id}}}"#)
        }
    }
}

/// Appends the message that brings an event of the log to the subscribers of a channel.
pub fn append_event(out: &mut Vec<u8>, channel: &str, event: &[u8]) {
    let event = ChannelsEvent::of(event);
    // A channel and most data have few characters to escape.
    out.reserve(64 + channel.len() + event.data.len() * 9 / 8);
    out.extend_from_slice(b"{\"event\":");
    append_quoted(out, &event.name);
    out.extend_from_slice(b",\"channel\":");
    append_quoted(out, channel);
    out.extend_from_slice(b",\"data\":");
    append_quoted(out, event.data);
    if let Some(user_id) = &event.user_id {
        out.extend_from_slice(b",\"user_id\":");
        append_quoted(out, user_id);
    }
    out.push(b'}');
}

fn append_quoted(out: &mut Vec<u8>, text: &str) {
    let written = serde_json::to_writer(out, text);
    debug_assert!(written.is_ok(), "every text has a JSON string");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// The message to the subscribers of `a"b`.
    fn message(event: &str) -> String {
        let mut out = b"before".to_vec();
        append_event(&mut out, "a\"b", event.as_bytes());
        String::from_utf8(out.split_off(6)).unwrap()
    }

    #[test]
    fn an_event_of_the_log_has_a_name_and_data() {
        for (event, name, data, user_id) in [
            (
                r#"{"event":"new","data":{ "a" : 1.0 }}"#,
                "new",
                r#"{ "a" : 1.0 }"#,
                None,
            ),
            (
                r#" { "data" : 1 , "event" : "n\u0065w" } "#,
                "new",
                "1",
                None,
            ),
            (
                r#"{"event":"client-x","data":null,"user_id":"7"}"#,
                "client-x",
                "null",
                Some("7"),
            ),
            (
                r#"{"user_id":null,"event":"e","data":"t"}"#,
                "e",
                r#""t""#,
                None,
            ),
        ] {
            let read = ChannelsEvent::of(event.as_bytes());
            assert_eq!(
                (&*read.name, read.data, read.user_id.as_deref()),
                (name, data, user_id),
                "{event}"
            );
        }
    }

    #[test]
    fn every_other_value_is_a_message() {
        let name = |len: usize| format!(r#"{{"event":"{}","data":1}}"#, "n".repeat(len));
        assert_eq!(
            ChannelsEvent::of(name(CHANNELS_NAME_LEN_MAX).as_bytes()).data,
            "1"
        );
        for event in [
            "1",
            " \"text\"\n",
            "null",
            "[]",
            r#"["new",1]"#,
            "{}",
            r#"{"event":"new"}"#,
            r#"{"data":1}"#,
            r#"{"event":"new","data":1,"x":1}"#,
            r#"{"event":"new","event":"new","data":1}"#,
            r#"{"event":"new","data":1,"data":2}"#,
            r#"{"event":1,"data":1}"#,
            r#"{"event":"new","data":1,"user_id":7}"#,
            r#"{"event":"","data":1}"#,
            &name(CHANNELS_NAME_LEN_MAX + 1),
            r#"{"event":"pusher:error","data":{}}"#,
            r#"{"event":"pusher_internal:member_added","data":{}}"#,
        ] {
            let read = ChannelsEvent::of(event.as_bytes());
            assert_eq!(
                (&*read.name, read.data, read.user_id),
                ("message", event.trim(), None)
            );
        }
        assert_eq!(ChannelsEvent::of(b"\"\xff\"").data, "null");
    }

    #[test]
    fn messages_have_the_data_in_a_string() {
        for (event, expect) in [
            (
                r#"{"event":"n\"","data":{"a":"\n"}}"#,
                r#"{"event":"n\"","channel":"a\"b","data":"{\"a\":\"\\n\"}"}"#,
            ),
            (
                "{\"event\":\"e\",\"data\":[1,\r\n2]}",
                r#"{"event":"e","channel":"a\"b","data":"[1,\r\n2]"}"#,
            ),
            (
                r#"{"event":"client-e","data":"t","user_id":"7"}"#,
                r#"{"event":"client-e","channel":"a\"b","data":"\"t\"","user_id":"7"}"#,
            ),
            (
                "\"\u{2028}猫\"",
                "{\"event\":\"message\",\"channel\":\"a\\\"b\",\"data\":\"\\\"\u{2028}猫\\\"\"}",
            ),
        ] {
            assert_eq!(message(event), expect);
        }
    }

    #[test]
    fn json_text_becomes_a_value_and_other_text_a_string() {
        for (data, value) in [
            (r#"{ "a" : 1.0 }"#, r#"{ "a" : 1.0 }"#),
            (" 5\n", "5"),
            (r#""t""#, r#""t""#),
            ("t", r#""t""#),
            ("", r#""""#),
            ("{", r#""{""#),
            ("1 2", r#""1 2""#),
            ("\u{feff}1", "\"\u{feff}1\""),
        ] {
            assert_eq!(
                compose("e", data, None),
                format!(r#"{{"event":"e","data":{value}}}"#)
            );
        }
        assert_eq!(
            compose("e\"", "1", Some("7\"")),
            r#"{"event":"e\"","data":1,"user_id":"7\""}"#
        );
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for depth in [EVENT_DEPTH_MAX - 1, EVENT_DEPTH_MAX] {
            let event = compose("e", &nested(depth), None);
            assert!(crate::check_value(&event).is_ok(), "{event}");
            let is_value = ChannelsEvent::of(event.as_bytes()).data.starts_with('[');
            assert_eq!(is_value, depth < EVENT_DEPTH_MAX);
        }
    }

    #[test]
    fn client_events_carry_a_value_or_its_text() {
        for (data, value) in [
            (r#"{ "a" : 1 }"#, r#"{ "a" : 1 }"#),
            (r#""{\"a\":1}""#, r#"{"a":1}"#),
            (r#""typing""#, r#""typing""#),
            ("null", "null"),
            (r#""\ud800""#, r#""\ud800""#),
        ] {
            let event = compose_client_event("client-e", data, Some("7"));
            assert_eq!(
                event,
                format!(r#"{{"event":"client-e","data":{value},"user_id":"7"}}"#)
            );
        }
    }

    proptest! {
        #[test]
        fn every_text_survives_the_log(
            name in "[ -~猫]{1,20}", data in r#"[\[\]{}0-9":,a\\\n猫 -]{0,20}"#, user_id in prop::option::of(".{0,9}"),
        ) {
            prop_assume!(is_name(&name));
            let event = compose(&name, &data, user_id.as_deref());
            prop_assert!(crate::check_value(&event).is_ok());
            let read = ChannelsEvent::of(event.as_bytes());
            prop_assert_eq!(&read.name, &name);
            prop_assert_eq!(&read.user_id, &user_id);
            // As pusher-js reads it: parsed if it is JSON, and as it is if not.
            let sent = serde_json::from_str(&data).unwrap_or(Value::String(data));
            let message: Value = serde_json::from_str(&message(&event)).unwrap();
            let received: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
            prop_assert_eq!(received, sent);
            prop_assert_eq!(message["event"].as_str(), Some(&*name));
            prop_assert_eq!(message["channel"].as_str(), Some("a\"b"));
            prop_assert_eq!(message.get("user_id").and_then(Value::as_str), user_id.as_deref());
        }
    }
}
