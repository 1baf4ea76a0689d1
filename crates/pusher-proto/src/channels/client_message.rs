//! Messages of browsers.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ErrorCode;
use crate::json::parse_object;
use crate::json_stream::Scan;
use crate::limits::{CHANNELS_NAME_LEN_MAX, EVENT_DEPTH_MAX};

/// The beginning of the names of events that clients send to each other.
const CLIENT_PREFIX: &str = "client-";

/// The beginning of the names of the protocol's own events.
const PUSHER_PREFIX: &str = "pusher:";

/// One message of a browser. Names of channels are not checked: see [`Channel`](super::Channel).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// `pusher:ping`: the server answers with [`PONG`](super::PONG).
    Ping,
    /// `pusher:pong`: the answer to a ping of the server.
    Pong,
    /// `pusher:subscribe`
    Subscribe {
        /// The channel.
        channel: String,
        /// Not verified: see [`ChannelsApp::verify_channel_auth`](super::ChannelsApp::verify_channel_auth). Clients
        /// of public channels send an empty text.
        auth: Option<String>,
        /// JSON text about the member: see [`Member`](super::Member).
        channel_data: Option<String>,
    },
    /// `pusher:unsubscribe`
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// `pusher:signin`
    SignIn {
        /// Not verified: see [`ChannelsApp::verify_user_auth`](super::ChannelsApp::verify_user_auth).
        auth: String,
        /// JSON text about the user: see [`user_id`](super::user_id).
        user_data: String,
    },
    /// `client-NAME`: an event for the other subscribers of the channel.
    ClientEvent {
        /// The name, with `client-`.
        event: Cow<'a, str>,
        /// The channel.
        channel: String,
        /// One JSON value: see [`compose_client_event`](super::compose_client_event).
        data: &'a str,
    },
    /// Another `pusher:` event, of a newer client. Servers ignore it.
    Unknown,
}

/// A message that violates the protocol. The server answers with `pusher:error` and [`code`](Self::code).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a message of the protocol.
    #[error("invalid message: {0}")]
    Message(String),
    /// An event that clients cannot send.
    #[error(
        "clients send only events named client-..., of at most {CHANNELS_NAME_LEN_MAX} bytes, to a channel"
    )]
    ClientEvent,
}

impl DecodeError {
    /// Returns the code for `pusher:error`. The protocol has none for an invalid message.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Message(_) => None,
            Self::ClientEvent => Some(ErrorCode::ClientEvent),
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// The members of `data` in all messages of clients.
#[derive(Deserialize)]
struct Data {
    channel: Option<String>,
    auth: Option<String>,
    channel_data: Option<String>,
    user_data: Option<String>,
}

impl<'a> ClientMessage<'a> {
    /// Decodes one text message. Unknown members are ignored, doubled ones are errors.
    pub fn decode(text: &'a str) -> Result<Self, DecodeError> {
        let envelope: Envelope<'a> = parse_object(text).map_err(message_error)?;
        // serde_json skips values without recursion, so it does not apply its own depth limit.
        Scan::new(EVENT_DEPTH_MAX)
            .find_end(text.trim_ascii().as_bytes())
            .map_err(message_error)?;
        let Envelope {
            event,
            channel,
            data,
        } = envelope;
        match &*event {
            "pusher:ping" => Ok(Self::Ping),
            "pusher:pong" => Ok(Self::Pong),
            "pusher:subscribe" => {
                let data = read_data(data)?;
                Ok(Self::Subscribe {
                    channel: required(data.channel, "channel")?,
                    auth: data.auth,
                    channel_data: data.channel_data,
                })
            }
            "pusher:unsubscribe" => Ok(Self::Unsubscribe {
                channel: required(read_data(data)?.channel, "channel")?,
            }),
            "pusher:signin" => {
                let data = read_data(data)?;
                Ok(Self::SignIn {
                    auth: required(data.auth, "auth")?,
                    user_data: required(data.user_data, "user_data")?,
                })
            }
            name if name.starts_with(PUSHER_PREFIX) => Ok(Self::Unknown),
            name if name.starts_with(CLIENT_PREFIX) && name.len() <= CHANNELS_NAME_LEN_MAX => {
                Ok(Self::ClientEvent {
                    channel: channel.ok_or(DecodeError::ClientEvent)?,
                    data: data.map_or("null", RawValue::get),
                    event,
                })
            }
            _ => Err(DecodeError::ClientEvent),
        }
    }
}

/// Reads `data`, an object, or a string with the JSON text of one.
fn read_data(data: Option<&RawValue>) -> Result<Data, DecodeError> {
    let json = data.map_or("null", RawValue::get);
    match json.starts_with('"') {
        true => {
            let text: String = serde_json::from_str(json).map_err(message_error)?;
            parse_object(&text).map_err(message_error)
        }
        false => parse_object(json).map_err(message_error),
    }
}

fn required(member: Option<String>, name: &str) -> Result<String, DecodeError> {
    member.ok_or_else(|| DecodeError::Message(format!("data has no {name}")))
}

fn message_error(error: impl std::fmt::Display) -> DecodeError {
    DecodeError::Message(error.to_string())
}
