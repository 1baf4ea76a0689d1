//! Routes of requests, and checks of their heads.

use http::header::{AUTHORIZATION, CONNECTION, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use percent_encoding::percent_decode_str;
use pusher_proto::check_id;

use super::answer::HttpRefusal;
use super::log::{self, HistoryQuery};
use crate::admin::AdminRoute;
use crate::config::PublishToken;
use crate::stats::PublishRefusal;

const PUBLISH: &str = "/publish/";
const WATCH: &str = "/watch/";
const POSITION: &str = "/position";
const HISTORY: &str = "/history/";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST /publish/{topic}`.
    Publish {
        topic: String,
    },
    /// `GET /position`.
    Position,
    /// `GET /history/{topic}`.
    History {
        topic: String,
        query: HistoryQuery,
    },
    Admin(AdminRoute),
    /// `OPTIONS`, which HAProxy's `option httpchk` sends. Holds the methods for `Allow`.
    Options {
        allow: &'static str,
    },
}

impl Route {
    /// Whether the request must show the publish token, if one is configured.
    pub(super) fn needs_token(&self) -> bool {
        match self {
            Self::Publish { .. } | Self::Position | Self::History { .. } => true,
            Self::Admin(route) => route.needs_token(),
            Self::Options { .. } => false,
        }
    }

    /// Whether the request needs a permit. All other requests are always answered.
    pub(super) fn needs_permit(&self) -> bool {
        matches!(
            self,
            Self::Publish { .. }
                | Self::Position
                | Self::History { .. }
                | Self::Admin(AdminRoute::Watch { .. })
        )
    }
}

/// Whether the request is meant as a publish, valid or not. Decides which counter counts its refusal.
pub(super) fn publishes<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path().starts_with(PUBLISH)
}

/// Checks the version at the end of a request line.
pub(super) fn check_version(line: &[u8]) -> Result<(), HttpRefusal> {
    let line = String::from_utf8_lossy(line.trim_ascii_end());
    let version = line.rsplit(' ').next().unwrap_or_default();
    match version {
        "HTTP/1.1" | "HTTP/1.0" => Ok(()),
        _ if version.starts_with("HTTP/") => Err(HttpRefusal::version(version)),
        _ => Err(HttpRefusal::bad_request(
            "the request line does not end with HTTP/1.1",
        )),
    }
}

/// Refuses forms of HTTP that the server does not support. An `Upgrade` to a protocol other than WebSocket is an offer
/// that a server may ignore (RFC 9110, section 7.8): curl and Java send `h2c`.
pub(super) fn check_form(head: &Parts) -> Result<(), HttpRefusal> {
    let scheme = head.uri.scheme_str();
    let has_scheme = scheme.is_some_and(|scheme| matches!(scheme, "http" | "https"));
    if head.method == Method::CONNECT || (head.uri.authority().is_some() && !has_scheme) {
        let reason = "the request's target must be a path or an http URL";
        return Err(HttpRefusal::bad_request(reason));
    }
    if has_token(&head.headers, UPGRADE, "websocket") {
        let reason =
            "this is the port of publishers: WebSockets connect to the port of browsers (listen)";
        return Err(HttpRefusal::bad_request(reason));
    }
    // hyper has checked that the last coding is `chunked`.
    let codings = head.headers.get_all(TRANSFER_ENCODING);
    if let Some(coding) = codings.iter().find(|coding| !is_chunked(coding)) {
        let coding = String::from_utf8_lossy(coding.as_bytes());
        let reason = format!("Transfer-Encoding {coding:?} is not supported, only chunked");
        return Err(HttpRefusal::new(StatusCode::NOT_IMPLEMENTED, reason));
    }
    Ok(())
}

fn is_chunked(coding: &http::HeaderValue) -> bool {
    coding.as_bytes().eq_ignore_ascii_case(b"chunked")
}

/// Whether the client expects the connection to stay open after the answer.
pub(super) fn wants_keep_alive(head: &Parts) -> bool {
    match head.version {
        Version::HTTP_10 => has_token(&head.headers, CONNECTION, "keep-alive"),
        _ => !has_token(&head.headers, CONNECTION, "close"),
    }
}

/// Whether `token` is in the comma-separated list of a header.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let mut tokens = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    tokens.any(|value| value.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Finds the route of a request.
pub(super) fn route(head: &Parts) -> Result<Route, HttpRefusal> {
    let path = head.uri.path();
    if head.method == Method::OPTIONS {
        let allow = match path.starts_with(PUBLISH) {
            true => "POST, OPTIONS",
            false => "GET, HEAD, OPTIONS",
        };
        return Ok(Route::Options { allow });
    }
    if let Some(published) = path.strip_prefix(PUBLISH) {
        if head.method != Method::POST {
            return Err(HttpRefusal::method("POST"));
        }
        let topic = topic(head, published)?;
        return Ok(Route::Publish { topic });
    }
    let route = read_route(head, path)?;
    match head.method {
        Method::GET | Method::HEAD => Ok(route),
        _ => Err(HttpRefusal::method("GET, HEAD")),
    }
}

/// Finds the route of a request that changes nothing.
fn read_route(head: &Parts, path: &str) -> Result<Route, HttpRefusal> {
    if path == POSITION {
        return Ok(Route::Position);
    }
    if let Some(read) = path.strip_prefix(HISTORY) {
        return Ok(Route::History {
            topic: decode_topic(read)?,
            query: log::query(head)?,
        });
    }
    Ok(Route::Admin(match path.strip_prefix(WATCH) {
        Some(watched) => AdminRoute::Watch {
            topic: topic(head, watched)?,
        },
        None => AdminRoute::find(path).ok_or_else(not_found)?,
    }))
}

fn not_found() -> HttpRefusal {
    let reason = "not found: the paths are POST /publish/{topic}, and GET / (the status page), /healthz, /readyz, \
                  /metrics, /status.json, /watch/{topic}, /position and /history/{topic}";
    HttpRefusal::new(StatusCode::NOT_FOUND, reason)
}

/// Decodes the topic in a path without a query.
fn topic(head: &Parts, path: &str) -> Result<String, HttpRefusal> {
    if head.uri.query().is_some() {
        return Err(HttpRefusal::bad_request("write a `?` in a topic as %3F"));
    }
    decode_topic(path)
}

fn decode_topic(path: &str) -> Result<String, HttpRefusal> {
    check_percent_encoding(path)?;
    let topic = percent_decode_str(path).decode_utf8();
    let topic = topic.map_err(|_| HttpRefusal::bad_request("the topic is not valid UTF-8"))?;
    Ok(topic.into_owned())
}

/// Refuses a `%` without two hexadecimal digits, which `percent_decode_str` would leave unchanged.
fn check_percent_encoding(path: &str) -> Result<(), HttpRefusal> {
    for (at, _) in path.match_indices('%') {
        let digits = path.as_bytes().get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let invalid: String = path[at..].chars().take(3).collect();
            let reason = format!("{invalid} is not a percent-encoding: write a `%` as %25");
            return Err(HttpRefusal::bad_request(reason));
        }
    }
    Ok(())
}

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
    let mut ids = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(id) = ids.next() else {
        return Ok(None);
    };
    if ids.next().is_some() {
        return Err(HttpRefusal::bad_request(
            "there is more than one Idempotency-Key",
        ));
    }
    let id = id
        .to_str()
        .map_err(|_| HttpRefusal::bad_request("the Idempotency-Key is not ASCII"))?;
    check_id(id).map_err(|error| {
        let refusal = HttpRefusal::bad_request(error.to_string());
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
    fn targets_select_routes() {
        for (target, topic) in [
            ("/publish/kittens", "kittens"),
            ("/publish/%E7%8C%AB", "猫"),
            ("/publish/a+b%20c", "a+b c"),
            ("/publish/100%25", "100%"),
            ("http://h/publish/t", "t"),
            ("https://h:1/publish/t", "t"),
            (
                "/publish/http://example.org/a%3Fb",
                "http://example.org/a?b",
            ),
            ("/publish/", ""),
        ] {
            let topic = topic.to_owned();
            let route = check(Method::POST, target);
            assert_eq!(route, Ok(Route::Publish { topic }), "{target}");
        }
        assert_eq!(
            check(Method::GET, "/healthz?x"),
            Ok(Route::Admin(AdminRoute::Health))
        );
        assert_eq!(
            check(Method::HEAD, "/healthz"),
            Ok(Route::Admin(AdminRoute::Health))
        );
        assert_eq!(
            check(Method::GET, "/"),
            Ok(Route::Admin(AdminRoute::find("/").unwrap()))
        );
        let topic = "a b".to_owned();
        assert_eq!(
            check(Method::GET, "/watch/a%20b"),
            Ok(Route::Admin(AdminRoute::Watch { topic }))
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
            (Method::POST, "/publish/a?b", StatusCode::BAD_REQUEST),
            (Method::POST, "/publish/%ff", StatusCode::BAD_REQUEST),
            (Method::POST, "/publish/100%", StatusCode::BAD_REQUEST),
            (Method::POST, "/publish/%zz", StatusCode::BAD_REQUEST),
            (Method::POST, "/publish/%a", StatusCode::BAD_REQUEST),
            (Method::GET, "/watch/%+1", StatusCode::BAD_REQUEST),
            (Method::POST, "ftp://h/publish/t", StatusCode::BAD_REQUEST),
            (Method::POST, "h:1", StatusCode::BAD_REQUEST),
            (Method::CONNECT, "h:1", StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(check(method, target), Err(status), "{target}");
        }
    }

    #[test]
    fn options_names_the_methods() {
        for (target, allow) in [
            ("*", "GET, HEAD, OPTIONS"),
            ("/", "GET, HEAD, OPTIONS"),
            ("/publish/t", "POST, OPTIONS"),
        ] {
            let route = check(Method::OPTIONS, target);
            assert_eq!(route, Ok(Route::Options { allow }), "{target}");
        }
    }

    #[test]
    fn only_http_1_is_accepted() {
        for first in ["GET / HTTP/1.1\r\n", "GET / HTTP/1.0\n"] {
            assert!(check_version(first.as_bytes()).is_ok(), "{first}");
        }
        for (first, status) in [
            ("PRI * HTTP/2.0\r\n", 505),
            ("GET / HTTP/2.0\r\n", 505),
            ("GET / HTTP/1.2\n", 505),
            ("GET / http/1.1\r\n", 400),
            ("GET /\r\n", 400),
            ("GET\r\n", 400),
        ] {
            let refusal = check_version(first.as_bytes()).unwrap_err();
            assert_eq!(refusal.into_response().status(), status, "{first}");
        }
    }
}
