#![doc = include_str!("native.md")]

use std::borrow::Cow;
use std::io::Write;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::json::quote;
use crate::publish::{Publish, Receipt, TopicText};

/// The highest version of the protocol that this code speaks.
pub const VERSION: u32 = 1;

const HELLO: u64 = 1;
const WELCOME: u64 = 2;
const PUBLISH: u64 = 3;
const RECEIPT: u64 = 4;
const ERROR: u64 = 5;

/// Why a publish, or a publisher, was refused. The wire's names are the table's above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// Not a message of this protocol. Closes.
    BadMessage,
    /// Message too long or nested too deep. Closes.
    TooLarge,
    /// No HELLO, or no version in common. Closes.
    Version,
    /// Not allowed to publish. Closes.
    Denied,
    /// A type that the server does not know.
    UnknownType,
    /// An empty or too long topic.
    BadTopic,
    /// An empty or too long id.
    BadId,
    /// An event longer than the server passes on.
    EventTooLarge,
    /// No room for the event now.
    Overloaded,
    /// The server is about to end. Closes.
    ShuttingDown,
    /// A code that this version does not know: a refusal.
    Other,
}

const ERROR_NAMES: [(ErrorCode, &str); 10] = [
    (ErrorCode::BadMessage, "bad_message"),
    (ErrorCode::TooLarge, "too_large"),
    (ErrorCode::Version, "version"),
    (ErrorCode::Denied, "denied"),
    (ErrorCode::UnknownType, "unknown_type"),
    (ErrorCode::BadTopic, "bad_topic"),
    (ErrorCode::BadId, "bad_id"),
    (ErrorCode::EventTooLarge, "event_too_large"),
    (ErrorCode::Overloaded, "overloaded"),
    (ErrorCode::ShuttingDown, "shutting_down"),
];

impl ErrorCode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        let named = ERROR_NAMES.iter().find(|(code, _)| *code == self);
        named.map_or("refused", |(_, name)| name)
    }

    fn from_name(name: &str) -> Self {
        let known = ERROR_NAMES.iter().find(|(_, known)| *known == name);
        known.map_or(Self::Other, |(code, _)| *code)
    }

    /// Whether the server closes the connection after this answer.
    pub fn closes(self) -> bool {
        matches!(
            self,
            Self::BadMessage | Self::TooLarge | Self::Version | Self::Denied | Self::ShuttingDown
        )
    }
}

/// What a publisher says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromPublisher<'a> {
    /// `[1, version]`, `[1, version, options]`
    Hello {
        /// The highest version that the publisher speaks.
        version: u32,
        /// What it shows to be allowed to publish.
        token: Option<Cow<'a, str>>,
    },
    /// `[3, request, topic, event]`, `[3, request, topic, event, options]`
    Publish {
        /// Comes back in the answer.
        request: u64,
        /// What to publish, the topic not yet checked.
        publish: Publish<'a>,
        /// What tells this publish from all others in its topic, not yet checked.
        id: Option<Cow<'a, str>>,
    },
    /// A type that this version does not know.
    Unknown {
        /// The type's number.
        kind: u64,
    },
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer<'a> {
    /// `[2, version, server, limits]`
    Welcome {
        /// The version that both will use.
        version: u32,
        /// Name and version of the server, for people.
        server: Cow<'a, str>,
    },
    /// `[4, request, sequence, subscribers]`
    Receipt {
        /// The publish's `request`.
        request: u64,
        /// What was done.
        receipt: Receipt,
    },
    /// `[5, request, code, text]`
    Error {
        /// The publish's `request`, if it is about one.
        request: Option<u64>,
        /// For programs.
        code: ErrorCode,
        /// For people.
        text: Cow<'a, str>,
    },
    /// A type that this version does not know: ignore it.
    Unknown {
        /// The type's number.
        kind: u64,
    },
}

/// A message that is not of this protocol; the text says what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl<'a> FromPublisher<'a> {
    /// Reads one message of a publisher.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        decode(text, FromPublisherVisitor)
    }
}

impl<'a> FromServer<'a> {
    /// Reads one message of a server.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        decode(text, FromServerVisitor)
    }
}

/// Appends a HELLO, with the token that the server wants if it wants one, and its line end.
pub fn encode_hello(out: &mut Vec<u8>, token: Option<&str>) {
    match token.map(quote) {
        None => append(out, format_args!("[{HELLO},{VERSION}]\n")),
        Some(token) => append(
            out,
            format_args!("[{HELLO},{VERSION},{{\"token\":{token}}}]\n"),
        ),
    }
}

/// Appends a WELCOME and its line end.
pub fn encode_welcome(out: &mut Vec<u8>, version: u32, server: &str, publish_len_max: usize) {
    let server = quote(server);
    append(
        out,
        format_args!("[{WELCOME},{version},{server},{{\"publish_len_max\":{publish_len_max}}}]\n"),
    );
}

/// Appends a PUBLISH, with its id if it has one, and its line end. `event` must be one complete
/// JSON value: anything else is an error, and nothing is appended.
pub fn encode_publish(
    out: &mut Vec<u8>,
    request: u64,
    topic: &str,
    event: &str,
    id: Option<&str>,
) -> Result<(), DecodeError> {
    check_json(event)?;
    let topic = quote(topic);
    match id.map(quote) {
        None => append(out, format_args!("[{PUBLISH},{request},{topic},{event}]\n")),
        Some(id) => append(
            out,
            format_args!("[{PUBLISH},{request},{topic},{event},{{\"id\":{id}}}]\n"),
        ),
    }
    Ok(())
}

/// Appends a RECEIPT and its line end.
pub fn encode_receipt(out: &mut Vec<u8>, request: u64, receipt: Receipt) {
    let Receipt {
        sequence,
        subscribers,
    } = receipt;
    append(
        out,
        format_args!("[{RECEIPT},{request},{sequence},{subscribers}]\n"),
    );
}

/// Appends an ERROR and its line end.
pub fn encode_error(out: &mut Vec<u8>, request: Option<u64>, code: ErrorCode, text: &str) {
    let name = code.name();
    let text = quote(text);
    match request {
        Some(request) => append(out, format_args!("[{ERROR},{request},\"{name}\",{text}]\n")),
        None => append(out, format_args!("[{ERROR},null,\"{name}\",{text}]\n")),
    }
}

/// Whether `text` is one complete JSON value that is not nested too deep for the server.
pub fn check_json(text: &str) -> Result<(), DecodeError> {
    crate::json::check_value(text).map_err(|error| DecodeError(error.to_string()))
}

fn append(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "writing to memory");
}

fn decode<'a, V: Visitor<'a>>(text: &'a str, visitor: V) -> Result<V::Value, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let message = deserializer.deserialize_seq(visitor);
    message
        .and_then(|message| deserializer.end().map(|()| message))
        .map_err(|error| DecodeError(error.to_string()))
}

/// The next element, or an error that names the one that is missing.
fn element<'de, A, T>(list: &mut A, name: &str) -> Result<T, A::Error>
where
    A: SeqAccess<'de>,
    T: serde::Deserialize<'de>,
{
    let next = list.next_element()?;
    next.ok_or_else(|| A::Error::custom(format_args!("the message has no {name}")))
}

/// Elements that a later version may have added.
fn skip_rest<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// The member of this name in a message's options: a string, if it is there.
struct OptionNamed(&'static str);

impl<'de> DeserializeSeed<'de> for OptionNamed {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OptionNamed {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of options")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(TopicText(name)) = map.next_key()? {
            if name == self.0 {
                found = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct FromPublisherVisitor;

impl<'de> Visitor<'de> for FromPublisherVisitor {
    type Value = FromPublisher<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list such as [3,1,\"topic\",{}]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let message = match element(&mut list, "type")? {
            HELLO => FromPublisher::Hello {
                version: element(&mut list, "version")?,
                token: list.next_element_seed(OptionNamed("token"))?.flatten(),
            },
            PUBLISH => {
                let request = element(&mut list, "request")?;
                let TopicText(topic) = element(&mut list, "topic")?;
                let event = element::<_, &RawValue>(&mut list, "event")?.get();
                FromPublisher::Publish {
                    request,
                    publish: Publish { topic, event },
                    id: list.next_element_seed(OptionNamed("id"))?.flatten(),
                }
            }
            kind => FromPublisher::Unknown { kind },
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}

struct FromServerVisitor;

impl<'de> Visitor<'de> for FromServerVisitor {
    type Value = FromServer<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list such as [4,1,12,231]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let message = match element(&mut list, "type")? {
            WELCOME => FromServer::Welcome {
                version: element(&mut list, "version")?,
                server: element(&mut list, "server")?,
            },
            RECEIPT => FromServer::Receipt {
                request: element(&mut list, "request")?,
                receipt: Receipt {
                    sequence: element(&mut list, "sequence")?,
                    subscribers: element(&mut list, "subscribers")?,
                },
            },
            ERROR => FromServer::Error {
                request: element(&mut list, "request")?,
                code: ErrorCode::from_name(&element::<_, Cow<'_, str>>(&mut list, "code")?),
                text: element(&mut list, "text")?,
            },
            kind => FromServer::Unknown { kind },
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn publish<'a>(request: u64, topic: &'a str, event: &'a str) -> FromPublisher<'a> {
        publish_with(request, topic, event, None)
    }

    fn publish_with<'a>(
        request: u64,
        topic: &'a str,
        event: &'a str,
        id: Option<&'a str>,
    ) -> FromPublisher<'a> {
        FromPublisher::Publish {
            request,
            publish: Publish {
                topic: topic.into(),
                event,
            },
            id: id.map(Cow::from),
        }
    }

    fn hello(version: u32, token: Option<&str>) -> FromPublisher<'_> {
        FromPublisher::Hello {
            version,
            token: token.map(Cow::from),
        }
    }

    #[test]
    fn what_publishers_say() {
        for (text, expect) in [
            ("[1,1]", hello(1, None)),
            (r#"[1,9,{"token":"t"},[]]"#, hello(9, Some("t"))),
            (
                r#"[1,1,{"new":[{}],"tok\u0065n":"\u732b"}]"#,
                hello(1, Some("猫")),
            ),
            (r#"[1,1,{"token":null}]"#, hello(1, None)),
            (r#"[3,0,"t",{}]"#, publish(0, "t", "{}")),
            (
                r#"[3,7,12, 1.0 ,{"new":1,"id":"x"},1]"#,
                publish_with(7, "12", "1.0", Some("x")),
            ),
            (r#"[3,7,"t",1,{"new":1}]"#, publish(7, "t", "1")),
            (r#"[3,7,"\u732b","]"]"#, publish(7, "猫", "\"]\"")),
            ("[77,\"what\"]", FromPublisher::Unknown { kind: 77 }),
        ] {
            assert_eq!(FromPublisher::decode(text).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn what_publishers_must_not_say() {
        for (text, part) in [
            ("[]", "no type"),
            ("[1]", "no version"),
            ("[3]", "no request"),
            ("[3,1]", "no topic"),
            ("[3,1,\"t\"]", "no event"),
            ("[3,-1,\"t\",{}]", "-1"),
            ("[3,1,[],{}]", "a topic"),
            ("[3,1,\"t\",{]]", "line 1"),
            ("[\"3\"]", "invalid type"),
            ("{}", "a list such as"),
            ("[1,1] x", "trailing"),
            ("[1,1,[]]", "an object of options"),
            ("[1,1,{\"token\":7}]", "a string"),
            ("[3,1,\"t\",1,[]]", "an object of options"),
            ("[3,1,\"t\",1,{\"id\":[]}]", "a string"),
        ] {
            let error = FromPublisher::decode(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn tokens_come_back_as_they_went() {
        for token in [None, Some("t\"\\"), Some("")] {
            let mut out = Vec::new();
            encode_hello(&mut out, token);
            let line = std::str::from_utf8(&out).unwrap();
            let decoded = FromPublisher::decode(line.trim_end()).unwrap();
            assert_eq!(decoded, hello(VERSION, token), "{line}");
        }
    }

    #[test]
    fn what_the_server_says() {
        let mut out = Vec::new();
        encode_welcome(&mut out, 1, "pushd/\"0\"", 9);
        let receipt = Receipt {
            sequence: 12,
            subscribers: 231,
        };
        encode_receipt(&mut out, 5, receipt);
        encode_error(&mut out, None, ErrorCode::TooLarge, "a\nb");
        encode_error(&mut out, Some(6), ErrorCode::BadTopic, "");
        let text = String::from_utf8(out).unwrap();
        let messages: Vec<_> = text
            .lines()
            .map(|line| FromServer::decode(line).unwrap())
            .collect();
        let error = |request, code, text: &'static str| FromServer::Error {
            request,
            code,
            text: text.into(),
        };
        assert_eq!(
            messages,
            [
                FromServer::Welcome {
                    version: 1,
                    server: "pushd/\"0\"".into()
                },
                FromServer::Receipt {
                    request: 5,
                    receipt
                },
                error(None, ErrorCode::TooLarge, "a\nb"),
                error(Some(6), ErrorCode::BadTopic, ""),
            ]
        );
    }

    #[test]
    fn an_old_library_meets_a_new_daemon() {
        let table = [
            (
                r#"[2,1,"pushd/9",{"publish_len_max":1,"new":[]},"more"]"#,
                FromServer::Welcome {
                    version: 1,
                    server: "pushd/9".into(),
                },
            ),
            (
                r#"[4,1,2,3,{"new":1}]"#,
                FromServer::Receipt {
                    request: 1,
                    receipt: Receipt {
                        sequence: 2,
                        subscribers: 3,
                    },
                },
            ),
            (
                r#"[5,1,"quota_exceeded","later",{}]"#,
                FromServer::Error {
                    request: Some(1),
                    code: ErrorCode::Other,
                    text: "later".into(),
                },
            ),
            ("[99]", FromServer::Unknown { kind: 99 }),
        ];
        for (text, expect) in table {
            assert_eq!(FromServer::decode(text).unwrap(), expect, "{text}");
        }
    }

    #[test]
    fn an_event_that_is_no_json_is_never_sent() {
        for event in ["", "{", "{}],[3,2,\"t\",{}", "1 2", "nul"] {
            let mut out = b"before".to_vec();
            assert!(
                encode_publish(&mut out, 1, "t", event, None).is_err(),
                "{event}"
            );
            assert_eq!(out, b"before");
        }
    }

    proptest! {
        #[test]
        fn publishes_come_back_as_they_went(
            request in 0..=(1u64 << 53),
            topic in ".*",
            text in ".*",
            id in prop::option::of(".*"),
        ) {
            let event = serde_json::to_string(&text).unwrap();
            let mut out = Vec::new();
            encode_publish(&mut out, request, &topic, &event, id.as_deref()).unwrap();
            let line = std::str::from_utf8(&out).unwrap();
            let sent = publish_with(request, &topic, &event, id.as_deref());
            prop_assert_eq!(FromPublisher::decode(line.trim_end()).unwrap(), sent);
        }

        #[test]
        fn garbage_is_an_error_not_a_panic(text in ".{0,80}") {
            let _ = (FromPublisher::decode(&text), FromServer::decode(&text));
        }

        #[test]
        fn a_message_cut_short_is_an_error(cut in 1usize..24) {
            let text = r#"[3,7,"kittens",{"a":[]}]"#;
            prop_assert!(FromPublisher::decode(&text[..text.len() - cut]).is_err());
        }
    }
}
