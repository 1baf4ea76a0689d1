//! Messages of clients.

use std::borrow::Cow;

use serde::de::{Deserialize, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::payload::{event, is_object};
use super::{
    ABORT, AUTHENTICATE, CALL, GOODBYE, HELLO, ID_MAX, PUBLISH, REGISTER, RequestType, SUBSCRIBE,
    UNREGISTER, UNSUBSCRIBE,
};
use crate::json_list::{self, element, skip_rest};
use crate::json_stream::Scan;
use crate::limits::WAMP2_DEPTH_MAX;

/// One message of a client, borrowed from its text. Topics are not checked.
#[derive(Debug)]
pub enum ClientMessage<'a> {
    /// `[1, realm, details]`. The details have the client's roles and name. The server does not need them.
    Hello {
        /// Not checked: any string.
        realm: Cow<'a, str>,
    },
    /// `[3, details, reason]`. It has no answer.
    Abort,
    /// `[5, signature, extra]`. The server sends no CHALLENGE, so there is nothing to answer.
    Authenticate,
    /// `[6, details, reason]`. It asks for a GOODBYE, or it answers one.
    Goodbye,
    /// `[16, request, options, topic, arguments, argumentsKw]`
    Publish(Publish<'a>),
    /// `[32, request, options, topic]`
    Subscribe {
        /// The id that the answer repeats.
        request: u64,
        /// The topic.
        topic: Cow<'a, str>,
        /// The topic is a pattern (option `match`). The server has no such subscriptions.
        is_pattern: bool,
    },
    /// `[34, request, subscription]`
    Unsubscribe {
        /// The id that the answer repeats.
        request: u64,
        /// The number that SUBSCRIBED gave.
        subscription: u64,
    },
    /// CALL, REGISTER or UNREGISTER. The server has no procedures: it answers with ERROR.
    Procedure {
        /// Which of the three.
        request_type: RequestType,
        /// The id that the answer repeats.
        request: u64,
    },
}

/// A PUBLISH of a client.
#[derive(Debug)]
pub struct Publish<'a> {
    /// The id that the answer repeats.
    pub request: u64,
    /// The client wants PUBLISHED or ERROR. Without it, there is no answer.
    pub acknowledge: bool,
    /// The topic.
    pub topic: Cow<'a, str>,
    /// The event, one JSON value. It has all arguments.
    pub event: Cow<'a, str>,
    /// The sender does not receive it. The default is true.
    pub exclude_me: bool,
    /// The client selects subscribers in another way, such as by `eligible`. The server must refuse the event, because it
    /// would reach subscribers for whom it is not meant.
    pub is_selective: bool,
}

/// A message that violates WAMP v2. The server sends ABORT.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl<'a> ClientMessage<'a> {
    /// Decodes one text message. Ignores elements after the last known one, and options that it does not know.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        let message = json_list::decode(text, MessageVisitor)
            .map_err(|error| DecodeError(error.to_string()))?;
        // serde_json skips values without recursion, so it does not apply its own depth limit.
        Scan::new(WAMP2_DEPTH_MAX)
            .find_end(text.trim_ascii().as_bytes())
            .map_err(|error| DecodeError(error.to_string()))?;
        Ok(message)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = ClientMessage<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a WAMP v2 message, a list such as [32,1,{},\"topic\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let message = match element(&mut list, "type")? {
            HELLO => {
                let realm = text(&mut list, "realm")?;
                object(&mut list, "details")?;
                ClientMessage::Hello { realm }
            }
            ABORT => {
                read_end(&mut list)?;
                ClientMessage::Abort
            }
            AUTHENTICATE => ClientMessage::Authenticate,
            GOODBYE => {
                read_end(&mut list)?;
                ClientMessage::Goodbye
            }
            PUBLISH => ClientMessage::Publish(read_publish(&mut list)?),
            SUBSCRIBE => {
                let request = id(&mut list, "request")?;
                let SubscribeOptions { matching } = options(&mut list)?;
                ClientMessage::Subscribe {
                    request,
                    topic: text(&mut list, "topic")?,
                    is_pattern: matching.is_some_and(|matching| matching != "exact"),
                }
            }
            UNSUBSCRIBE => ClientMessage::Unsubscribe {
                request: id(&mut list, "request")?,
                subscription: id(&mut list, "subscription")?,
            },
            CALL => read_procedure(&mut list, RequestType::Call)?,
            REGISTER => read_procedure(&mut list, RequestType::Register)?,
            UNREGISTER => read_procedure(&mut list, RequestType::Unregister)?,
            other => {
                let error = format_args!("the server accepts no messages of type {other}");
                return Err(A::Error::custom(error));
            }
        };
        skip_rest(&mut list)?;
        Ok(message)
    }
}

/// Reads the elements of ABORT and GOODBYE.
fn read_end<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<(), A::Error> {
    object(list, "details")?;
    text(list, "reason").map(|_| ())
}

/// Reads the request of a message that the server refuses. The rest is not checked.
fn read_procedure<'de, A: SeqAccess<'de>>(
    list: &mut A,
    request_type: RequestType,
) -> Result<ClientMessage<'de>, A::Error> {
    let request = id(list, "request")?;
    Ok(ClientMessage::Procedure {
        request_type,
        request,
    })
}

fn read_publish<'de, A: SeqAccess<'de>>(list: &mut A) -> Result<Publish<'de>, A::Error> {
    let request = id(list, "request")?;
    let options: PublishOptions = options(list)?;
    let topic = text(list, "topic")?;
    let args: Option<&RawValue> = list.next_element()?;
    if args.is_some_and(|args| !args.get().starts_with('[')) {
        return Err(A::Error::custom("arguments must be a list"));
    }
    let kwargs: Option<&RawValue> = list.next_element()?;
    if kwargs.is_some_and(|kwargs| !is_object(kwargs)) {
        return Err(A::Error::custom("argumentsKw must be an object"));
    }
    Ok(Publish {
        request,
        acknowledge: options.acknowledge.unwrap_or(false),
        topic,
        event: event(args, kwargs),
        exclude_me: options.exclude_me.unwrap_or(true),
        is_selective: options.select_subscribers(),
    })
}

/// The options of a PUBLISH. `null` is the same as no option.
#[derive(serde::Deserialize)]
struct PublishOptions {
    acknowledge: Option<bool>,
    exclude_me: Option<bool>,
    exclude: Option<IgnoredAny>,
    eligible: Option<IgnoredAny>,
    exclude_authid: Option<IgnoredAny>,
    exclude_authrole: Option<IgnoredAny>,
    eligible_authid: Option<IgnoredAny>,
    eligible_authrole: Option<IgnoredAny>,
}

impl PublishOptions {
    /// Whether an option other than `exclude_me` selects subscribers.
    fn select_subscribers(&self) -> bool {
        let selections = [
            &self.exclude,
            &self.eligible,
            &self.exclude_authid,
            &self.exclude_authrole,
            &self.eligible_authid,
            &self.eligible_authrole,
        ];
        selections.into_iter().any(Option::is_some)
    }
}

/// The options of a SUBSCRIBE.
#[derive(serde::Deserialize)]
struct SubscribeOptions<'a> {
    #[serde(borrow, rename = "match")]
    matching: Option<Cow<'a, str>>,
}

/// An id, from 1 to [`ID_MAX`].
#[derive(serde::Deserialize)]
#[serde(try_from = "u64")]
struct Id(u64);

impl TryFrom<u64> for Id {
    type Error = String;

    fn try_from(id: u64) -> Result<Self, String> {
        match id {
            1..=ID_MAX => Ok(Self(id)),
            _ => Err(format!("{id} is not an id: expected 1 to {ID_MAX}")),
        }
    }
}

fn id<'de, A: SeqAccess<'de>>(list: &mut A, name: &str) -> Result<u64, A::Error> {
    element(list, name).map(|Id(id)| id)
}

/// A JSON string, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text<'de, A: SeqAccess<'de>>(list: &mut A, name: &str) -> Result<Cow<'de, str>, A::Error> {
    element(list, name).map(|Text(text)| text)
}

fn object<'de, A: SeqAccess<'de>>(list: &mut A, name: &str) -> Result<&'de RawValue, A::Error> {
    let value: &RawValue = element(list, name)?;
    match is_object(value) {
        true => Ok(value),
        false => Err(A::Error::custom(format_args!("{name} must be an object"))),
    }
}

fn options<'de, A, T>(list: &mut A) -> Result<T, A::Error>
where
    A: SeqAccess<'de>,
    T: Deserialize<'de>,
{
    let options = object(list, "options")?;
    serde_json::from_str(options.get()).map_err(A::Error::custom)
}
