//! Answers to requests. A publish is answered by a receipt, or by `{"error": "...", "code": "..."}`, both as JSON.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    self, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use pusher_proto::Receipt;
use serde_json::Value;

use crate::admin::{AdminError, AdminResponse, File, Watch};
use crate::handover::NoUpgrade;
use crate::hub::PublishError;
use crate::publishers::refusal::http_status;
use crate::stats::{Kind, PublishRefusal};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// In lower case, because [`HeaderName::from_static`] panics otherwise.
const REASON: HeaderName = HeaderName::from_static("pushd-reason");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Time allowed for a request to cross the network.
const TRANSIT_TIME: Duration = Duration::from_secs(1);

/// Restricts the status page to scripts, styles and requests of its own origin.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Body of an answer.
pub(super) type Body = Either<Full<Bytes>, Watch>;

/// Converts the answer of an admin route.
pub(super) fn admin(answer: AdminResponse) -> Response<Body> {
    match answer {
        AdminResponse::File(page) => file(page),
        AdminResponse::State(status, word) => {
            response(status, JSON, format!("{{\"status\":\"{word}\"}}\n"))
        }
        AdminResponse::Text { content_type, text } => {
            response(StatusCode::OK, HeaderValue::from_static(content_type), text)
        }
        AdminResponse::Json(body) => json(body),
        AdminResponse::Events(watch) => events(watch),
    }
}

/// Returns a file of the status page.
fn file(file: &'static File) -> Response<Body> {
    let content_type = HeaderValue::from_static(file.content_type);
    let mut response = response(StatusCode::OK, content_type, file.text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// Answers `OPTIONS`.
pub(super) fn options(allow: &'static str) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let allow = HeaderValue::from_static(allow);
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Announces for how long the connection stays open without a request. Clients such as Node's and
/// Apache's do not reuse it later, so no request crosses the server's close. The announced time is shorter than
/// `idle_timeout` by [`TRANSIT_TIME`].
pub(super) fn announce_idle_timeout(response: &mut Response<Body>, idle_timeout: Duration) {
    let seconds = idle_timeout.saturating_sub(TRANSIT_TIME).as_secs();
    let is_kept = !response.headers().contains_key(CONNECTION);
    if is_kept && let Ok(value) = format!("timeout={seconds}").parse() {
        response.headers_mut().insert(KEEP_ALIVE, value);
    }
}

/// Starts a stream of Server-Sent Events.
fn events(watch: Watch) -> Response<Body> {
    let mut response = response(StatusCode::OK, EVENT_STREAM, "");
    *response.body_mut() = Either::Right(watch);
    response
}

/// Answers with JSON.
pub(super) fn json(body: Bytes) -> Response<Body> {
    response(StatusCode::OK, JSON, body)
}

/// The answer to a request that begins something.
pub(super) fn accepted() -> Response<Body> {
    response(StatusCode::ACCEPTED, JSON, "{}\n")
}

pub(super) fn receipt(receipt: Receipt) -> Response<Body> {
    let body = serde_json::to_string(&receipt).unwrap_or_default();
    response(StatusCode::OK, JSON, body + "\n")
}

fn response(
    status: StatusCode,
    content_type: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(CACHE_CONTROL, NO_STORE);
    response
}

/// An answer that refuses a request.
#[derive(Debug)]
pub(super) struct HttpRefusal {
    status: StatusCode,
    kind: PublishRefusal,
    /// The code for programs, unless kind and status say it.
    code: Option<&'static str>,
    reason: Cow<'static, str>,
    /// The header that a status requires, such as `Allow` for 405.
    hint: Option<(HeaderName, HeaderValue)>,
    /// Whether the request has been read to its end, so that another can follow.
    keeps_alive: bool,
}

impl HttpRefusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            kind: kind(status),
            code: None,
            reason: reason.into(),
            hint: None,
            keeps_alive: false,
        }
    }

    pub(super) fn bad_request(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    pub(super) fn too_large(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
    }

    pub(super) fn overloaded(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// For a publisher that gets no permit.
    pub(super) fn busy(reason: String) -> Self {
        Self::overloaded(reason).retry_soon()
    }

    /// For a request that can be tried again in a moment.
    pub(super) fn retry_soon(self) -> Self {
        Self {
            hint: Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            ..self
        }
    }

    pub(super) fn version(version: &str) -> Self {
        let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        Self::new(status, format!("{version} is not supported: send HTTP/1.1"))
    }

    /// For a `Content-Encoding` that the server does not support.
    pub(super) fn content_encoding(encoding: &str) -> Self {
        let reason =
            format!("Content-Encoding {encoding:?} is not supported: send the event uncompressed");
        let identity = HeaderValue::from_static("identity");
        Self {
            hint: Some((ACCEPT_ENCODING, identity)),
            ..Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
        }
    }

    pub(super) fn method(allow: &'static str) -> Self {
        let reason = format!("only {allow} is allowed here");
        Self {
            hint: Some((ALLOW, HeaderValue::from_static(allow))),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, reason)
        }
    }

    pub(super) fn unauthorized(reason: &'static str) -> Self {
        let scheme = HeaderValue::from_static("Bearer");
        Self {
            hint: Some((WWW_AUTHENTICATE, scheme)),
            ..Self::new(StatusCode::UNAUTHORIZED, reason)
        }
    }

    /// For a publish that the hub refuses.
    pub(super) fn publish(error: &PublishError) -> Self {
        let kind = PublishRefusal::from(error);
        let refusal = Self::new(http_status(kind), error.to_string()).counting_as(kind);
        match kind {
            PublishRefusal::LogUnavailable | PublishRefusal::Overloaded => refusal.retry_soon(),
            _ => refusal,
        }
    }

    /// For an upgrade that does not begin.
    pub(super) fn upgrade(error: &NoUpgrade) -> Self {
        let (status, code) = match error {
            NoUpgrade::Ending => (StatusCode::SERVICE_UNAVAILABLE, "ending"),
            NoUpgrade::NotRun(_) => (StatusCode::INTERNAL_SERVER_ERROR, "program"),
            NoUpgrade::Silent(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            NoUpgrade::Refused(_) => (StatusCode::CONFLICT, "conflict"),
        };
        Self::new(status, error.to_string()).with_code(code)
    }

    /// Replaces the reason.
    pub(super) fn with_reason(self, reason: String) -> Self {
        let reason = reason.into();
        Self { reason, ..self }
    }

    /// Label under which the refusal is counted.
    pub(super) fn kind(&self) -> PublishRefusal {
        self.kind
    }

    pub(super) fn counting_as(self, kind: PublishRefusal) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn with_code(self, code: &'static str) -> Self {
        let code = Some(code);
        Self { code, ..self }
    }

    /// For a request that was read to its end.
    pub(super) fn keep_alive(self) -> Self {
        Self {
            keeps_alive: true,
            ..self
        }
    }

    /// Code for programs. The text in `error` is for people and may change.
    fn code(&self) -> &'static str {
        if let Some(code) = self.code {
            return code;
        }
        match (self.kind, self.status) {
            (PublishRefusal::BadMessage, StatusCode::NOT_FOUND) => "not_found",
            (PublishRefusal::BadMessage, StatusCode::METHOD_NOT_ALLOWED) => "method",
            (PublishRefusal::BadMessage, StatusCode::UNSUPPORTED_MEDIA_TYPE) => "media_type",
            (PublishRefusal::BadMessage, StatusCode::HTTP_VERSION_NOT_SUPPORTED) => "http_version",
            (kind, _) => kind.label(),
        }
    }

    fn body(&self) -> String {
        let error = Value::from(&*self.reason);
        format!("{{\"error\":{error},\"code\":\"{}\"}}\n", self.code())
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let code = self.code();
        let mut response = response(self.status, JSON, self.body());
        let headers = response.headers_mut();
        if !self.keeps_alive {
            headers.insert(CONNECTION, CLOSE);
        }
        headers.insert(REASON, HeaderValue::from_static(code));
        if let Some((name, value)) = self.hint {
            headers.insert(name, value);
        }
        response
    }

    /// Returns the whole answer as bytes, for a request that is not HTTP/1.1 and never reaches hyper.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let body = self.body();
        let (status, len, code) = (self.status, body.len(), self.code());
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\
             Pushd-Reason: {code}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

impl From<AdminError> for HttpRefusal {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Topic(error) => Self::bad_request(error.to_string()),
            AdminError::Unavailable(reason) => Self::overloaded(reason),
        }
    }
}

/// Returns the default label of a status.
fn kind(status: StatusCode) -> PublishRefusal {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => PublishRefusal::Denied,
        StatusCode::PAYLOAD_TOO_LARGE => PublishRefusal::EventTooLarge,
        StatusCode::REQUEST_TIMEOUT => PublishRefusal::Unfinished,
        StatusCode::SERVICE_UNAVAILABLE => PublishRefusal::Overloaded,
        _ => PublishRefusal::BadMessage,
    }
}

/// The text for the log.
impl fmt::Display for HttpRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, reason) = (self.status.as_u16(), &self.reason);
        write!(f, "refusing an HTTP request with {status}: {reason}")
    }
}
