//! An event stream: topics as Server-Sent Events, which a page reads with EventSource.

use std::io;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::handshake::{Answer, USER_AGENT_TEXT};
use super::http::{BODY_LEN_MAX, read_body, send};
use super::target::Target;
use super::wire::Wire;

const MEDIA_TYPE: &str = "text/event-stream";

/// The name of an event without a name.
pub(crate) const MESSAGE: &str = "message";

/// An open stream.
pub(crate) struct EventStream {
    body: Incoming,
    /// Bytes of a block that is not complete yet.
    unread: Vec<u8>,
}

/// A block with data. Scripts see no others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StreamEvent {
    pub(crate) name: String,
    pub(crate) data: String,
}

impl EventStream {
    /// Requests the stream of a topic, with the headers that a browser sends. Returns the answer if it is not a stream.
    /// The topic must be free of characters that a URL escapes.
    pub(crate) async fn open(
        wire: Box<dyn Wire>,
        target: &Target,
        topic: &str,
    ) -> io::Result<Result<Self, Answer>> {
        let request = Request::get(target.stream_path(topic))
            .header(HOST, target.authority())
            .header(ORIGIN, &target.origin)
            .header(ACCEPT, MEDIA_TYPE)
            .header(USER_AGENT, USER_AGENT_TEXT)
            .body(Full::new(Bytes::new()))
            .map_err(io::Error::other)?;
        let response = send(wire, request).await.map_err(io::Error::other)?;
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE);
        let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(MEDIA_TYPE.as_bytes()));
        if parts.status == StatusCode::OK && is_stream {
            let unread = Vec::new();
            return Ok(Ok(Self { body, unread }));
        }
        let body = read_body(body, BODY_LEN_MAX).await.unwrap_or_default();
        Ok(Err(Answer::new(parts.status, &parts.headers, &body)))
    }

    /// Waits for the next event. `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> io::Result<Option<StreamEvent>> {
        loop {
            while let Some(block) = self.take_block() {
                if let Some(event) = parse(&block) {
                    return Ok(Some(event));
                }
            }
            if self.unread.len() > BODY_LEN_MAX {
                return Err(io::Error::other("an event is too long"));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() {
                self.unread.extend_from_slice(&bytes);
            }
        }
    }

    fn take_block(&mut self) -> Option<String> {
        let end = self.unread.windows(2).position(|two| two == b"\n\n")?;
        let block: Vec<u8> = self.unread.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(&block).into_owned())
    }
}

fn parse(block: &str) -> Option<StreamEvent> {
    let mut name = MESSAGE;
    let mut data: Vec<&str> = Vec::new();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value,
            "data" => data.push(value),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| StreamEvent {
        name: name.to_owned(),
        data: data.join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_data_are_events() {
        for (block, event) in [
            (":\n\n", None),
            ("retry: 3\nid: a-1\n\n", None),
            (
                "id: a-1\ndata: {\"a\":1}\n\n",
                Some(("message", "{\"a\":1}")),
            ),
            ("event: gap\ndata: 1\n\n", Some(("gap", "1"))),
            ("data: [1,\ndata:  2]\n\n", Some(("message", "[1,\n 2]"))),
        ] {
            let event = event.map(|(name, data)| StreamEvent {
                name: name.to_owned(),
                data: data.to_owned(),
            });
            assert_eq!(parse(block), event, "{block:?}");
        }
    }
}
