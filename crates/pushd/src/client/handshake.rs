//! The WebSocket handshake, with the headers that a browser sends.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, SERVER,
    UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use pusher_proto::Reason;
use pusher_proto::wamp::Subprotocol;
use serde::Deserialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::causes::with_causes;
use super::http::{BODY_LEN_MAX, read_body, send};
use super::target::Target;
use super::wire::Wire;

/// Longest message that is accepted, in bytes. It is far above the default limit of servers, which operators may raise.
const MESSAGE_LEN_MAX: usize = 64 * 1024 * 1024;
/// Size of the read buffer, in bytes. It is small because `pushd bench` opens many connections.
const READ_LEN: usize = 16 * 1024;
/// Longest text of a response that is kept, in characters.
const TEXT_LEN_MAX: usize = 500;

/// [`pusher_proto::REASON_HEADER`], in lower case.
const PUSHD_REASON: HeaderName = HeaderName::from_static("pushd-reason");
/// The Content-Type of port 5555's responses.
const JSON: &str = "application/json";

/// The User-Agent header. Some firewalls refuse clients that do not look like browsers.
pub(super) const USER_AGENT_TEXT: &str = concat!(
    "Mozilla/5.0 (compatible; pushd-doctor/",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// An open WebSocket.
pub(crate) struct Socket {
    pub(super) stream: WebSocketStream<TokioIo<Upgraded>>,
    /// The subprotocol that the server chose.
    pub(super) subprotocol: Subprotocol,
}

/// Why the handshake failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// An ordinary HTTP response.
    #[error("{}", .0.summary())]
    Answer(Answer),
    /// The server did not choose our subprotocol.
    #[error("the server does not speak the subprotocol {}", Subprotocol::Wamp.name())]
    NoSubprotocol,
    /// The response is not HTTP, or does not belong to this request.
    #[error("{0}")]
    NotWebSocket(String),
    /// The server sent something before the request.
    #[error("the server sent something before the request")]
    SpokeFirst,
    /// The connection ended.
    #[error("{0}")]
    Closed(String),
    /// No response came in time.
    #[error("no response within {0:?}")]
    Silent(Duration),
}

/// The parts of an HTTP response that help to find the reason.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The Server header, such as "nginx/1.22.1".
    pub(crate) server: String,
    /// The Location header.
    pub(crate) location: Option<String>,
    /// pushd's reason, if the response is from port 8080 of a pushd.
    pub(crate) reason: Option<Reason>,
    /// Whether port 5555 of a pushd answered. Only its refusals have both a reason and a JSON body.
    pub(crate) is_from_publish_listener: bool,
    /// The first line of a plain text body, or the error in a JSON body.
    pub(crate) text: Option<String>,
}

/// Opens a WebSocket. `with_origin` adds the Origin header that a browser would send, and `cookie` its Cookie header.
pub(crate) async fn open(
    wire: Box<dyn Wire>,
    target: &Target,
    with_origin: bool,
    cookie: Option<&str>,
) -> Result<Socket, Refusal> {
    let key = generate_key();
    let request = request(target, &key, with_origin, cookie)
        .map_err(|error| Refusal::NotWebSocket(error.to_string()))?;
    let mut response = send(wire, request).await.map_err(no_answer)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = response.into_parts();
        // The status and the headers are useful even if the body cannot be read.
        let body = read_body(body, BODY_LEN_MAX).await.unwrap_or_default();
        return Err(Refusal::Answer(Answer::new(
            parts.status,
            &parts.headers,
            &body,
        )));
    }
    let upgraded = hyper::upgrade::on(&mut response);
    let subprotocol = check(response.headers(), &key, target.offer)?;
    let upgraded = upgraded.await.map_err(no_answer)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_LEN)
        .max_message_size(Some(MESSAGE_LEN_MAX))
        .max_frame_size(Some(MESSAGE_LEN_MAX));
    let upgraded = TokioIo::new(upgraded);
    Ok(Socket {
        stream: WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await,
        subprotocol,
    })
}

fn request(
    target: &Target,
    key: &str,
    with_origin: bool,
    cookie: Option<&str>,
) -> http::Result<Request<Full<Bytes>>> {
    let offer: Vec<&str> = target.offer.iter().map(|one| one.name()).collect();
    let mut request = Request::get(&target.path)
        .header(HOST, target.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(SEC_WEBSOCKET_PROTOCOL, offer.join(", "))
        .header(USER_AGENT, USER_AGENT_TEXT);
    if with_origin {
        request = request.header(ORIGIN, &target.origin);
    }
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    request.body(Full::default())
}

/// Checks the headers of a 101 response, as browsers do (RFC 6455, section 4.1). Returns the subprotocol that the server
/// chose.
fn check(headers: &HeaderMap, key: &str, offer: &[Subprotocol]) -> Result<Subprotocol, Refusal> {
    let is = |name: HeaderName, value: &str| {
        text(headers, name).is_some_and(|text| text.eq_ignore_ascii_case(value))
    };
    if !is(UPGRADE, "websocket") || !is(CONNECTION, "upgrade") {
        let text = "the response lacks the headers Upgrade and Connection";
        return Err(Refusal::NotWebSocket(text.to_owned()));
    }
    if text(headers, SEC_WEBSOCKET_ACCEPT) != Some(derive_accept_key(key.as_bytes())) {
        let text = "Sec-WebSocket-Accept does not match this request";
        return Err(Refusal::NotWebSocket(text.to_owned()));
    }
    let chosen = text(headers, SEC_WEBSOCKET_PROTOCOL);
    let chosen = chosen.and_then(|name| Subprotocol::parse(&name));
    chosen
        .filter(|chosen| offer.contains(chosen))
        .ok_or(Refusal::NoSubprotocol)
}

fn no_answer(error: hyper::Error) -> Refusal {
    // hyper reports an early response as an error without a cause, inside another error.
    let cause = error.source();
    let cause = cause.and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if error.is_parse() {
        Refusal::NotWebSocket(with_causes(&error))
    } else if cause.is_some_and(|cause| cause.source().is_none()) {
        Refusal::SpokeFirst
    } else {
        let text = format!(
            "the connection ended without a response: {}",
            with_causes(&error)
        );
        Refusal::Closed(text)
    }
}

impl Answer {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: HeaderName| text(headers, name).unwrap_or_default();
        let is_json = header(CONTENT_TYPE).starts_with(JSON);
        let reason = header(PUSHD_REASON);
        Self {
            status,
            server: text(headers, SERVER).unwrap_or_else(|| "an unnamed server".to_owned()),
            location: text(headers, LOCATION),
            reason: (!is_json).then(|| Reason::parse(&reason)).flatten(),
            is_from_publish_listener: is_json && !reason.is_empty(),
            text: text_of_body(headers, body),
        }
    }

    /// "404 Not Found from nginx/1.22.1".
    pub(crate) fn summary(&self) -> String {
        let mut summary = format!("{} from {}", self.status, self.server);
        if let Some(text) = &self.text {
            summary.push_str(&format!(", which says: {text}"));
        }
        summary
    }

    /// Whether the Server header begins with `program`, in lower case.
    pub(crate) fn is_from(&self, program: &str) -> bool {
        self.server.to_ascii_lowercase().starts_with(program)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(TEXT_LEN_MAX).collect())
}

/// Returns the first line of a plain text body, or the error in a JSON body: pushd's own refusals have one or the other.
/// HTML pages do not count.
fn text_of_body(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    let kind = text(headers, CONTENT_TYPE)?;
    let text = if kind.starts_with(JSON) {
        serde_json::from_slice::<JsonError>(body).ok()?.error
    } else {
        let body = String::from_utf8_lossy(body);
        let line = body.lines().next()?.trim();
        let is_text = kind.starts_with("text/plain") && !line.is_empty() && !line.starts_with('<');
        is_text.then(|| line.to_owned())?
    };
    Some(text.chars().take(TEXT_LEN_MAX).collect())
}

/// The body of a refusal by port 5555.
#[derive(Deserialize)]
struct JsonError {
    error: String,
}
