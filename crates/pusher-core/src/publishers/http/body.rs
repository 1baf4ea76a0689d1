//! The bodies of requests: an event, or a signed request.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use pusher_proto::{check_value, trim_value};
use tokio::time::timeout;

use super::answer::HttpRefusal;
use super::progress::Progress;
use crate::config::Limits;
use crate::context::Context;
use crate::publishers::unfinished::Unfinished;
use crate::stats::PublishRefusal;

/// Longest body, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct LenMax {
    len_max: usize,
    /// What the body is.
    name: &'static str,
    setting: &'static str,
}

impl LenMax {
    /// For a body that is an event.
    pub(super) fn event(limits: &Limits) -> Self {
        Self {
            len_max: limits.event_len_max,
            name: "event",
            setting: "event-len-max",
        }
    }

    /// For a body that is a message with events in it.
    pub(super) fn message(limits: &Limits) -> Self {
        Self {
            len_max: limits.publish_len_max,
            name: "body",
            setting: "publish-len-max",
        }
    }

    fn refusal(self, len: impl fmt::Display) -> HttpRefusal {
        let Self {
            len_max,
            name,
            setting,
        } = self;
        HttpRefusal::too_large(format!(
            "the {name} is {len} long, at most {len_max} are allowed ({setting})"
        ))
    }
}

/// Checks the headers that describe the event, before it is read.
pub(super) fn check_event(headers: &HeaderMap, len_max: LenMax) -> Result<(), HttpRefusal> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str());
    let content_type = content_type.and_then(Result::ok).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        let reason = "the event must be sent as Content-Type: application/json";
        return Err(HttpRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    check(headers, len_max)?;
    if headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(CONTENT_LENGTH) {
        return Ok(());
    }
    let reason = "the request needs a Content-Length, or Transfer-Encoding: chunked";
    Err(HttpRefusal::new(StatusCode::LENGTH_REQUIRED, reason))
}

/// Checks the headers that describe any body, before it is read.
pub(super) fn check(headers: &HeaderMap, len_max: LenMax) -> Result<(), HttpRefusal> {
    for encoding in headers.get_all(CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            let encoding = String::from_utf8_lossy(encoding.as_bytes());
            return Err(HttpRefusal::content_encoding(&encoding));
        }
    }
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let Some(len) = headers.get(CONTENT_LENGTH).filter(|_| !is_chunked) else {
        return Ok(());
    };
    // hyper has checked that it is a number, but it may exceed `usize`.
    let len = len.to_str().unwrap_or_default().trim();
    match len.parse().unwrap_or(usize::MAX) > len_max.len_max {
        true => Err(len_max.refusal(format_args!("{len} bytes"))),
        false => Ok(()),
    }
}

/// Reads the whole body. The length of a chunked body is checked while it arrives. hyper limits the chunk extensions
/// and the trailers of a body to 16 KiB each.
pub(super) async fn read(
    context: &Arc<Context>,
    progress: &Progress,
    body: Incoming,
    len_max: LenMax,
) -> Result<Bytes, HttpRefusal> {
    let time_limit = context.live.limits().unfinished_timeout;
    let _waiting = progress.wait();
    match timeout(time_limit, collect(context, body, len_max)).await {
        Ok(body) => body,
        Err(_) => {
            let reason = "the body took too long to arrive";
            Err(HttpRefusal::new(StatusCode::REQUEST_TIMEOUT, reason))
        }
    }
}

async fn collect(
    context: &Arc<Context>,
    mut body: Incoming,
    len_max: LenMax,
) -> Result<Bytes, HttpRefusal> {
    let mut bytes = Vec::new();
    let mut unfinished = None;
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            // Trailers have no meaning for a publish.
            Ok(Err(_trailers)) => continue,
            Err(error) => return Err(interrupted(&error)),
        };
        let len = bytes.len() + data.len();
        if len > len_max.len_max {
            return Err(len_max.refusal(format_args!("at least {len} bytes")));
        }
        if bytes.is_empty() && body.is_end_stream() {
            // A body in one piece is never incomplete, and hyper's bytes need no copy.
            return Ok(data);
        }
        bytes.extend_from_slice(&data);
        let unfinished = unfinished.get_or_insert_with(|| Unfinished::new(context.clone()));
        let counted = unfinished.set(bytes.len());
        counted.map_err(|no_room| HttpRefusal::overloaded(no_room.to_string()))?;
    }
    Ok(bytes.into())
}

/// Converts the error of a body: the peer disconnected, or its chunks are malformed.
fn interrupted(error: &hyper::Error) -> HttpRefusal {
    let source = error.source();
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            let reason = format!("the body has malformed chunks: {error}");
            HttpRefusal::bad_request(reason)
        }
        _ => HttpRefusal::bad_request("the connection ended within the body")
            .counting_as(PublishRefusal::Unfinished),
    }
}

/// Returns the event, which must be one JSON value.
pub(super) fn event(body: &[u8]) -> Result<&str, HttpRefusal> {
    let event = std::str::from_utf8(trim_value(body))
        .map_err(|_| HttpRefusal::bad_request("the event is not valid UTF-8").keep_alive())?;
    check_value(event)
        .map_err(|error| HttpRefusal::bad_request(format!("the event is {error}")).keep_alive())?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_decide_whether_body_is_read() {
        use StatusCode as S;
        const JSON: &str = "application/json";
        for (content_type, name, value, expect) in [
            (JSON, "content-length", "100", Ok(())),
            (
                "Application/JSON; charset=utf-8",
                "content-length",
                "0",
                Ok(()),
            ),
            (JSON, "transfer-encoding", "chunked", Ok(())),
            (JSON, "content-length", "101", Err(S::PAYLOAD_TOO_LARGE)),
            (
                JSON,
                "content-length",
                "18446744073709551616",
                Err(S::PAYLOAD_TOO_LARGE),
            ),
            (JSON, "x", "", Err(S::LENGTH_REQUIRED)),
            (
                JSON,
                "content-encoding",
                "gzip",
                Err(S::UNSUPPORTED_MEDIA_TYPE),
            ),
            ("", "content-length", "1", Err(S::UNSUPPORTED_MEDIA_TYPE)),
            (
                "text/plain",
                "content-length",
                "1",
                Err(S::UNSUPPORTED_MEDIA_TYPE),
            ),
            (
                "application/jsonp",
                "content-length",
                "1",
                Err(S::UNSUPPORTED_MEDIA_TYPE),
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            let limits = Limits {
                event_len_max: 100,
                ..Limits::default()
            };
            let checked = check_event(&headers, LenMax::event(&limits));
            let status = checked.map_err(|refusal| refusal.into_response().status());
            assert_eq!(status, expect, "{content_type} {name}: {value}");
        }
    }
}
