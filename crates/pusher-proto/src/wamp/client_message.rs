//! Messages of browsers.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{CALL, KEEPALIVE, PREFIX, PUBLISH, SUBSCRIBE, Subprotocol, TICKET, UNSUBSCRIBE};
use crate::json_list::{self, element, skip_rest};
use crate::json_stream::Scan;
use crate::limits::JSON_DEPTH_MAX;
use crate::publish::TopicText;

/// One message of a browser, borrowed from its text. URIs may be CURIEs: resolve them with
/// [`Prefixes::resolve`](super::Prefixes::resolve).
#[derive(Debug)]
pub enum ClientMessage<'a> {
    /// `[1, prefix, uri]`
    Prefix {
        /// The part before the colon.
        prefix: Cow<'a, str>,
        /// The URI that replaces it.
        uri: Cow<'a, str>,
    },
    /// `[2, callId, procURI, arg...]`
    Call {
        /// The id that the answer repeats.
        call_id: CallId<'a>,
        /// URI or CURIE of the procedure.
        proc_uri: Cow<'a, str>,
        /// The arguments, each a JSON value.
        arguments: Vec<&'a RawValue>,
    },
    /// `[5, topicURI]`, and in `pushd.1` also `[5, topicURI, {"since": position}]`
    Subscribe {
        /// URI or CURIE.
        topic: Cow<'a, str>,
        /// Position from which the client has missed events. Not checked: see [`Position`](crate::Position).
        since: Option<Cow<'a, str>>,
    },
    /// `[6, topicURI]`
    Unsubscribe {
        /// URI or CURIE.
        topic: Cow<'a, str>,
    },
    /// `[7, topicURI, event, ...]`
    Publish {
        /// URI or CURIE.
        topic: Cow<'a, str>,
        /// The event, one JSON value.
        event: &'a str,
        /// The subscribers that receive it.
        recipients: Recipients<'a>,
    },
    /// `[12]`, only in `pushd.1`
    Keepalive,
    /// `[13, ticket]`, only in `pushd.1`
    Ticket {
        /// Not verified: see [`TicketKeys::verify`](crate::ticket::TicketKeys::verify).
        ticket: Cow<'a, str>,
    },
}

/// A call's id, a string or a number, as JSON text. The answer repeats it unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallId<'a>(&'a str);

impl<'a> CallId<'a> {
    /// Returns the id as JSON text, quotes included.
    pub fn as_json(self) -> &'a str {
        self.0
    }
}

/// The subscribers that receive a client's event. The default is all of them, the sender included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients<'a> {
    /// Exclude the sender.
    pub exclude_me: bool,
    /// Exclude these session ids.
    pub exclude: Vec<Cow<'a, str>>,
    /// If not empty, only these session ids receive it. An empty list is no restriction, as in Ratchet.
    pub eligible: Vec<Cow<'a, str>>,
}

/// A message that violates WAMP v1. The server closes the session with code 1007.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl<'a> ClientMessage<'a> {
    /// Decodes one text message. Ignores elements after the last known one.
    pub fn decode(text: &'a str, subprotocol: Subprotocol) -> Result<Self, DecodeError> {
        let message = json_list::decode(text, MessageVisitor { subprotocol })
            .map_err(|error| DecodeError(error.to_string()))?;
        // serde_json skips values without recursion, so it does not apply its own depth limit.
        Scan::new(JSON_DEPTH_MAX)
            .find_end(text.trim_ascii().as_bytes())
            .map_err(|error| DecodeError(error.to_string()))?;
        Ok(message)
    }
}

struct MessageVisitor {
    subprotocol: Subprotocol,
}

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = ClientMessage<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a WAMP v1 message, a list such as [5,\"topic\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let message = match element(&mut list, "type")? {
            PREFIX => ClientMessage::Prefix {
                prefix: element::<_, Text<'_>>(&mut list, "prefix")?.0,
                uri: element::<_, Text<'_>>(&mut list, "URI")?.0,
            },
            CALL => return read_call(list),
            SUBSCRIBE => ClientMessage::Subscribe {
                topic: topic(&mut list)?,
                since: match self.subprotocol {
                    Subprotocol::Wamp => None,
                    Subprotocol::Pushd1 => list
                        .next_element::<SubscribeOptions<'_>>()?
                        .and_then(|options| options.since),
                },
            },
            UNSUBSCRIBE => ClientMessage::Unsubscribe {
                topic: topic(&mut list)?,
            },
            PUBLISH => ClientMessage::Publish {
                topic: topic(&mut list)?,
                event: element::<_, &RawValue>(&mut list, "event")?.get(),
                recipients: read_recipients(&mut list)?,
            },
            KEEPALIVE if self.subprotocol == Subprotocol::Pushd1 => ClientMessage::Keepalive,
            TICKET if self.subprotocol == Subprotocol::Pushd1 => ClientMessage::Ticket {
                ticket: element::<_, Text<'_>>(&mut list, "ticket")?.0,
            },
            other => {
                let error = format_args!("a client can't send messages of type {other}");
                return Err(A::Error::custom(error));
            }
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}

fn read_call<'de, A: SeqAccess<'de>>(mut list: A) -> Result<ClientMessage<'de>, A::Error> {
    let id: &RawValue = element(&mut list, "call id")?;
    let first = id.get().as_bytes()[0];
    if !matches!(first, b'"' | b'-' | b'0'..=b'9') {
        return Err(A::Error::custom("a call id must be a string or a number"));
    }
    let proc_uri = topic(&mut list)?;
    let mut arguments = Vec::new();
    while let Some(argument) = list.next_element()? {
        arguments.push(argument);
    }
    Ok(ClientMessage::Call {
        call_id: CallId(id.get()),
        proc_uri,
        arguments,
    })
}

/// The options of a SUBSCRIBE.
#[derive(serde::Deserialize)]
struct SubscribeOptions<'a> {
    #[serde(borrow, default)]
    since: Option<Cow<'a, str>>,
}

/// Reads `excludeMe`, or `exclude` and `eligible`. The type of the fourth element decides.
fn read_recipients<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Recipients<'de>, A::Error> {
    let mut recipients = Recipients::default();
    match list.next_element()? {
        None | Some(Exclude::Nobody) => {}
        Some(Exclude::Me(exclude_me)) => recipients.exclude_me = exclude_me,
        Some(Exclude::Sessions(ids)) => recipients.exclude = ids,
    }
    match list.next_element()? {
        None | Some(Exclude::Nobody) => {}
        Some(Exclude::Sessions(ids)) => recipients.eligible = ids,
        Some(Exclude::Me(_)) => {
            return Err(A::Error::custom("eligible must be a list of session ids"));
        }
    }
    Ok(recipients)
}

fn topic<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Cow<'de, str>, A::Error> {
    element::<_, TopicText<'_>>(list, "URI").map(|TopicText(topic)| topic)
}

/// A JSON string, borrowed if it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The elements after the event of a PUBLISH.
enum Exclude<'a> {
    Nobody,
    Me(bool),
    Sessions(Vec<Cow<'a, str>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Exclude<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExcludeVisitor)
    }
}

struct ExcludeVisitor;

impl<'de> Visitor<'de> for ExcludeVisitor {
    type Value = Exclude<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a boolean or a list of session ids")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Exclude::Nobody)
    }

    fn visit_bool<E>(self, exclude_me: bool) -> Result<Self::Value, E> {
        Ok(Exclude::Me(exclude_me))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut ids = Vec::new();
        while let Some(Text(id)) = list.next_element()? {
            ids.push(id);
        }
        Ok(Exclude::Sessions(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A message in Rust's debug form, without the noise.
    fn check(text: &str) -> Result<String, String> {
        let message = ClientMessage::decode(text, Subprotocol::Wamp);
        match message.map_err(|error| error.to_string())? {
            ClientMessage::Keepalive => Ok("keepalive".to_owned()),
            ClientMessage::Ticket { .. } => Err("wamp has no tickets".to_owned()),
            ClientMessage::Prefix { prefix, uri } => Ok(format!("prefix {prefix} = {uri}")),
            ClientMessage::Subscribe { topic, since: None } => Ok(format!("subscribe {topic}")),
            ClientMessage::Subscribe { .. } => Err("wamp has no since".to_owned()),
            ClientMessage::Unsubscribe { topic } => Ok(format!("unsubscribe {topic}")),
            ClientMessage::Call {
                call_id,
                proc_uri,
                arguments,
            } => {
                let arguments: Vec<_> = arguments.iter().map(|value| value.get()).collect();
                let id = call_id.as_json();
                Ok(format!("call {id} {proc_uri} {}", arguments.join(" ")))
            }
            ClientMessage::Publish {
                topic,
                event,
                recipients: r,
            } => Ok(format!(
                "publish {topic} {event} {} {:?} {:?}",
                r.exclude_me, r.exclude, r.eligible
            )),
        }
    }

    #[test]
    fn client_messages_are_decoded() {
        for (text, expect) in [
            (r#"[1,"p","http://x/"]"#, "prefix p = http://x/"),
            (r#"[5,"a:b"]"#, "subscribe a:b"),
            (" [ 5 , \"t\" ] \n", "subscribe t"),
            ("[5,123]", "subscribe 123"),
            ("[5,\"\\u732b\"]", "subscribe 猫"),
            (r#"[6,"t","extra",[]]"#, "unsubscribe t"),
            (r#"[2,"id","u",1.0,{ }]"#, r#"call "id" u 1.0 { }"#),
            (r#"[2,77,"u"]"#, "call 77 u "),
            (r#"[7,"t",null]"#, "publish t null false [] []"),
            (r#"[7,"t",{},true]"#, "publish t {} true [] []"),
            (
                r#"[7,"t",1,["a","b"]]"#,
                r#"publish t 1 false ["a", "b"] []"#,
            ),
            (r#"[7,"t",1,[],["c"],9]"#, r#"publish t 1 false [] ["c"]"#),
            (r#"[7,"t",1,["\u0061"]]"#, r#"publish t 1 false ["a"] []"#),
            (r#"[7,"t",1,null,null]"#, "publish t 1 false [] []"),
        ] {
            assert_eq!(check(text).as_deref(), Ok(expect), "{text}");
        }
    }

    #[test]
    fn invalid_client_messages_are_errors() {
        for (text, part) in [
            ("", "EOF"),
            ("x", "expected value"),
            ("{}", "a WAMP v1 message"),
            ("\"5\"", "a WAMP v1 message"),
            ("[]", "no type"),
            ("[\"5\",\"t\"]", "invalid type"),
            ("[-5,\"t\"]", "-5"),
            ("[5]", "no URI"),
            ("[5,[]]", "a topic"),
            ("[5,{}]", "a topic"),
            ("[5,true]", "a topic"),
            ("[5,null]", "a topic"),
            ("[5,\"t\"", "EOF"),
            ("[5,\"t\"]]", "trailing"),
            ("[0,\"sid\",1,\"x\"]", "type 0"),
            ("[3,\"id\",1]", "type 3"),
            ("[4,\"id\",\"u\",\"d\"]", "type 4"),
            ("[8,\"t\",1]", "type 8"),
            ("[9,\"t\"]", "type 9"),
            ("[12]", "type 12"),
            ("[13,\"x\"]", "type 13"),
            ("[1]", "no prefix"),
            ("[1,\"p\"]", "no URI"),
            ("[1,1,\"u\"]", "a string"),
            ("[2]", "no call id"),
            ("[2,\"id\"]", "no URI"),
            ("[2,[],\"u\"]", "call id must be"),
            ("[2,\"id\",{}]", "a topic"),
            ("[7]", "no URI"),
            ("[7,\"t\"]", "no event"),
            ("[7,\"t\",1,\"x\"]", "a boolean or a list"),
            ("[7,\"t\",1,[1]]", "a string"),
            ("[7,\"t\",1,[],\"x\"]", "a boolean or a list"),
            ("[7,\"t\",1,[],true]", "eligible must be"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn pushd_1_is_wamp_with_keepalive() {
        let decode = |text| ClientMessage::decode(text, Subprotocol::Pushd1);
        for text in ["[12]", " [ 12 ] ", "[12,25000,{}]"] {
            assert!(
                matches!(decode(text), Ok(ClientMessage::Keepalive)),
                "{text}"
            );
        }
        let Ok(ClientMessage::Ticket { ticket }) = decode(r#"[13,"a.b.c",{}]"#) else {
            panic!("not a ticket");
        };
        assert_eq!(ticket, "a.b.c");
        for text in [
            "12",
            "[12",
            "[\"12\"]",
            "[9]",
            "[13]",
            "[13,null]",
            "[13,7]",
            "[14]",
        ] {
            assert!(decode(text).is_err(), "{text}");
        }
        for (text, expect) in [
            (r#"[5,"t"]"#, None),
            (r#"[5,"t",{}]"#, None),
            (r#"[5,"t",{"since":null,"new":[]},1]"#, None),
            (r#"[5,"t",{"since":"ab-1"}]"#, Some("ab-1")),
            (r#"[5,"t",{"since":"\u0061b-1"}]"#, Some("ab-1")),
        ] {
            let Ok(ClientMessage::Subscribe { topic, since }) = decode(text) else {
                panic!("{text}");
            };
            assert_eq!((&*topic, since.as_deref()), ("t", expect), "{text}");
        }
        for text in [
            r#"[5,"t",1]"#,
            r#"[5,"t",{"since":1}]"#,
            r#"[5,"t",{"since":[]}]"#,
        ] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let nested = |depth| format!("[2,1,\"u\",{}{}]", "[".repeat(depth), "]".repeat(depth));
        assert!(check(&nested(JSON_DEPTH_MAX - 1)).is_ok());
        assert!(
            check(&nested(JSON_DEPTH_MAX))
                .unwrap_err()
                .contains("deeper")
        );
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_not_a_panic(text in "[\\[\\]{}0-9\",a:tu\\\\ ]{0,60}") {
            let _ = check(&text);
        }

        #[test]
        fn a_truncated_message_is_an_error(cut in 1usize..23) {
            let text = r#"[7,"t",{"a":1},["x"],[]]"#;
            prop_assert!(check(&text[..text.len() - cut]).is_err());
        }
    }
}
