//! Decodes messages.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::{
    AT, DRAIN, DRAINED, DecodeError, ERROR, ErrorCode, FromPublisher, FromServer, HELLO, POSITION,
    PUBLISH, RECEIPT, WELCOME,
};
use crate::position::Position;
use crate::publish::{Publish, Receipt, Stored, TopicText, lenient_nodes};

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

fn decode<'a, V: Visitor<'a>>(text: &'a str, visitor: V) -> Result<V::Value, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let message = deserializer.deserialize_seq(visitor);
    message
        .and_then(|message| deserializer.end().map(|()| message))
        .map_err(|error| DecodeError(error.to_string()))
}

/// Reads the next element. The error names the missing one.
fn element<'de, A, T>(list: &mut A, name: &str) -> Result<T, A::Error>
where
    A: SeqAccess<'de>,
    T: Deserialize<'de>,
{
    let next = list.next_element()?;
    next.ok_or_else(|| A::Error::custom(format_args!("the message has no {name}")))
}

/// Skips elements that a later version may have added.
fn skip_rest<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads the option of this name, a string, if there is one.
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
            POSITION => FromPublisher::Position {
                request: element(&mut list, "request")?,
            },
            DRAIN => FromPublisher::Drain {
                request: element(&mut list, "request")?,
            },
            kind => FromPublisher::Unknown { kind },
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}

/// Reads the elements of a RECEIPT behind its request.
fn receipt<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Receipt, A::Error> {
    let sequence = element(list, "sequence")?;
    let subscribers = element(list, "subscribers")?;
    let ReceiptOptions {
        position,
        stored,
        nodes,
    } = list.next_element()?.unwrap_or_default();
    Ok(Receipt {
        sequence,
        subscribers,
        position,
        stored,
        nodes,
    })
}

/// The options of a RECEIPT.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ReceiptOptions {
    #[serde(deserialize_with = "crate::position::lenient")]
    position: Option<Position>,
    #[serde(deserialize_with = "Stored::lenient")]
    stored: Stored,
    #[serde(deserialize_with = "lenient_nodes")]
    nodes: Option<u64>,
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
                receipt: receipt(&mut list)?,
            },
            AT => FromServer::Position {
                request: element(&mut list, "request")?,
                position: element(&mut list, "position")?,
            },
            ERROR => FromServer::Error {
                request: element(&mut list, "request")?,
                code: ErrorCode::from_name(&element::<_, Cow<'_, str>>(&mut list, "code")?),
                text: element(&mut list, "text")?,
            },
            DRAINED => FromServer::Drained {
                request: element(&mut list, "request")?,
            },
            kind => FromServer::Unknown { kind },
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}
