//! A publish's body: the event.

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

/// Whether the body may be read.
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
        let reason = "there is no Content-Length and no Transfer-Encoding: chunked";
        return Err(HttpRefusal::new(StatusCode::LENGTH_REQUIRED, reason));
    };
    // hyper has seen to it that it is a number.
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

/// Reads the whole body. A chunked one has no length to check beforehand. hyper bounds the bytes of
/// chunk extensions and trailers of a body, each to 16 KiB.
pub(super) async fn read(
    body: Incoming,
    len_max: usize,
    patience: Duration,
    mut unfinished: Unfinished,
) -> Result<Vec<u8>, HttpRefusal> {
    match timeout(patience, collect(body, len_max, &mut unfinished)).await {
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
            // The fields behind the last chunk have no use.
            Ok(Err(_trailers)) => continue,
            Err(error) => return Err(broke_off(&error)),
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

/// The peer has hung up, or its chunks are wrong.
fn broke_off(error: &hyper::Error) -> HttpRefusal {
    let source = error.source();
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            let reason = format!("the chunks of the body are wrong: {error}");
            HttpRefusal::bad_request(reason)
        }
        _ => HttpRefusal::bad_request("the body broke off").counting_as(PublishRefusal::Unfinished),
    }
}

/// The event, one JSON value.
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
    fn headers_of_a_body() {
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
