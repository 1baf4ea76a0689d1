//! `GET /position` and `GET /history/{topic}`: the log, for programs.

use bytes::Bytes;
use http::request::Parts;
use pusher_proto::Position;
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::HttpRefusal;
use super::query::{LIMIT_DEFAULT, limit, parameters};
use crate::context::Context;
use crate::hub::TopicHistory;

/// The parameters of a request for a topic's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HistoryQuery {
    pub(super) since: Option<Position>,
    pub(super) limit: usize,
}

#[derive(Serialize)]
struct PositionAnswer {
    position: Position,
}

#[derive(Serialize)]
struct HistoryAnswer<'a> {
    position: Position,
    complete: bool,
    events: Vec<EventAnswer<'a>>,
}

#[derive(Serialize)]
struct EventAnswer<'a> {
    sequence: u64,
    event: &'a RawValue,
}

/// Parses the query of a request for a topic's events.
pub(super) fn query(head: &Parts) -> Result<HistoryQuery, HttpRefusal> {
    let mut query = HistoryQuery {
        since: None,
        limit: LIMIT_DEFAULT,
    };
    for (name, value) in parameters(head) {
        match &*name {
            "since" => {
                let since = value.parse();
                query.since =
                    Some(since.map_err(|_| HttpRefusal::bad_request("since is not a position"))?);
            }
            "limit" => query.limit = limit(&value)?,
            _ => {
                let text = "the parameters are since and limit; write a `?` in a topic as %3F";
                return Err(HttpRefusal::bad_request(text));
            }
        }
    }
    Ok(query)
}

/// Answers `GET /position`.
pub(super) fn position(context: &Context) -> Bytes {
    json(&PositionAnswer {
        position: context.hub.position(),
    })
}

/// Answers `GET /history/{topic}`.
pub(super) fn history(context: &Context, topic: &str, query: HistoryQuery) -> Bytes {
    let TopicHistory {
        position,
        is_complete,
        events,
    } = context.hub.history(topic, query.since, query.limit);
    json(&HistoryAnswer {
        position,
        complete: is_complete,
        events: events
            .iter()
            // Every event was checked to be JSON when it was published.
            .filter_map(|(sequence, event)| {
                Some(EventAnswer {
                    sequence: *sequence,
                    event: serde_json::from_str(event).ok()?,
                })
            })
            .collect(),
    })
}

fn json(answer: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(answer).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
