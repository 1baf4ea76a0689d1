//! Parses a browser's request and checks it (RFC 6455, section 4.2.1).

use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};

use httparse::{EMPTY_HEADER, Error, Status};
use pusher_proto::permessage_deflate::{self, Offer};
use pusher_proto::wamp::Subprotocol;
use pusher_proto::wamp2;

use super::response::Response;
use crate::application::{Header, Request};
use crate::config::{Forwarded, Limits, Proxies};
use crate::context::Context;
use crate::hub::{ResumeRequest, Since};

/// Lengths of a resume value. Shorter ones could be guessed.
const RESUME_LENS: RangeInclusive<usize> = 16..=64;

/// Maximum number of headers. The parser's table for them is on the stack.
const HEADERS_MAX: usize = 100;

/// Parses the head of a request. The error is the answer.
pub(super) fn parse(head: Vec<u8>, peer: SocketAddr, limits: &Limits) -> Result<Request, Response> {
    if head.len() > limits.handshake_len_max {
        return Err(Response::head_too_long(limits.handshake_len_max));
    }
    let headers_max = limits.headers_max.min(HEADERS_MAX);
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers[..headers_max]);
    match parsed.parse(&head) {
        // A shorter length means that two bare line feeds ended the head. A proxy may see another end there.
        Ok(Status::Complete(len)) if len == head.len() => {}
        Err(Error::TooManyHeaders) => return Err(Response::too_many_headers(headers_max)),
        Err(Error::Version) => return Err(Response::http_version()),
        Ok(_) | Err(_) => {
            let reason = "this is no HTTP/1.1 request; was https or wss meant for this plain port?";
            return Err(Response::bad_request(reason));
        }
    }
    let range = |part: &str| range_in(&head, part.as_bytes());
    let (target_host, target) = split_target(parsed.path.unwrap_or_default());
    let headers = parsed.headers.iter();
    let headers = headers.map(|header| Header {
        name: range(header.name),
        value: range_in(&head, header.value),
    });
    let request = Request {
        method: range(parsed.method.unwrap_or_default()),
        target: range(target),
        target_host: target_host.map(range),
        is_http_11: parsed.version == Some(1),
        headers: headers.collect(),
        peer,
        is_by_proxy: false,
        head,
    };
    check_host_and_body(&request)?;
    Ok(request)
}

/// Returns the range of `part`, a subslice of `whole`. An empty range for any other slice.
fn range_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    let end = start.wrapping_add(part.len());
    match start <= end && end <= whole.len() {
        true => start..end,
        false => 0..0,
    }
}

/// Splits a request's target into its host, and its path with query. Only the absolute form (`http://host/path`) has a
/// host. Proxies send it, and a server must accept it (RFC 9112, section 3.2.2).
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

fn check_host_and_body(request: &Request) -> Result<(), Response> {
    let hosts = request.raw_values("Host").count();
    if hosts > 1 || (hosts == 0 && request.is_http_11) {
        return Err(Response::bad_request("there must be one Host header"));
    }
    let lengths = request.raw_values("Content-Length");
    let has_body = lengths.clone().any(|len| len != b"0") || lengths.count() > 1;
    if has_body || request.raw_values("Transfer-Encoding").next().is_some() {
        return Err(match request.path().starts_with("/apps/") {
            true => Response::other_port(),
            false => Response::no_body_wanted(),
        });
    }
    Ok(())
}

/// Sets the request's peer to the client that a trusted proxy names. Returns that address.
pub(super) fn take_client(
    request: &mut Request,
    proxies: &Proxies,
) -> Result<SocketAddr, Response> {
    let forwarded = Forwarded {
        x_forwarded_for: request.values("X-Forwarded-For").collect(),
        forwarded: request.values("Forwarded").collect(),
    };
    let client = proxies.client(request.peer, &forwarded);
    request.peer = client.map_err(|error| Response::bad_request(&error.to_string()))?;
    request.is_by_proxy = true;
    Ok(request.peer)
}

/// A subprotocol that the server supports.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offered {
    Wamp(Subprotocol),
    Wamp2,
}

/// Returns the first subprotocol in the client's list that the server supports.
pub(super) fn subprotocol(request: &Request) -> Option<Offered> {
    let offered = request.values("Sec-WebSocket-Protocol");
    let mut offered = offered.flat_map(|value| value.split(',').map(str::trim));
    offered.find_map(|name| match name {
        wamp2::SUBPROTOCOL => Some(Offered::Wamp2),
        _ => Subprotocol::parse(name).map(Offered::Wamp),
    })
}

/// Returns the client's offer to compress messages, if the server compresses.
pub(super) fn deflate_offer(context: &Context, request: &Request) -> Option<Offer> {
    context.live.options().compression_len_min?;
    permessage_deflate::negotiate(request.values("Sec-WebSocket-Extensions"))
}

/// Returns the handshake's key, after checking the other headers of the handshake.
pub(super) fn websocket_key(request: &Request) -> Result<&[u8], Response> {
    if request.method() != "GET" {
        return Err(Response::method_not_allowed());
    }
    if !request.is_http_11 {
        return Err(Response::http_10());
    }
    if !request.has_token("Connection", "upgrade") {
        let reason =
            "the header `Connection: Upgrade` is missing: does a proxy in front remove it?";
        return Err(Response::upgrade_missing(reason));
    }
    let mut versions = request.raw_values("Sec-WebSocket-Version");
    if (versions.next(), versions.next()) != (Some(b"13"), None) {
        return Err(Response::other_version());
    }
    let mut keys = request.values("Sec-WebSocket-Key");
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => Ok(key.as_bytes()),
        _ => Err(Response::bad_request(
            "Sec-WebSocket-Key must be there once, as the base64 of 16 bytes",
        )),
    }
}

/// Reads the parameters `resume` and `since` of the query.
pub(super) fn resume(request: &Request) -> Result<Option<ResumeRequest>, Response> {
    let query = request.query().unwrap_or_default();
    let parameters = form_urlencoded::parse(query.as_bytes());
    let parameter = |wanted: &str| parameters.clone().find(|(name, _)| name == wanted);
    let Some((_, value)) = parameter("resume") else {
        return Ok(None);
    };
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !RESUME_LENS.contains(&value.len()) || !value.bytes().all(is_valid) {
        return Err(Response::bad_request(
            "resume is a random value of 16 to 64 letters, digits, hyphens and underscores",
        ));
    }
    Ok(Some(ResumeRequest {
        value: value.into_owned(),
        since: match parameter("since") {
            None => Since::Now,
            Some((_, text)) => Since::parse(&text),
        },
    }))
}

/// Whether `key` is 16 bytes in base64: 22 digits and two pads.
fn is_key(key: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let digits = key.strip_suffix("==").unwrap_or("");
    digits.len() == 22 && digits.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_split_into_host_and_path() {
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
