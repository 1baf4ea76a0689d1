//! The request for an event stream: `GET /events?topic=...`.

use std::borrow::Cow;

use http::StatusCode;
use pusher_proto::{Reason, check_topic};

use super::response::Response;
use crate::application::Request;
use crate::config::LiveOptions;
use crate::hub::Since;

/// The last segment of the path of an event stream, which may be below any folder.
const FILE: &str = "events";

/// Most topics of one stream. Each costs memory, and a page has few.
const TOPICS_MAX: usize = 100;

/// The topics of an event stream, and its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreamRequest {
    pub(crate) topics: Vec<String>,
    pub(crate) since: Since,
}

/// Whether a request is for an event stream.
pub(super) fn is_for_stream(request: &Request) -> bool {
    let path = request.path();
    path.rsplit_once('/').map_or(path, |(_, file)| file) == FILE
}

/// Parses the request for an event stream. The error is the answer.
pub(super) fn parse(request: &Request, options: &LiveOptions) -> Result<StreamRequest, Response> {
    if request.method() != "GET" {
        return Err(Response::method_not_allowed());
    }
    let mut topics = Vec::new();
    let mut since = None;
    let query = request.query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "topic" => add_topic(&mut topics, value, options)?,
            "since" => since = Some(value),
            // See `ticket::find`.
            "ticket" => {}
            _ => {
                let text = format!("unknown parameter {name:?}: there are topic, since and ticket");
                return Err(Response::bad_request(&text));
            }
        }
    }
    if topics.is_empty() {
        let text = "which topic? GET /events?topic=TOPIC, with a & in a topic as %26";
        return Err(Response::bad_request(text));
    }
    // A browser that reconnects by itself has the same address, and a newer position in the header.
    let last_id = request.header("Last-Event-ID").filter(|id| !id.is_empty());
    let since = last_id.map(Cow::Borrowed).or(since);
    Ok(StreamRequest {
        topics,
        since: match since {
            None => Since::Now,
            Some(text) => Since::parse(&text),
        },
    })
}

fn add_topic(
    topics: &mut Vec<String>,
    topic: Cow<'_, str>,
    options: &LiveOptions,
) -> Result<(), Response> {
    let checked = check_topic(&topic, options.limits.topic_len_max);
    checked.map_err(|error| Response::bad_request(&error.to_string()))?;
    if !options.has_history(&topic) {
        let text = format!("topic {topic:?} has no history (history): use a WebSocket");
        let status = StatusCode::NOT_FOUND;
        return Err(Response::refused(status, &text, Reason::NoHistory));
    }
    if topics.iter().any(|known| **known == *topic) {
        return Ok(());
    }
    if topics.len() == TOPICS_MAX {
        let text = format!("an event stream has at most {TOPICS_MAX} topics");
        return Err(Response::bad_request(&text));
    }
    topics.push(topic.into_owned());
    Ok(())
}
