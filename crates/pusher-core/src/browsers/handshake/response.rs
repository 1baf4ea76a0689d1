//! HTTP answers of the public listener.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use pusher_proto::channels::{self, ErrorCode};
use pusher_proto::permessage_deflate::Offer;
use pusher_proto::ticket::TicketFault;
use pusher_proto::wamp::{close_frame, text_frame};
use pusher_proto::{REASON_HEADER, Reason};

use super::scripts;
use crate::application::Refusal;
use crate::application::Request;
use crate::config::Limits;
use crate::stats::BrowserRefusal;

const TEXT: &str = "text/plain; charset=utf-8";

/// An HTTP answer. The connection closes after it.
#[derive(Debug)]
pub(crate) struct Response {
    status: StatusCode,
    content_type: &'static str,
    /// Further headers, each with its line end.
    headers: Cow<'static, str>,
    body: Bytes,
    has_body: bool,
    /// The value of the header `Pushd-Reason`.
    reason: Option<&'static str>,
    /// The count of refused browsers. `None` for a request that is not a refused browser.
    refusal: Option<BrowserRefusal>,
    /// The whole answer, if it must be a WebSocket, because its client reads nothing else.
    web_socket: Option<Vec<u8>>,
}

/// Returns the head of the answer that switches the connection to WebSocket.
pub(super) fn switching_protocols(
    accept: &str,
    subprotocol: Option<&str>,
    deflate: Option<Offer>,
) -> Vec<u8> {
    let subprotocol = subprotocol.map_or(String::new(), |name| {
        format!("Sec-WebSocket-Protocol: {name}\r\n")
    });
    let extensions = deflate.map_or(String::new(), |offer| {
        format!("Sec-WebSocket-Extensions: {}\r\n", offer.answer())
    });
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{subprotocol}{extensions}\r\n"
    )
    .into_bytes()
}

/// Returns the head of the answer that begins an event stream. `origin` is that of a page that may connect. The header
/// `X-Accel-Buffering` switches nginx's buffer off.
pub(super) fn event_stream(origin: Option<&str>) -> Vec<u8> {
    let cors = cors(origin);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\
         X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nVary: Origin\r\n{cors}\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Returns the headers that let a page of another origin read the answer, cookies included. The origin may connect.
fn cors(origin: Option<&str>) -> String {
    origin.map_or(String::new(), |origin| {
        format!(
            "Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\n"
        )
    })
}

/// Answers a request that is not for a WebSocket: with a file of the JavaScript client, or with a hint. The files are in
/// every folder, and every path accepts WebSockets, so a web server in front need not rewrite paths.
pub(super) fn for_plain_request(request: &Request) -> Response {
    let path = request.path();
    if path.starts_with("/apps/") {
        return Response::other_port();
    }
    if !request.is_get() {
        return Response::method_not_allowed();
    }
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    if let Some(file) = scripts::find(file) {
        return Response::file(file, request);
    }
    let mut response = match file {
        _ if request.header("Sec-WebSocket-Key").is_some() => Response::upgrade_missing(
            "the header `Upgrade: websocket` is missing: a proxy in front has removed it",
        ),
        "" => Response::refused(
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket server, subprotocol wamp (WAMP v1); its client is pusher.js here",
            Reason::NotWebSocket,
        )
        .with_headers("Upgrade: websocket\r\nConnection: Upgrade\r\n"),
        _ => Response::refused(
            StatusCode::NOT_FOUND,
            "there is pusher.js and autobahn.js, in any folder; WebSockets (subprotocol wamp) connect to any path",
            Reason::NotWebSocket,
        ),
    };
    response.has_body = !request.is_head();
    response
}

impl Response {
    fn new(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            content_type: TEXT,
            headers: Cow::Borrowed(""),
            body: format!("{text}\n").into(),
            has_body: true,
            reason: None,
            refusal: None,
            web_socket: None,
        }
    }

    fn file(file: &'static scripts::File, request: &Request) -> Self {
        let variant = file.variant(request);
        let is_known = variant.is_known(request);
        Self {
            status: match is_known {
                true => StatusCode::NOT_MODIFIED,
                false => StatusCode::OK,
            },
            content_type: file.content_type,
            headers: Cow::Borrowed(&variant.headers),
            body: variant.body.clone(),
            has_body: !is_known && !request.is_head(),
            reason: None,
            refusal: None,
            web_socket: None,
        }
    }

    pub(crate) fn forbidden(text: &str, reason: Reason) -> Self {
        Self::refused(StatusCode::FORBIDDEN, text, reason)
    }

    pub(super) fn refused(status: StatusCode, text: &str, reason: Reason) -> Self {
        Self {
            reason: Some(reason.name()),
            refusal: counted_as(reason),
            ..Self::new(status, text)
        }
    }

    fn with_headers(mut self, headers: &'static str) -> Self {
        self.headers = Cow::Borrowed(headers);
        self
    }

    pub(super) fn bad_request(text: &str) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, text, Reason::BadRequest)
    }

    /// For a handshake without a header that some proxies remove.
    pub(super) fn upgrade_missing(text: &str) -> Self {
        Self::refused(StatusCode::BAD_REQUEST, text, Reason::UpgradeMissing)
    }

    /// For a WebSocket handshake in HTTP/1.0.
    pub(super) fn http_10() -> Self {
        let text = "a WebSocket needs HTTP/1.1: does a proxy in front speak HTTP/1.0?";
        Self::refused(StatusCode::BAD_REQUEST, text, Reason::HttpVersion)
    }

    pub(super) fn timed_out() -> Self {
        let text = "the request took too long to arrive";
        let status = StatusCode::REQUEST_TIMEOUT;
        Self::refused(status, text, Reason::HandshakeTimeout)
    }

    pub(super) fn head_too_long(len_max: usize) -> Self {
        let text = format!("the request has more than {len_max} bytes of headers");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::refused(status, &text, Reason::HandshakeLenMax)
    }

    pub(super) fn too_many_headers(max: usize) -> Self {
        let text = format!("the request has more than {max} headers");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::refused(status, &text, Reason::HeadersMax)
    }

    pub(super) fn http_version() -> Self {
        let text = "only HTTP/1.1 is spoken here";
        let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        Self::refused(status, text, Reason::HttpVersion)
    }

    pub(super) fn method_not_allowed() -> Self {
        let text = "only GET is possible here";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::refused(status, text, Reason::Method).with_headers("Allow: GET, HEAD\r\n")
    }

    /// For a request with a body: usually a publish, sent to the wrong port. PHP's https client knows this answer by its reason.
    pub(super) fn no_body_wanted() -> Self {
        let text = "this is the port for browsers (listen), and takes no request with a body. Publishers use \
                    publish-listen, which is 127.0.0.1:5555 by default";
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::refused(status, text, Reason::BadRequest)
    }

    /// For a request of a server library of Pusher Channels.
    pub(super) fn other_port() -> Self {
        let text = "this is the port of browsers (listen). Server libraries of Pusher Channels send their requests to \
                    publish-listen, which is 127.0.0.1:5555 by default, or to pusher-listen";
        Self::refused(StatusCode::NOT_FOUND, text, Reason::BadRequest)
    }

    pub(super) fn other_version() -> Self {
        let text = "only WebSocket version 13 (RFC 6455) is spoken here";
        let status = StatusCode::UPGRADE_REQUIRED;
        Self::refused(status, text, Reason::WebSocketVersion).with_headers(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
        )
    }

    pub(super) fn no_subprotocol() -> Self {
        let text = "only the WebSocket subprotocols wamp (WAMP v1) and wamp.2.json (WAMP v2) are spoken here: \
                    new WebSocket(url, 'wamp')";
        let status = StatusCode::UPGRADE_REQUIRED;
        Self::refused(status, text, Reason::Subprotocol).with_headers(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: wamp\r\n",
        )
    }

    pub(super) fn no_channels(accept: &str, code: ErrorCode) -> Self {
        let refused = Self {
            refusal: Some(BrowserRefusal::BadRequest),
            ..Self::new(StatusCode::SWITCHING_PROTOCOLS, code.text())
        };
        refused.in_channels(accept, code)
    }

    /// The same refusal for a client of the Pusher Channels protocol: the error as a message, and a close frame.
    pub(super) fn in_channels(self, accept: &str, code: ErrorCode) -> Self {
        let (number, text) = (code.number(), code.text());
        let mut answer = switching_protocols(accept, None, None);
        answer.extend_from_slice(&text_frame(&channels::error(Some(code), text)));
        answer.extend_from_slice(&close_frame(number, text));
        Self {
            web_socket: Some(answer),
            ..self
        }
    }

    pub(super) fn other_origin(text: &str, reason: Reason) -> Self {
        Self::forbidden(text, reason)
    }

    /// For an event stream with a topic that its ticket does not allow. `origin` is that of a page that may connect: it may read the reason.
    pub(super) fn no_ticket(topic: &str, fault: TicketFault, origin: Option<&str>) -> Self {
        let text = format!("not allowed to subscribe to {topic:?}: {fault}");
        let cors = cors(origin);
        let headers =
            format!("Vary: Origin\r\n{cors}Access-Control-Expose-Headers: {REASON_HEADER}\r\n");
        Self {
            reason: Some(fault.code()),
            refusal: Some(BrowserRefusal::Ticket),
            headers: headers.into(),
            ..Self::new(StatusCode::FORBIDDEN, &text)
        }
    }

    pub(super) fn from_application(refusal: &Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::refused(status, &refusal.reason, Reason::Application)
    }

    pub(super) fn no_random_numbers() -> Self {
        let text = "the operating system gives no random numbers for a session id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    }

    /// For a browser that gets no permit.
    pub(crate) fn no_permit(why: BrowserRefusal, limits: &Limits) -> Self {
        let (status, text, reason) = match why {
            BrowserRefusal::ConnectionsPerAddress => {
                let max = limits.connections_per_address_max;
                let text = format!(
                    "this address has {max} connections already; if it is a proxy's, let \
                     --trust-proxy make its clients count"
                );
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    text,
                    Reason::ConnectionsPerAddressMax,
                )
            }
            _ => {
                let max = limits.connections_max;
                let text = format!("{max} browsers are connected already");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    text,
                    Reason::ConnectionsMax,
                )
            }
        };
        Self::refused(status, &text, reason).with_headers("Retry-After: 10\r\n")
    }

    /// Returns the text of the answer, for the log.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body.trim_ascii_end())
    }

    pub(super) fn refusal(&self) -> Option<BrowserRefusal> {
        self.refusal
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        if let Some(answer) = self.web_socket {
            return answer;
        }
        let status = self.status.as_u16();
        let phrase = self.status.canonical_reason().unwrap_or("Refused");
        let reason = self.reason.map_or(String::new(), |reason| {
            format!("{REASON_HEADER}: {reason}\r\n")
        });
        let mut bytes = format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{reason}\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            self.content_type,
            self.body.len(),
            self.headers
        )
        .into_bytes();
        if self.has_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

/// Returns the count for a reason. A request for a page or a file is not a refused browser.
fn counted_as(reason: Reason) -> Option<BrowserRefusal> {
    Some(match reason {
        Reason::NotWebSocket => return None,
        Reason::ConnectionsMax => BrowserRefusal::Connections,
        Reason::ConnectionsPerAddressMax => BrowserRefusal::ConnectionsPerAddress,
        Reason::HandshakeLenMax => BrowserRefusal::HandshakeLen,
        Reason::HeadersMax => BrowserRefusal::Headers,
        Reason::HandshakeTimeout => BrowserRefusal::HandshakeTimeout,
        Reason::Origin | Reason::PublicHost => BrowserRefusal::Origin,
        Reason::Application => BrowserRefusal::Application,
        Reason::Subprotocol => BrowserRefusal::Subprotocol,
        _ => BrowserRefusal::BadRequest,
    })
}
