//! The request that becomes a WebSocket, as a browser sends it.

use std::error::Error as _;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, SERVER, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use pusher_proto::wamp::SUBPROTOCOL;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::dial::{Wire, with_causes};
use super::http::{read_body, send};
use super::target::Target;

/// Longest message that is read, in bytes: whatever a server allows that `pushd subscribe` listens to.
const MESSAGE_LEN_MAX: usize = 64 * 1024 * 1024;
/// Room for what is read at once, in bytes: `pushd bench` has many connections.
const READ_LEN: usize = 16 * 1024;
/// Most that is shown of an answer's text, in characters.
const TEXT_LEN_MAX: usize = 500;

const BROWSER: &str = concat!(
    "Mozilla/5.0 (compatible; pushd-doctor/",
    env!("CARGO_PKG_VERSION"),
    ")"
);

pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// What came in place of a WebSocket.
#[derive(Debug)]
pub(super) enum Refusal {
    /// An ordinary answer in HTTP.
    Answer(Answer),
    /// A WebSocket without our subprotocol.
    NoSubprotocol,
    /// Something that is no answer, or not to this request.
    NotWebSocket(String),
    /// Something before there was a request.
    SpokeFirst,
    /// The end of the connection.
    Closed(String),
}

/// What matters of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The program that answers, as it says itself: "nginx/1.22.1".
    pub(super) server: String,
    /// Where it redirects to.
    pub(super) location: Option<String>,
    /// Whether it says that it speaks WAMP: then it is pushd, and has got no such wish.
    pub(super) says_wamp: bool,
    /// The first line of its text, if it is one for people; pages of HTML are none.
    pub(super) text: Option<String>,
}

/// Opens a WebSocket, with the origin that a browser would tell or without.
pub(super) async fn open(
    wire: Box<dyn Wire>,
    target: &Target,
    with_origin: bool,
) -> Result<Socket, Refusal> {
    let key = generate_key();
    let request = request(target, &key, with_origin)
        .map_err(|error| Refusal::NotWebSocket(error.to_string()))?;
    let mut response = send(wire, request).await.map_err(no_answer)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = response.into_parts();
        // Without its text an answer still says something.
        let body = read_body(body).await.unwrap_or_default();
        return Err(Refusal::Answer(Answer::of(
            parts.status,
            &parts.headers,
            &body,
        )));
    }
    let upgraded = hyper::upgrade::on(&mut response);
    check(response.headers(), &key)?;
    let upgraded = upgraded.await.map_err(no_answer)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_LEN)
        .max_message_size(Some(MESSAGE_LEN_MAX))
        .max_frame_size(Some(MESSAGE_LEN_MAX));
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await)
}

fn request(target: &Target, key: &str, with_origin: bool) -> http::Result<Request<Full<Bytes>>> {
    let mut request = Request::get(&target.path)
        .header(HOST, target.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .header(USER_AGENT, BROWSER);
    if with_origin {
        request = request.header(ORIGIN, &target.origin);
    }
    request.body(Full::default())
}

/// What a browser looks at in the answer that opens the WebSocket.
fn check(headers: &HeaderMap, key: &str) -> Result<(), Refusal> {
    let is = |name: HeaderName, value: &str| {
        text(headers, name).is_some_and(|text| text.eq_ignore_ascii_case(value))
    };
    if !is(UPGRADE, "websocket") || !is(CONNECTION, "upgrade") {
        let what = "the headers Upgrade and Connection are not in the answer";
        return Err(Refusal::NotWebSocket(what.to_owned()));
    }
    if text(headers, SEC_WEBSOCKET_ACCEPT) != Some(derive_accept_key(key.as_bytes())) {
        let what = "Sec-WebSocket-Accept does not belong to this request";
        return Err(Refusal::NotWebSocket(what.to_owned()));
    }
    match text(headers, SEC_WEBSOCKET_PROTOCOL).as_deref() {
        Some(SUBPROTOCOL) => Ok(()),
        _ => Err(Refusal::NoSubprotocol),
    }
}

fn no_answer(error: hyper::Error) -> Refusal {
    // That error comes inside of another.
    let cause = error.source();
    let cause = cause.and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if error.is_parse() {
        Refusal::NotWebSocket(with_causes(&error))
    } else if cause.is_some_and(|cause| cause.source().is_none()) {
        Refusal::SpokeFirst
    } else {
        let what = format!(
            "the connection ends without an answer: {}",
            with_causes(&error)
        );
        Refusal::Closed(what)
    }
}

impl Answer {
    fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        Self {
            status,
            server: text(headers, SERVER).unwrap_or_else(|| "a server without a name".to_owned()),
            location: text(headers, LOCATION),
            says_wamp: text(headers, SEC_WEBSOCKET_PROTOCOL).as_deref() == Some(SUBPROTOCOL),
            text: first_line(headers, body),
        }
    }

    /// "404 Not Found from nginx/1.22.1".
    pub(super) fn shown(&self) -> String {
        let mut shown = format!("{} from {}", self.status, self.server);
        if let Some(text) = &self.text {
            shown.push_str(&format!(", which says: {text}"));
        }
        shown
    }

    /// Whether that stands in its text.
    pub(super) fn says(&self, part: &str) -> bool {
        self.text.as_ref().is_some_and(|text| text.contains(part))
    }

    pub(super) fn is_from(&self, program: &str) -> bool {
        self.server.to_ascii_lowercase().starts_with(program)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(TEXT_LEN_MAX).collect())
}

/// pushd's own refusals are a line of plain text.
fn first_line(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    let kind = text(headers, CONTENT_TYPE)?;
    let body = String::from_utf8_lossy(body);
    let line = body.lines().next()?.trim();
    let is_text = kind.starts_with("text/plain") && !line.is_empty() && !line.starts_with('<');
    is_text.then(|| {
        line.chars()
            .filter(|c| !c.is_control())
            .take(TEXT_LEN_MAX)
            .collect()
    })
}
