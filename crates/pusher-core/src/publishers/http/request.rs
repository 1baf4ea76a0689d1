//! What a request asks for, and whether it may be asked so.

use http::header::{AUTHORIZATION, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode};
use percent_encoding::percent_decode_str;
use pusher_proto::check_id;

use super::answer::Refusal;
use crate::operator::{FILES, File};
use crate::publishers::PublishToken;
use crate::stats::PublishRefusal;

const PUBLISH: &str = "/publish/";
const WATCH: &str = "/watch/";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Publish { category: String },
    Look(Look),
}

/// What the operator looks at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A file of the status page.
    File(&'static File),
    Health,
    Readiness,
    Metrics,
    Status,
    Watch {
        topic: String,
    },
}

impl Route {
    /// Whether it is for those only who may publish.
    pub(super) fn wants_token(&self) -> bool {
        !matches!(
            self,
            Self::Look(Look::File(_) | Look::Health | Look::Readiness)
        )
    }
}

/// Whether somebody means to publish, rightly or wrongly.
pub(super) fn publishes<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path().starts_with(PUBLISH)
}

/// Refuses the forms of HTTP that have no use here.
pub(super) fn check_form(head: &Parts) -> Result<(), Refusal> {
    if head.uri.authority().is_some() {
        return Err(Refusal::bad_request("the request's target must be a path"));
    }
    if head.headers.contains_key(UPGRADE) {
        let reason = "only HTTP/1.1 is spoken here; is it browsers' port that was meant?";
        return Err(Refusal::bad_request(reason));
    }
    if head.headers.contains_key(TRANSFER_ENCODING) {
        let reason = "Transfer-Encoding is not taken: send a Content-Length";
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, reason));
    }
    Ok(())
}

pub(super) fn route(head: &Parts) -> Result<Route, Refusal> {
    let path = head.uri.path();
    if let Some(category) = path.strip_prefix(PUBLISH) {
        if head.method != Method::POST {
            return Err(Refusal::method("POST"));
        }
        let category = topic(head, category)?;
        return Ok(Route::Publish { category });
    }
    let look = match path {
        "/healthz" => Look::Health,
        "/readyz" => Look::Readiness,
        "/metrics" => Look::Metrics,
        "/status.json" => Look::Status,
        _ => match path.strip_prefix(WATCH) {
            Some(watched) => Look::Watch {
                topic: topic(head, watched)?,
            },
            None => FILES
                .iter()
                .find(|file| file.path == path)
                .map(Look::File)
                .ok_or_else(not_found)?,
        },
    };
    match head.method {
        Method::GET | Method::HEAD => Ok(Route::Look(look)),
        _ => Err(Refusal::method("GET, HEAD")),
    }
}

fn not_found() -> Refusal {
    let reason = "there is POST /publish/{category}, and GET / (the status page), /healthz, /readyz, \
                  /metrics, /status.json and /watch/{topic}";
    Refusal::new(StatusCode::NOT_FOUND, reason)
}

/// A topic that stands in the target's path.
fn topic(head: &Parts, path: &str) -> Result<String, Refusal> {
    if head.uri.query().is_some() {
        return Err(Refusal::bad_request("a `?` in a category is written %3F"));
    }
    let topic = percent_decode_str(path).decode_utf8();
    let topic = topic.map_err(|_| Refusal::bad_request("the category is not valid UTF-8"))?;
    Ok(topic.into_owned())
}

/// Whether the right token is shown, as RFC 6750 has it.
pub(super) fn check_token(headers: &HeaderMap, token: &PublishToken) -> Result<(), Refusal> {
    let Some(shown) = headers.get(AUTHORIZATION) else {
        let reason = "this server wants a token: Authorization: Bearer ...";
        return Err(Refusal::unauthorized(reason));
    };
    let (scheme, shown) = shown
        .to_str()
        .ok()
        .and_then(|shown| shown.split_once(' '))
        .unwrap_or_default();
    if scheme.eq_ignore_ascii_case("Bearer") && token.is(shown.trim()) {
        return Ok(());
    }
    Err(Refusal::unauthorized("the token is wrong"))
}

/// The id of the publish: the header's value as it is, quotes included if there are any.
pub(super) fn id(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut ids = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(id) = ids.next() else {
        return Ok(None);
    };
    if ids.next().is_some() {
        return Err(Refusal::bad_request("there are several Idempotency-Keys"));
    }
    let id = id
        .to_str()
        .map_err(|_| Refusal::bad_request("the Idempotency-Key is not ASCII"))?;
    check_id(id).map_err(|error| {
        let refusal = Refusal::bad_request(error.to_string());
        refusal.counting_as(PublishRefusal::BadId)
    })?;
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, target: &str) -> Result<Route, StatusCode> {
        let request = Request::builder().method(method).uri(target).body(());
        let (head, ()) = request.unwrap().into_parts();
        check_form(&head)
            .and_then(|()| route(&head))
            .map_err(|refusal| refusal.into_response().status())
    }

    #[test]
    fn targets() {
        for (target, category) in [
            ("/publish/kittens", "kittens"),
            ("/publish/%E7%8C%AB", "猫"),
            ("/publish/a+b%20c", "a+b c"),
            ("/publish/100%", "100%"),
            (
                "/publish/http://example.org/a%3Fb",
                "http://example.org/a?b",
            ),
            ("/publish/", ""),
        ] {
            let category = category.to_owned();
            let route = check(Method::POST, target);
            assert_eq!(route, Ok(Route::Publish { category }), "{target}");
        }
        assert_eq!(
            check(Method::GET, "/healthz?x"),
            Ok(Route::Look(Look::Health))
        );
        assert_eq!(
            check(Method::HEAD, "/healthz"),
            Ok(Route::Look(Look::Health))
        );
        assert_eq!(
            check(Method::GET, "/"),
            Ok(Route::Look(Look::File(&FILES[0])))
        );
        let topic = "a b".to_owned();
        assert_eq!(
            check(Method::GET, "/watch/a%20b"),
            Ok(Route::Look(Look::Watch { topic }))
        );
        for (method, target, status) in [
            (Method::GET, "/publish/t", StatusCode::METHOD_NOT_ALLOWED),
            (Method::POST, "/healthz", StatusCode::METHOD_NOT_ALLOWED),
            (Method::POST, "/publish", StatusCode::NOT_FOUND),
            (Method::POST, "/Publish/t", StatusCode::NOT_FOUND),
            (Method::GET, "/status", StatusCode::NOT_FOUND),
            (Method::POST, "/", StatusCode::METHOD_NOT_ALLOWED),
            (Method::POST, "/metrics", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/watch/a?b", StatusCode::BAD_REQUEST),
            (Method::OPTIONS, "*", StatusCode::NOT_FOUND),
            (Method::POST, "/publish/a?b", StatusCode::BAD_REQUEST),
            (Method::POST, "/publish/%ff", StatusCode::BAD_REQUEST),
            (Method::POST, "http://h/publish/t", StatusCode::BAD_REQUEST),
            (Method::CONNECT, "h:1", StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(check(method, target), Err(status), "{target}");
        }
    }
}
