//! The arguments of WAMP v2 as one event, and back.
//!
//! An event is one JSON value, but a PUBLISH of WAMP v2 has a list of arguments and an object of keyword arguments.
//! One argument alone is the event itself. Everything else is the event `{"args":[...],"kwargs":{...}}`.

use std::borrow::Cow;
use std::io::Write;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::EVENT;

/// An event that has all arguments. No other members are allowed.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    args: &'a RawValue,
    #[serde(borrow)]
    kwargs: &'a RawValue,
}

impl<'a> Payload<'a> {
    /// Reads an event. `None` if it is another value.
    fn of(event: &'a [u8]) -> Option<Self> {
        // Most events are other objects: do not parse them.
        let members = event.trim_ascii_start().strip_prefix(b"{")?;
        let members = members.trim_ascii_start();
        if !members.starts_with(b"\"args\"") && !members.starts_with(b"\"kwargs\"") {
            return None;
        }
        let payload: Self = serde_json::from_slice(event).ok()?;
        let has_types = payload.args.get().starts_with('[') && is_object(payload.kwargs);
        has_types.then_some(payload)
    }
}

/// Returns the event of a PUBLISH with these arguments: a list and an object, if they are present.
pub(super) fn event<'a>(args: Option<&'a RawValue>, kwargs: Option<&'a RawValue>) -> Cow<'a, str> {
    let has_kwargs = kwargs.is_some_and(|kwargs| !is_empty(kwargs));
    if let Some(event) = args.and_then(only_element)
        && !has_kwargs
        && Payload::of(event.as_bytes()).is_none()
    {
        return Cow::Borrowed(event);
    }
    let args = args.map_or("[]", RawValue::get);
    let kwargs = kwargs.map_or("{}", RawValue::get);
    Cow::Owned(format!(r#"{{"args":{args},"kwargs":{kwargs}}}"#))
}

/// Appends the text of `[36, subscription, publication, {}, arguments, argumentsKw]`. The arguments of `event` are
/// forwarded byte for byte. As WAMP v2 recommends, trailing empty arguments are left out.
pub fn append_event(out: &mut Vec<u8>, subscription: u64, publication: u64, event: &[u8]) {
    let start = write!(out, "[{EVENT},{subscription},{publication},{{}}");
    debug_assert!(start.is_ok(), "a Vec accepts every write");
    match Payload::of(event) {
        None => {
            out.extend_from_slice(b",[");
            out.extend_from_slice(event);
            out.push(b']');
        }
        Some(Payload { args, kwargs }) => {
            let has_kwargs = !is_empty(kwargs);
            if has_kwargs || !is_empty(args) {
                out.push(b',');
                out.extend_from_slice(args.get().as_bytes());
            }
            if has_kwargs {
                out.push(b',');
                out.extend_from_slice(kwargs.get().as_bytes());
            }
        }
    }
    out.push(b']');
}

pub(super) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

/// Whether a list or an object has no elements.
fn is_empty(value: &RawValue) -> bool {
    let text = value.get();
    text[1..text.len() - 1].trim_ascii().is_empty()
}

/// Returns the element of a list that has only one.
fn only_element(list: &RawValue) -> Option<&str> {
    let mut deserializer = serde_json::Deserializer::from_str(list.get());
    deserializer.deserialize_seq(OnlyElement).ok().flatten()
}

struct OnlyElement;

impl<'de> Visitor<'de> for OnlyElement {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let first: Option<&RawValue> = list.next_element()?;
        let mut is_only = true;
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_only = false;
        }
        Ok(first.filter(|_| is_only).map(RawValue::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::EVENT_DEPTH_MAX;

    fn event_message(event: &str) -> String {
        let mut out = Vec::new();
        append_event(&mut out, 7, 12, event.as_bytes());
        String::from_utf8(out).unwrap()
    }

    fn value(text: &str) -> Option<&RawValue> {
        (!text.is_empty()).then(|| serde_json::from_str(text).unwrap())
    }

    fn event_of(args: &str, kwargs: &str) -> String {
        event(value(args), value(kwargs)).into_owned()
    }

    #[test]
    fn one_argument_is_the_event() {
        for (args, kwargs, expect) in [
            ("[1.0]", "", "1.0"),
            ("[ { } ]", "{ }", "{ }"),
            ("[[1,2]]", "{}", "[1,2]"),
            ("[null]", "", "null"),
            ("", "", r#"{"args":[],"kwargs":{}}"#),
            ("[]", "{}", r#"{"args":[],"kwargs":{}}"#),
            ("[1, 2]", "", r#"{"args":[1, 2],"kwargs":{}}"#),
            ("[1]", r#"{"a":1}"#, r#"{"args":[1],"kwargs":{"a":1}}"#),
            ("[]", r#"{"a":1}"#, r#"{"args":[],"kwargs":{"a":1}}"#),
            (r#"[{"args":[]}]"#, "", r#"{"args":[]}"#),
            (
                r#"[{"args":[],"kwargs":{}}]"#,
                "",
                r#"{"args":[{"args":[],"kwargs":{}}],"kwargs":{}}"#,
            ),
        ] {
            assert_eq!(event_of(args, kwargs), expect, "{args} {kwargs}");
        }
    }

    #[test]
    fn events_become_arguments() {
        for (event, rest) in [
            ("{ }", "[{ }]"),
            ("[1,\"猫\"]", "[[1,\"猫\"]]"),
            (r#"{"args":[1,2],"kwargs":{}}"#, "[1,2]"),
            (" { \"kwargs\" : { } , \"args\" : [ 1 ] } ", "[ 1 ]"),
            (r#"{"kwargs":{"a":1.0},"args":[ ]}"#, r#"[ ],{"a":1.0}"#),
        ] {
            assert_eq!(event_message(event), format!("[36,7,12,{{}},{rest}]"));
        }
        let nothing = r#"{"args":[],"kwargs":{}}"#;
        assert_eq!(event_message(nothing), "[36,7,12,{}]");
    }

    #[test]
    fn only_exactly_two_members_are_arguments() {
        for event in [
            r#"{"args":[]}"#,
            r#"{"kwargs":{}}"#,
            r#"{"args":[],"kwargs":{},"x":1}"#,
            r#"{"args":[],"args":[],"kwargs":{}}"#,
            r#"{"args":{},"kwargs":{}}"#,
            r#"{"args":[],"kwargs":[]}"#,
            r#"{"args":[],"kwargs":null}"#,
            r#"[[],{}]"#,
            r#""args""#,
        ] {
            assert_eq!(event_message(event), format!("[36,7,12,{{}},[{event}]]"));
        }
    }

    #[test]
    fn deepest_event_can_be_parsed() {
        let event = format!(
            "{}{}",
            "[".repeat(EVENT_DEPTH_MAX),
            "]".repeat(EVENT_DEPTH_MAX)
        );
        let message = event_message(&event);
        assert!(serde_json::from_str::<serde_json::Value>(&message).is_ok());
    }
}
