//! A complete message: a topic and an event.

use std::borrow::Cow;
use std::str::Utf8Error;

use crate::json::{JsonError, check_value, trim_value};
use crate::publish::Publish;
use crate::raw::{self, RawError};

/// A complete message of a PUSH socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// One part: an object with a category, as in raw JSON.
    Object(&'a [u8]),
    /// Two parts.
    Pair {
        /// The topic's text.
        topic: &'a [u8],
        /// The event, one JSON value.
        payload: &'a [u8],
    },
    /// More than two parts.
    TooManyParts {
        /// How many there were.
        count: usize,
    },
}

/// Why a message cannot be published. The next one may be valid.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// One part that is not an object with a category.
    #[error("the message is not an object with a category: {0}")]
    Object(#[from] RawError),
    /// The event is not JSON.
    #[error("the event is {0}")]
    Event(#[from] JsonError),
    /// A part is not text.
    #[error("the message is not valid UTF-8")]
    Utf8(#[from] Utf8Error),
    /// Neither one part nor two.
    #[error(
        "the message has {0} parts: send one (an object with a category) or two (topic, event)"
    )]
    Parts(usize),
}

impl<'a> Message<'a> {
    /// Returns the topic and the event. Does not check the topic. Removes a byte order mark, a final NUL and white space
    /// around the event.
    pub fn publish(self) -> Result<Publish<'a>, MessageError> {
        match self {
            Self::Object(bytes) => {
                let text = event(bytes)?;
                Ok(raw::decode(text)?)
            }
            Self::Pair { topic, payload } => Ok(Publish {
                topic: Cow::Borrowed(std::str::from_utf8(topic)?),
                event: event(payload)?,
            }),
            Self::TooManyParts { count } => Err(MessageError::Parts(count)),
        }
    }
}

fn event(bytes: &[u8]) -> Result<&str, MessageError> {
    let text = std::str::from_utf8(trim_value(bytes))?;
    check_value(text)?;
    Ok(text)
}
