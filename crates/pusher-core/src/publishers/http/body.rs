//! The body of a publish: the event.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use pusher_proto::{check_value, trim_value};
use tokio::time::timeout;

use super::answer::HttpRefusal;
use crate::publishers::unfinished::Unfinished;
use crate::stats::PublishRefusal;

/// Checks the headers that describe the body, before it is read.
pub(super) fn check(headers: &HeaderMap, len_max: usize) -> Result<(), HttpRefusal> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str());
    let content_type = content_type.and_then(Result::ok).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        let reason = "the event must be sent as Content-Type: application/json";
        return Err(HttpRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    for encoding in headers.get_all(CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            let encoding = String::from_utf8_lossy(encoding.as_bytes());
            return Err(HttpRefusal::content_encoding(&encoding));
        }
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let Some(len) = headers.get(CONTENT_LENGTH) else {
        let reason = "the request needs a Content-Length, or Transfer-Encoding: chunked";
        return Err(HttpRefusal::new(StatusCode::LENGTH_REQUIRED, reason));
    };
    // hyper has checked that it is a number, but it may exceed `usize`.
    let len = len.to_str().unwrap_or_default().trim();
    if len.parse().unwrap_or(usize::MAX) > len_max {
        return Err(too_large(format_args!("{len} bytes"), len_max));
    }
    Ok(())
}

fn too_large(len: impl fmt::Display, len_max: usize) -> HttpRefusal {
    HttpRefusal::too_large(format!(
        "the event is {len} long, at most {len_max} are allowed (event-len-max)"
    ))
}

/// Reads the whole body. The length of a chunked body is checked while it arrives. hyper limits the chunk extensions
/// and the trailers of a body to 16 KiB each.
pub(super) async fn read(
    body: Incoming,
    len_max: usize,
    time_limit: Duration,
    mut unfinished: Unfinished,
) -> Result<Vec<u8>, HttpRefusal> {
    match timeout(time_limit, collect(body, len_max, &mut unfinished)).await {
        Ok(body) => body,
        Err(_) => {
            let reason = "the body took too long to arrive";
            Err(HttpRefusal::new(StatusCode::REQUEST_TIMEOUT, reason))
        }
    }
}

async fn collect(
    mut body: Incoming,
    len_max: usize,
    unfinished: &mut Unfinished,
) -> Result<Vec<u8>, HttpRefusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            // Trailers have no meaning for a publish.
            Ok(Err(_trailers)) => continue,
            Err(error) => return Err(interrupted(&error)),
        };
        if bytes.len() + data.len() > len_max {
            let len = bytes.len() + data.len();
            return Err(too_large(format_args!("at least {len} bytes"), len_max));
        }
        bytes.extend_from_slice(&data);
        let counted = unfinished.set(bytes.len());
        counted.map_err(|no_room| HttpRefusal::overloaded(no_room.to_string()))?;
    }
    Ok(bytes)
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
            let checked = check(&headers, 100);
            let status = checked.map_err(|refusal| refusal.into_response().status());
            assert_eq!(status, expect, "{content_type} {name}: {value}");
        }
    }
}
