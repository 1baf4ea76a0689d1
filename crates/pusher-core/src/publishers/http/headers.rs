//! Headers of a publisher's request: its token, the id of a publish, and the session that does not get the event.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use pusher_proto::{SessionName, SessionNameError, check_id};

use super::answer::HttpRefusal;
use crate::config::PublishToken;
use crate::stats::PublishRefusal;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const EXCLUDE: &str = "Pushd-Exclude";

/// Checks the bearer token (RFC 6750, section 2.1).
pub(super) fn check_token(headers: &HeaderMap, token: &PublishToken) -> Result<(), HttpRefusal> {
    let Some(shown) = headers.get(AUTHORIZATION) else {
        let reason = "this server requires a token: Authorization: Bearer ...";
        return Err(HttpRefusal::unauthorized(reason));
    };
    let (scheme, shown) = shown
        .to_str()
        .ok()
        .and_then(|shown| shown.split_once(' '))
        .unwrap_or_default();
    if scheme.eq_ignore_ascii_case("Bearer") && token.is(shown.trim()) {
        return Ok(());
    }
    Err(HttpRefusal::unauthorized("the token is wrong"))
}

/// Returns the id of the publish: the value of `Idempotency-Key`, including any quotes.
pub(super) fn id(headers: &HeaderMap) -> Result<Option<&str>, HttpRefusal> {
    let Some(id) = single(headers, IDEMPOTENCY_KEY)? else {
        return Ok(None);
    };
    check_id(id).map_err(|error| {
        let refusal = HttpRefusal::bad_request(error.to_string());
        refusal.counting_as(PublishRefusal::BadId)
    })?;
    Ok(Some(id))
}

/// Returns the session that does not get the event: the value of `Pushd-Exclude`.
pub(super) fn excluded(headers: &HeaderMap) -> Result<Option<SessionName>, HttpRefusal> {
    let Some(session) = single(headers, EXCLUDE)? else {
        return Ok(None);
    };
    let session = session.parse().map_err(|error: SessionNameError| {
        let refusal = HttpRefusal::bad_request(format!("{EXCLUDE}: {error}"));
        refusal.counting_as(PublishRefusal::BadExclude)
    })?;
    Ok(Some(session))
}

/// Returns the value of a header that may be there once. An id may have any characters, so values are UTF-8, which web servers
/// pass on (`obs-text` of RFC 9110, section 5.5).
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, HttpRefusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let reason = format!("there is more than one {name}");
        return Err(HttpRefusal::bad_request(reason));
    }
    let value = str::from_utf8(value.as_bytes());
    let invalid = |_| HttpRefusal::bad_request(format!("the {name} is not valid UTF-8"));
    Ok(Some(value.map_err(invalid)?))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn ids_are_utf_8() {
        let mut headers = HeaderMap::new();
        let value = |bytes: &[u8]| http::HeaderValue::from_bytes(bytes).unwrap();
        headers.insert(IDEMPOTENCY_KEY, value("猫 1".as_bytes()));
        assert_eq!(id(&headers).unwrap(), Some("猫 1"));
        headers.insert(IDEMPOTENCY_KEY, value(b"\xff"));
        let status = id(&headers).unwrap_err().into_response().status();
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}
