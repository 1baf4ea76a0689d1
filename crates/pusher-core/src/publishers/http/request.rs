//! Routes of requests, and the forms of HTTP that are supported.

use http::header::{CONNECTION, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Version};

use super::answer::HttpRefusal;
use super::channels::{self, SignedRequest};
use super::charts;
use super::connections;
use super::log::{self, HistoryQuery};
use super::percent::decode;
use super::query::parameters;
use crate::admin::AdminRoute;
use crate::connection::SessionId;

const PUBLISH: &str = "/publish/";
const WATCH: &str = "/watch/";
const POSITION: &str = "/position";
const HISTORY: &str = "/history/";
const REVOKE: &str = "/revoke/";
const PRESENCE: &str = "/presence/";
const CHARTS: &str = "/charts.json";
const CONNECTIONS: &str = "/connections.json";
const CLOSE: &str = "/close/";
const PROGRAM_UPGRADE: &str = "/upgrade";
const RELOAD: &str = "/reload";

/// The route of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST /publish/{topic}`.
    Publish {
        topic: String,
    },
    /// `POST /revoke/{sub}`.
    Revoke {
        sub: String,
        before_s: Option<u64>,
    },
    /// `GET /presence/{topic}`.
    Presence {
        topic: String,
    },
    /// `GET /position`.
    Position,
    /// `GET /history/{topic}`.
    History {
        topic: String,
        query: HistoryQuery,
    },
    /// `POST /close/{id}`.
    Close {
        id: SessionId,
    },
    /// `POST /upgrade`.
    Upgrade,
    /// `POST /reload`.
    Reload,
    Admin(AdminRoute),
    /// `/apps/ID/...`.
    Signed(SignedRequest),
    /// `OPTIONS`, which HAProxy's `option httpchk` sends. Holds the methods for `Allow`.
    Options {
        allow: &'static str,
    },
}

impl Route {
    /// Whether the request must show the publish token, if one is configured.
    pub(super) fn needs_token(&self) -> bool {
        match self {
            Self::Publish { .. }
            | Self::Revoke { .. }
            | Self::Presence { .. }
            | Self::Position
            | Self::Close { .. }
            | Self::Upgrade
            | Self::Reload
            | Self::History { .. } => true,
            Self::Admin(route) => route.needs_token(),
            // The signature is the permission.
            Self::Signed(_) | Self::Options { .. } => false,
        }
    }

    /// Whether operators send the request, and publishers do not.
    pub(super) fn is_operators(&self) -> bool {
        match self {
            Self::Admin(_) | Self::Close { .. } | Self::Upgrade | Self::Reload => true,
            Self::Publish { .. }
            | Self::Revoke { .. }
            | Self::Presence { .. }
            | Self::Position
            | Self::History { .. }
            | Self::Signed(_)
            | Self::Options { .. } => false,
        }
    }

    /// Whether the request needs a permit. All other requests are always answered.
    pub(super) fn needs_permit(&self) -> bool {
        matches!(
            self,
            Self::Publish { .. }
                | Self::Revoke { .. }
                | Self::Presence { .. }
                | Self::Position
                | Self::History { .. }
                | Self::Signed(_)
                | Self::Admin(AdminRoute::Watch { .. })
        )
    }
}

/// Whether the request is meant as a publish, valid or not. Decides which counter counts its refusal.
pub(super) fn publishes<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && (path.starts_with(PUBLISH) || channels::publishes(path))
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
    let posted = post_route(head, path);
    match (&head.method, posted) {
        (&Method::OPTIONS, posted) => Ok(Route::Options {
            allow: match posted {
                Some(_) => "POST, OPTIONS",
                None => "GET, HEAD, OPTIONS",
            },
        }),
        (&Method::POST, Some(route)) => route,
        (_, Some(_)) => Err(HttpRefusal::method("POST")),
        (method, None) => match (method, read_route(head, path)?) {
            (&Method::GET | &Method::HEAD, route) => Ok(route),
            _ => Err(HttpRefusal::method("GET, HEAD")),
        },
    }
}

/// Finds the route of a request that changes something. `None` if the path has no such route.
fn post_route(head: &Parts, path: &str) -> Option<Result<Route, HttpRefusal>> {
    if let Some(published) = path.strip_prefix(PUBLISH) {
        let topic = topic(head, published);
        return Some(topic.map(|topic| Route::Publish { topic }));
    }
    if let Some(revoked) = path.strip_prefix(REVOKE) {
        return Some(revoke_route(head, revoked));
    }
    if let Some(id) = path.strip_prefix(CLOSE) {
        let id = connections::id(id);
        return Some(id.map(|id| Route::Close { id }));
    }
    match path {
        PROGRAM_UPGRADE => Some(Ok(Route::Upgrade)),
        RELOAD => Some(Ok(Route::Reload)),
        _ => None,
    }
}

fn revoke_route(head: &Parts, sub: &str) -> Result<Route, HttpRefusal> {
    Ok(Route::Revoke {
        sub: decode(sub, "sub")?,
        before_s: before(head)?,
    })
}

/// Finds the route of a request that changes nothing.
fn read_route(head: &Parts, path: &str) -> Result<Route, HttpRefusal> {
    if path == POSITION {
        return Ok(Route::Position);
    }
    if path == CHARTS {
        let window = charts::window(head)?;
        return Ok(Route::Admin(AdminRoute::Charts(window)));
    }
    if path == CONNECTIONS {
        let query = connections::query(head)?;
        return Ok(Route::Admin(AdminRoute::Connections(query)));
    }
    if let Some(read) = path.strip_prefix(HISTORY) {
        return Ok(Route::History {
            topic: decode(read, "topic")?,
            query: log::query(head)?,
        });
    }
    if let Some(present) = path.strip_prefix(PRESENCE) {
        let topic = topic(head, present)?;
        return Ok(Route::Presence { topic });
    }
    Ok(Route::Admin(match path.strip_prefix(WATCH) {
        Some(watched) => AdminRoute::Watch {
            topic: topic(head, watched)?,
        },
        None => AdminRoute::find(path).ok_or_else(not_found)?,
    }))
}

fn not_found() -> HttpRefusal {
    let reason = "not found: the paths are POST /publish/{topic}, POST /revoke/{sub}, POST /close/{id}, POST /upgrade, POST /reload, and GET / (the status page), \
                  /healthz, /readyz, /metrics, /status.json, /charts.json, /connections.json, /watch/{topic}, /position, /history/{topic} and /presence/{topic}";
    HttpRefusal::new(StatusCode::NOT_FOUND, reason)
}

/// Decodes the topic in a path without a query.
fn topic(head: &Parts, path: &str) -> Result<String, HttpRefusal> {
    if head.uri.query().is_some() {
        return Err(HttpRefusal::bad_request("write a `?` in a topic as %3F"));
    }
    decode(path, "topic")
}

/// Parses the query of a revocation.
fn before(head: &Parts) -> Result<Option<u64>, HttpRefusal> {
    let mut before_s = None;
    for (name, value) in parameters(head) {
        let parsed = value.parse().ok().filter(|_| name == "before");
        before_s = Some(parsed.ok_or_else(|| {
            HttpRefusal::bad_request("the parameter is before, a Unix time in seconds")
        })?);
    }
    Ok(before_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::ConnectionsQuery;

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
        let id = format!("{:032x}", 7);
        assert_eq!(
            check(Method::POST, &format!("/close/{id}")),
            Ok(Route::Close {
                id: SessionId::parse(&id).unwrap()
            })
        );
        assert_eq!(
            check(Method::GET, "/connections.json?search=a%26b&limit=1000"),
            Ok(Route::Admin(AdminRoute::Connections(ConnectionsQuery {
                search: "a&b".to_owned(),
                limit: 1000,
            })))
        );
        for (method, target, status) in [
            (Method::GET, "/close/1", StatusCode::METHOD_NOT_ALLOWED),
            (Method::POST, "/close/1", StatusCode::BAD_REQUEST),
            (
                Method::POST,
                "/connections.json",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            (
                Method::GET,
                "/connections.json?x=1",
                StatusCode::BAD_REQUEST,
            ),
            (Method::GET, "/publish/t", StatusCode::METHOD_NOT_ALLOWED),
            (Method::PUT, "/revoke/%zz", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/upgrade", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "/reload", StatusCode::METHOD_NOT_ALLOWED),
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
    fn queries_of_lists_and_charts_have_bounds() {
        let search = |len| format!("/connections.json?search={}", "s".repeat(len));
        for (target, is_valid) in [
            ("/connections.json?limit=0", false),
            ("/connections.json?limit=1", true),
            ("/connections.json?limit=1000", true),
            ("/connections.json?limit=1001", false),
            ("/connections.json?limit=all", false),
            (&search(1024), true),
            (&search(1025), false),
            ("/history/t?limit=0", false),
            ("/history/t?limit=1000", true),
            ("/history/t?limit=1001", false),
            ("/charts.json", true),
            ("/charts.json?window=1d", true),
            ("/charts.json?window=2d", false),
            ("/charts.json?window=", false),
            ("/charts.json?step=5m", false),
        ] {
            let route = check(Method::GET, target);
            let expected = if is_valid {
                Ok(())
            } else {
                Err(StatusCode::BAD_REQUEST)
            };
            assert_eq!(route.map(drop), expected, "{target}");
        }
    }

    #[test]
    fn options_names_the_methods() {
        for (target, allow) in [
            ("*", "GET, HEAD, OPTIONS"),
            ("/", "GET, HEAD, OPTIONS"),
            ("/status.json", "GET, HEAD, OPTIONS"),
            ("/publish/t", "POST, OPTIONS"),
            ("/revoke/%zz", "POST, OPTIONS"),
            ("/close/1", "POST, OPTIONS"),
            ("/upgrade", "POST, OPTIONS"),
            ("/reload", "POST, OPTIONS"),
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
