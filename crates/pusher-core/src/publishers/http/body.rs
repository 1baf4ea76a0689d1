//! A publish's body: the event.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use pusher_proto::{check_value, trim_value};
use tokio::time::timeout;

use super::answer::Refusal;
use crate::publishers::unfinished::Unfinished;
use crate::stats::PublishRefusal;

/// Whether the body may be read.
pub(super) fn check(headers: &HeaderMap, len_max: usize) -> Result<(), Refusal> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str());
    let content_type = content_type.and_then(Result::ok).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        let reason = "the event must be sent as Content-Type: application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let Some(len) = headers.get(CONTENT_LENGTH) else {
        let reason = "there is no Content-Length";
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, reason));
    };
    // hyper has seen to it that it is a number.
    let len = len.to_str().ok().and_then(|len| len.trim().parse().ok());
    if len.unwrap_or(usize::MAX) > len_max {
        let reason = format!("the event is longer than {len_max} bytes");
        return Err(Refusal::too_large(reason));
    }
    Ok(())
}

/// The whole body; its length was checked.
pub(super) async fn read(
    body: Incoming,
    patience: Duration,
    mut unfinished: Unfinished,
) -> Result<Vec<u8>, Refusal> {
    match timeout(patience, collect(body, &mut unfinished)).await {
        Ok(body) => body,
        Err(_) => {
            let reason = "the body took too long to arrive";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, reason))
        }
    }
}

async fn collect(mut body: Incoming, unfinished: &mut Unfinished) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let broke_off = |_| {
            let refusal = Refusal::bad_request("the body broke off");
            refusal.counting_as(PublishRefusal::Unfinished)
        };
        let frame = frame.map_err(broke_off)?;
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
        let counted = unfinished.set(bytes.len());
        counted.map_err(|no_room| Refusal::overloaded(no_room.to_string()))?;
    }
    Ok(bytes)
}

/// The event, one JSON value.
pub(super) fn event(body: &[u8]) -> Result<&str, Refusal> {
    let event = std::str::from_utf8(trim_value(body))
        .map_err(|_| Refusal::bad_request("the event is not valid UTF-8").keep_alive())?;
    check_value(event)
        .map_err(|error| Refusal::bad_request(format!("the event is {error}")).keep_alive())?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents() {
        let checked = |content_type: Option<&'static str>, len: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(CONTENT_TYPE, content_type), (CONTENT_LENGTH, len)] {
                value.map(|value| headers.insert(name, value.parse().unwrap()));
            }
            check(&headers, 100).map_err(|refusal| refusal.into_response().status())
        };
        let json = Some("application/json");
        assert_eq!(checked(json, Some("100")), Ok(()));
        assert_eq!(
            checked(Some("Application/JSON; charset=utf-8"), Some("0")),
            Ok(())
        );
        for (content_type, len, status) in [
            (json, Some("101"), StatusCode::PAYLOAD_TOO_LARGE),
            (
                json,
                Some("18446744073709551616"),
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            (json, None, StatusCode::LENGTH_REQUIRED),
            (None, Some("1"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
            (
                Some("text/plain"),
                Some("1"),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            (
                Some("application/jsonp"),
                Some("1"),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
        ] {
            assert_eq!(
                checked(content_type, len),
                Err(status),
                "{content_type:?} {len:?}"
            );
        }
    }
}
