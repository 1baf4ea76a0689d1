//! A browser's request, checked as RFC 6455, section 4.2.1, asks for.

use std::borrow::Cow;
use std::net::SocketAddr;

use httparse::{EMPTY_HEADER, Error, Header, Status};
use pusher_proto::wamp::Subprotocol;

use super::response::Response;
use crate::limits::Limits;
use crate::proxy::{Forwarded, Proxies, forwarded_hosts};

/// Most headers that can be read.
const HEADERS_MAX: usize = 100;

/// Memory for the headers of one request.
#[derive(Debug)]
pub(super) struct Headers<'a>([Header<'a>; HEADERS_MAX]);

impl Default for Headers<'_> {
    fn default() -> Self {
        Self([EMPTY_HEADER; HEADERS_MAX])
    }
}

/// A browser's request for a session, for an application that wants to decide by it.
#[derive(Debug)]
pub struct Request<'a> {
    method: &'a str,
    /// Path and query.
    target: &'a str,
    /// The host of a target in absolute form.
    target_host: Option<&'a str>,
    is_http_11: bool,
    headers: &'a [Header<'a>],
    peer: SocketAddr,
    /// By a proxy that is believed.
    is_by_proxy: bool,
}

impl<'a> Request<'a> {
    /// The path, without the query.
    pub fn path(&self) -> &'a str {
        self.target
            .split_once('?')
            .map_or(self.target, |(path, _)| path)
    }

    /// What stands behind the `?`, undecoded.
    pub fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The first header of this name, in any case; `None` too if it is not text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// The address that the request comes from: the peer's, or what a trusted proxy says; then the
    /// port may be 0.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// The names that the browser uses for this server: the target's host, which overrides `Host` (RFC
    /// 9112, section 3.2.2), or `Host`; then those that a trusted proxy forwards.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &'a str> {
        let target = self.target_host.into_iter();
        let header = self.target_host.is_none().then(|| self.values("Host"));
        let by_x = self.is_by_proxy.then(|| self.values("X-Forwarded-Host"));
        let by_x = by_x.into_iter().flatten();
        let by_x = by_x.flat_map(|value| value.split(',').map(str::trim));
        let by_rfc = self.is_by_proxy.then(|| self.values("Forwarded"));
        let by_rfc = by_rfc.into_iter().flatten().flat_map(forwarded_hosts);
        let own = target.chain(header.into_iter().flatten());
        own.chain(by_x).chain(by_rfc)
    }

    /// What the browser says of the page, nonsense included. `None` if this is no page.
    pub(super) fn origin(&self) -> Option<Cow<'a, str>> {
        let mut origins = self.raw_values("Origin");
        let origin = String::from_utf8_lossy(origins.next()?);
        Some(match origins.next() {
            None => origin,
            Some(_) => Cow::Borrowed("several origins"),
        })
    }

    /// The client for whom a trusted proxy speaks; from then on the request is its.
    pub(super) fn client(&mut self, proxies: &Proxies) -> Result<SocketAddr, Response> {
        let said = Forwarded {
            x_forwarded_for: self.values("X-Forwarded-For").collect(),
            forwarded: self.values("Forwarded").collect(),
        };
        let client = proxies.client(self.peer, &said);
        self.peer = client.map_err(|error| Response::bad_request(&error.to_string()))?;
        self.is_by_proxy = true;
        Ok(self.peer)
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(super) fn is_get(&self) -> bool {
        self.method == "GET" || self.is_head()
    }

    /// Those that are text.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let values = self.raw_values(name);
        values.filter_map(|value| std::str::from_utf8(value).ok())
    }

    fn raw_values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> + Clone {
        let headers = self.headers.iter();
        let named = headers.filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value)
    }

    /// Whether one of the comma-separated values of a header is `token`.
    fn has_token(&self, name: &str, token: &str) -> bool {
        let mut tokens = self.values(name).flat_map(|value| value.split(','));
        tokens.any(|value| value.trim().eq_ignore_ascii_case(token))
    }

    pub(super) fn wants_upgrade(&self) -> bool {
        self.has_token("Upgrade", "websocket")
    }

    /// The first subprotocol in the client's list that the server speaks.
    pub(super) fn subprotocol(&self) -> Option<Subprotocol> {
        let offered = self.values("Sec-WebSocket-Protocol");
        let mut offered = offered.flat_map(|value| value.split(','));
        offered.find_map(|name| Subprotocol::parse(name.trim()))
    }

    /// The key, if everything else about the handshake is right too.
    pub(super) fn websocket_key(&self) -> Result<&'a [u8], Response> {
        if self.method != "GET" {
            return Err(Response::method_not_allowed());
        }
        if !self.is_http_11 {
            let reason = "a WebSocket needs HTTP/1.1: does a proxy in front speak HTTP/1.0?";
            return Err(Response::bad_request(reason));
        }
        if !self.has_token("Connection", "upgrade") {
            let reason =
                "the header `Connection: Upgrade` is missing: does a proxy in front remove it?";
            return Err(Response::bad_request(reason));
        }
        let mut versions = self.raw_values("Sec-WebSocket-Version");
        if (versions.next(), versions.next()) != (Some(b"13"), None) {
            return Err(Response::other_version());
        }
        let mut keys = self.values("Sec-WebSocket-Key");
        match (keys.next(), keys.next()) {
            (Some(key), None) if is_key(key) => Ok(key.as_bytes()),
            _ => Err(Response::bad_request(
                "Sec-WebSocket-Key must be there once, as the base64 of 16 bytes",
            )),
        }
    }
}

/// 16 bytes in base64: 22 digits, the last of which has two bits, and two pads.
fn is_key(key: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let digits = key.strip_suffix("==").unwrap_or("");
    digits.len() == 22 && digits.bytes().all(is_digit)
}

/// Reads a whole request head. The error is the answer.
pub(super) fn parse<'a>(
    head: &'a [u8],
    peer: SocketAddr,
    headers: &'a mut Headers<'a>,
    limits: &Limits,
) -> Result<Request<'a>, Response> {
    if head.len() > limits.handshake_len_max {
        return Err(Response::head_too_long(limits.handshake_len_max));
    }
    let headers_max = limits.headers_max.min(HEADERS_MAX);
    let mut parsed = httparse::Request::new(&mut headers.0[..headers_max]);
    match parsed.parse(head) {
        // Otherwise it ends before its end, with two bare line feeds: a proxy may read it otherwise.
        Ok(Status::Complete(len)) if len == head.len() => {}
        Err(Error::TooManyHeaders) => return Err(Response::too_many_headers(headers_max)),
        Err(Error::Version) => return Err(Response::http_version()),
        Ok(_) | Err(_) => {
            let reason = "this is no HTTP/1.1 request; was https or wss meant for this plain port?";
            return Err(Response::bad_request(reason));
        }
    }
    let (target_host, target) = split_target(parsed.path.unwrap_or_default());
    let request = Request {
        method: parsed.method.unwrap_or_default(),
        target,
        target_host,
        is_http_11: parsed.version == Some(1),
        headers: parsed.headers,
        peer,
        is_by_proxy: false,
    };
    check_host_and_body(&request)?;
    Ok(request)
}

/// Host, and path with query, of a request's target. In absolute form (`http://host/path`) it has a host;
/// proxies send it, and a server must take it (RFC 9112, section 3.2.2).
fn split_target(target: &str) -> (Option<&str>, &str) {
    let Some((scheme, rest)) = target.split_once("://") else {
        return (None, target);
    };
    let mut schemes = ["http", "https", "ws", "wss"].into_iter();
    if !schemes.any(|known| scheme.eq_ignore_ascii_case(known)) {
        return (None, target);
    }
    match rest.find(['/', '?']) {
        Some(end) => (Some(&rest[..end]), &rest[end..]),
        None => (Some(rest), "/"),
    }
}

fn check_host_and_body(request: &Request<'_>) -> Result<(), Response> {
    let hosts = request.raw_values("Host").count();
    if hosts > 1 || (hosts == 0 && request.is_http_11) {
        return Err(Response::bad_request("there must be one Host header"));
    }
    let lengths = request.raw_values("Content-Length");
    let has_body = lengths.clone().any(|len| len != b"0") || lengths.count() > 1;
    if has_body || request.raw_values("Transfer-Encoding").next().is_some() {
        return Err(Response::no_body_wanted());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (target, host, path) in [
            ("/a?b", None, "/a?b"),
            ("/http://x/y", None, "/http://x/y"),
            ("*", None, "*"),
            ("http://example.com", Some("example.com"), "/"),
            ("HTTP://example.com:80/a?b", Some("example.com:80"), "/a?b"),
            ("wss://[::1]:8080/ws", Some("[::1]:8080"), "/ws"),
            ("http://example.com?x", Some("example.com"), "?x"),
            ("http:///x", Some(""), "/x"),
            ("ftp://example.com/x", None, "ftp://example.com/x"),
        ] {
            assert_eq!(split_target(target), (host, path), "{target}");
        }
    }
}
