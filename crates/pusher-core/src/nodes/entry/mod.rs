//! Entries of the log. They are untrusted input: every client with write access to Redis can add entries.

use pusher_proto::{Position, SessionName, check_value};
use redis::Value;
use serde::{Deserialize, Serialize};

use super::fields::{number, text};
use crate::connection::SessionId;
use crate::hub::Recipients;

/// The fields of an entry. A later version that writes other entries must add a new field, so that this one does not
/// take them for its own.
const TIME: &str = "m";
const TOPIC: &str = "t";
const EVENT: &str = "e";
const RECIPIENTS: &str = "r";
const PROBE: &str = "p";

/// An entry of the log, borrowed from the reply that has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) position: Position,
    /// Unix time of its append on Redis' clock, in ms.
    pub(crate) time_ms: u64,
    pub(crate) content: Content<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Event {
        topic: &'a str,
        /// One JSON value.
        event: &'a str,
        recipients: Option<Recipients>,
    },
    /// The text of a node's probe.
    Probe(&'a str),
    /// None that this version knows. Its event is missing here.
    Unknown,
}

/// Recipients as JSON.
///
/// `exclude` also has the numbers of WAMP v2 sessions. A version that knows ids only takes such an entry for an unknown one.
#[derive(Serialize, Deserialize)]
struct RecipientsJson {
    exclude: Vec<String>,
    eligible: Option<Vec<String>>,
}

impl<'a> Entry<'a> {
    /// Decodes an entry. Fails if it has no position.
    pub(crate) fn decode(value: &'a Value) -> Option<Self> {
        let Value::Array(parts) = value else {
            return None;
        };
        let [id, Value::Array(fields)] = &parts[..] else {
            return None;
        };
        let field = |name: &str| {
            let mut pairs = fields.chunks_exact(2);
            let found = pairs.find(|pair| text(&pair[0]) == Some(name));
            found.map(|pair| &pair[1])
        };
        let known = [TIME, TOPIC, EVENT, RECIPIENTS, PROBE];
        let mut names = fields.chunks(2).map(|pair| text(&pair[0]));
        let is_known = names.all(|name| name.is_some_and(|name| known.contains(&name)));
        let position = position(text(id)?)?;
        Some(Self {
            position,
            time_ms: field(TIME).and_then(number).unwrap_or(0),
            // No event has the number 0.
            content: match is_known && position.sequence > 0 {
                true => content(field).unwrap_or(Content::Unknown),
                false => Content::Unknown,
            },
        })
    }

    /// Returns about how many bytes the entry takes.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Event { topic, event, .. } => topic.len() + event.len(),
            Content::Probe(_) | Content::Unknown => 0,
        }
    }
}

fn content<'a>(field: impl Fn(&str) -> Option<&'a Value>) -> Option<Content<'a>> {
    if let Some(probe) = field(PROBE) {
        return Some(Content::Probe(text(probe)?));
    }
    let (topic, event) = (text(field(TOPIC)?)?, text(field(EVENT)?)?);
    let recipients = field(RECIPIENTS).map(|value| decode_recipients(text(value)?));
    if topic.is_empty() || check_value(event).is_err() || recipients == Some(None) {
        return None;
    }
    Some(Content::Event {
        topic,
        event,
        recipients: recipients.flatten(),
    })
}

/// Parses `EPOCH-SEQUENCE` in decimal digits, the id of an entry.
pub(super) fn position(id: &str) -> Option<Position> {
    let (epoch, sequence) = id.split_once('-')?;
    Some(Position {
        epoch: epoch.parse().ok()?,
        sequence: sequence.parse().ok()?,
    })
}

/// Returns the id of the entry with a position.
pub(super) fn id(position: Position) -> String {
    format!("{}-{}", position.epoch, position.sequence)
}

/// Returns the text of an event's recipients.
pub(super) fn encode_recipients(recipients: &Recipients) -> String {
    let texts = |ids: &[SessionId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut exclude = texts(&recipients.exclude);
    exclude.extend(recipients.exclude_numbers.iter().map(ToString::to_string));
    let json = RecipientsJson {
        exclude,
        eligible: recipients.eligible.as_deref().map(texts),
    };
    serde_json::to_string(&json).unwrap_or_default()
}

fn decode_recipients(text: &str) -> Option<Recipients> {
    let json: RecipientsJson = serde_json::from_str(text).ok()?;
    let mut recipients = Recipients::default();
    for excluded in json.exclude {
        match excluded.parse().ok()? {
            SessionName::Id(id) => recipients.exclude.push(SessionId::from_u128(id)),
            SessionName::Number(number) => recipients.exclude_numbers.push(number),
        }
    }
    if let Some(texts) = json.eligible {
        let ids = texts.iter().map(|text| SessionId::parse(text));
        recipients.eligible = Some(ids.collect::<Option<_>>()?);
    }
    Some(recipients)
}

#[cfg(test)]
mod tests;
