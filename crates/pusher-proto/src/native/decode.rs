//! Decodes messages.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    AT, DRAIN, DRAINED, DecodeError, ERROR, ErrorCode, FromPublisher, FromServer, HELLO, MEMBERS,
    POSITION, PRESENCE, PUBLISH, PUBLISH_EXCEPT, RECEIPT, REVOKE, REVOKED, WELCOME,
};
use crate::json_list::{self, element, skip_rest};
use crate::position::Position;
use crate::publish::{Publish, Receipt, Stored, TopicText, lenient_nodes};

impl<'a> FromPublisher<'a> {
    /// Reads one message of a publisher.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        json_list::decode(text, FromPublisherVisitor)
            .map_err(|error| DecodeError(error.to_string()))
    }
}

impl<'a> FromServer<'a> {
    /// Reads one message of a server.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        json_list::decode(text, FromServerVisitor).map_err(|error| DecodeError(error.to_string()))
    }
}

/// The options of a HELLO.
#[derive(Default)]
struct HelloOptions<'a> {
    token: Option<Cow<'a, str>>,
    has_spool: bool,
}

impl<'de> Deserialize<'de> for HelloOptions<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HelloOptionsVisitor)
    }
}

struct HelloOptionsVisitor;

impl<'de> Visitor<'de> for HelloOptionsVisitor {
    type Value = HelloOptions<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of options")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut options = HelloOptions::default();
        while let Some(TopicText(name)) = map.next_key()? {
            match &*name {
                "token" => options.token = map.next_value()?,
                "spool" => options.has_spool = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(options)
    }
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

/// The name of a session. A number is a session of WAMP v2.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a session (a string or an integer)")]
enum Session<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Number(u64),
}

impl<'a> From<Session<'a>> for Cow<'a, str> {
    fn from(session: Session<'a>) -> Self {
        match session {
            Session::Text(text) => text,
            Session::Number(number) => number.to_string().into(),
        }
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
            HELLO => {
                let version = element(&mut list, "version")?;
                let HelloOptions { token, has_spool } = list.next_element()?.unwrap_or_default();
                FromPublisher::Hello {
                    version,
                    token,
                    has_spool,
                }
            }
            kind @ (PUBLISH | PUBLISH_EXCEPT) => {
                let request = element(&mut list, "request")?;
                let TopicText(topic) = element(&mut list, "topic")?;
                let event = element::<_, &RawValue>(&mut list, "event")?.get();
                let exclude = match kind {
                    PUBLISH_EXCEPT => Some(element::<_, Session<'_>>(&mut list, "exclude")?.into()),
                    _ => None,
                };
                FromPublisher::Publish {
                    request,
                    publish: Publish { topic, event },
                    id: list.next_element_seed(OptionNamed("id"))?.flatten(),
                    exclude,
                }
            }
            POSITION => FromPublisher::Position {
                request: element(&mut list, "request")?,
            },
            DRAIN => FromPublisher::Drain {
                request: element(&mut list, "request")?,
            },
            REVOKE => FromPublisher::Revoke {
                request: element(&mut list, "request")?,
                sub: element(&mut list, "sub")?,
                before_s: list.next_element()?.flatten(),
            },
            PRESENCE => {
                let request = element(&mut list, "request")?;
                let TopicText(topic) = element(&mut list, "topic")?;
                FromPublisher::Presence { request, topic }
            }
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
            REVOKED => FromServer::Revoked {
                request: element(&mut list, "request")?,
                sessions: element(&mut list, "sessions")?,
            },
            MEMBERS => FromServer::Members {
                request: element(&mut list, "request")?,
                count: element(&mut list, "count")?,
                members: element::<_, &RawValue>(&mut list, "members")?.get(),
            },
            kind => FromServer::Unknown { kind },
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}
