//! The bodies of HTTP requests that publish.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::is_name;
use super::{Channel, ChannelError, SocketId, SocketIdError};
use crate::json::parse_object;
use crate::limits::{CHANNELS_BATCH_MAX, CHANNELS_NAME_LEN_MAX, CHANNELS_TRIGGER_MAX};

/// An event to publish: the body of `POST /apps/ID/events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerRequest {
    /// The name of the event.
    pub name: String,
    /// The channels, 1 to [`CHANNELS_TRIGGER_MAX`], each a [`Channel`].
    pub channels: Vec<String>,
    /// The text of the data: see [`compose`](super::compose).
    pub data: String,
    /// The session that does not receive the event.
    pub socket_id: Option<SocketId>,
    /// What the response says about the channels.
    pub info: Info,
}

/// Several events to publish, in this order: the body of `POST /apps/ID/batch_events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRequest {
    /// The events, at most [`CHANNELS_BATCH_MAX`], each for one channel.
    pub events: Vec<TriggerRequest>,
}

/// What a response says about a channel: the parameter `info`, a list with commas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Info {
    /// `subscription_count`: number of sessions.
    pub subscription_count: bool,
    /// `user_count`: number of members of a presence channel.
    pub user_count: bool,
}

/// Why a body is refused: the status of the HTTP response is 400, or 413 for data that is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a JSON object with the expected members.
    #[error("the body is not a valid request: {0}")]
    Json(String),
    /// The name of the event.
    #[error(
        "the name of an event is 1 to {CHANNELS_NAME_LEN_MAX} bytes long and does not begin with pusher: or pusher_internal:"
    )]
    Name,
    /// No channel, too many, or `channel` and `channels`.
    #[error(
        "an event is for 1 to {CHANNELS_TRIGGER_MAX} channels: give channel or channels, and divide a longer list"
    )]
    ChannelCount,
    /// The name of a channel.
    #[error("{0}")]
    Channel(#[from] ChannelError),
    /// The data is too long.
    #[error(
        "data is {len} bytes long, at most {max} are allowed: send the id of an object, and let clients load it"
    )]
    DataTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// `socket_id`.
    #[error("{0}")]
    SocketId(#[from] SocketIdError),
    /// Too many events.
    #[error("a batch has at most {CHANNELS_BATCH_MAX} events, not {0}: send several batches")]
    BatchCount(usize),
    /// One event of a batch.
    #[error("event {index} of the batch: {error}")]
    InBatch {
        /// Its index, from 0.
        index: usize,
        /// The reason.
        error: Box<RequestError>,
    },
}

#[derive(Deserialize)]
struct RawTrigger {
    name: String,
    data: String,
    channel: Option<String>,
    channels: Option<Vec<String>>,
    socket_id: Option<String>,
    info: Option<String>,
}

#[derive(Deserialize)]
struct RawBatch<'a> {
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
}

impl TriggerRequest {
    /// Reads a body. `data_len_max` is the longest data, in bytes.
    pub fn parse(body: &str, data_len_max: usize) -> Result<Self, RequestError> {
        let raw: RawTrigger = parse_object(body).map_err(json_error)?;
        if !is_name(&raw.name) {
            return Err(RequestError::Name);
        }
        let channels = match (raw.channel, raw.channels) {
            (Some(channel), None) => vec![channel],
            (None, Some(channels)) => channels,
            _ => return Err(RequestError::ChannelCount),
        };
        if !(1..=CHANNELS_TRIGGER_MAX).contains(&channels.len()) {
            return Err(RequestError::ChannelCount);
        }
        for channel in &channels {
            Channel::parse(channel)?;
        }
        if raw.data.len() > data_len_max {
            return Err(RequestError::DataTooLong {
                len: raw.data.len(),
                max: data_len_max,
            });
        }
        Ok(Self {
            name: raw.name,
            channels,
            data: raw.data,
            socket_id: raw.socket_id.map(|id| id.parse()).transpose()?,
            info: raw.info.as_deref().map(Info::parse).unwrap_or_default(),
        })
    }
}

impl BatchRequest {
    /// Reads a body. `data_len_max` is the longest data of one event, in bytes.
    pub fn parse(body: &str, data_len_max: usize) -> Result<Self, RequestError> {
        let raw: RawBatch<'_> = parse_object(body).map_err(json_error)?;
        if raw.batch.len() > CHANNELS_BATCH_MAX {
            return Err(RequestError::BatchCount(raw.batch.len()));
        }
        let events = raw.batch.iter().enumerate().map(|(index, event)| {
            let event = TriggerRequest::parse(event.get(), data_len_max);
            event
                .and_then(one_channel)
                .map_err(|error| RequestError::InBatch {
                    index,
                    error: Box::new(error),
                })
        });
        Ok(Self {
            events: events.collect::<Result<_, _>>()?,
        })
    }
}

fn one_channel(event: TriggerRequest) -> Result<TriggerRequest, RequestError> {
    match event.channels.len() {
        1 => Ok(event),
        _ => Err(RequestError::ChannelCount),
    }
}

impl Info {
    /// Reads the list. Unknown names are ignored.
    pub fn parse(text: &str) -> Self {
        let has = |name| text.split(',').any(|known| known.trim() == name);
        Self {
            subscription_count: has("subscription_count"),
            user_count: has("user_count"),
        }
    }
}

fn json_error(error: serde_json::Error) -> RequestError {
    RequestError::Json(error.to_string())
}
