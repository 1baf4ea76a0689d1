//! Malformed handshakes, including known attacks on other servers and request smuggling behind a proxy.

use std::io::Write;
use std::time::Duration;

use crate::support::{TestServer, read_to_end, start};

const KEY: &str = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

/// Returns a valid request with additional headers.
fn upgrade(more: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\n{KEY}{more}\r\n"
    )
}

/// Returns the status of the answer. A close frame behind the request ends a session at once.
fn status(server: &TestServer, request: &[u8]) -> u16 {
    let mut stream = server.raw(server.public);
    // The server may answer and close before it has read everything.
    let _sent = stream.write_all(request);
    let _sent = stream.write_all(b"\x88\x80\0\0\0\0");
    let mut answer = Vec::new();
    let _reset = std::io::Read::read_to_end(&mut stream, &mut answer);
    let status = answer.get(9..12).map(String::from_utf8_lossy);
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[test]
fn a_publish_is_told_the_port_for_publishers() {
    let server = start(|_| {});
    let mut stream = server.raw(server.public);
    let request = "POST /publish/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1";
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_to_end(&mut stream);
    // PHP's https client needs the status and the reason.
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains("\r\nPushd-Reason: bad_request\r\n"),
        "{answer}"
    );
    assert!(answer.contains("the port for browsers"), "{answer}");
    assert!(
        answer.contains("publish-listen, which is 127.0.0.1:5555"),
        "{answer}"
    );
}

#[test]
fn malformed_requests_have_their_status() {
    let server = start(|limits| limits.linger_timeout = Duration::from_millis(100));
    let many = |part: &str, count: usize| part.repeat(count);
    for (case, request, expect) in [
        ("a good one", upgrade(""), 101),
        ("a bodiless length", upgrade("Content-Length: 0\r\n"), 101),
        (
            "two lengths",
            upgrade("Content-Length: 0\r\nContent-Length: 0\r\n"),
            413,
        ),
        (
            "two lengths in one",
            upgrade("Content-Length: 0, 0\r\n"),
            413,
        ),
        ("a signed length", upgrade("Content-Length: +0\r\n"), 413),
        (
            "a huge length",
            upgrade("Content-Length: 99999999999999999999\r\n"),
            413,
        ),
        ("chunks", upgrade("Transfer-Encoding: chunked\r\n"), 413),
        (
            "a hidden encoding",
            upgrade("Transfer-Encoding: \u{b}chunked\r\n"),
            400,
        ),
        (
            "no encoding",
            upgrade("Transfer-Encoding: identity\r\n"),
            413,
        ),
        ("two hosts", upgrade("Host: b\r\n"), 400),
        ("two keys", upgrade(KEY), 400),
        ("two versions", upgrade("Sec-WebSocket-Version: 8\r\n"), 426),
        ("a folded header", upgrade("X: a\r\n b\r\n"), 400),
        ("a blank before the colon", upgrade("X : a\r\n"), 400),
        ("a NUL", upgrade("X: a\0b\r\n"), 400),
        ("a bare carriage return", upgrade("X: a\rb\r\n"), 400),
        ("no name", upgrade(": a\r\n"), 400),
        (
            "an end within the head",
            upgrade("").replace(KEY, &format!("{KEY}\n\nGET /evil HTTP/1.1\r\n")),
            400,
        ),
        (
            "a change to HTTP/2",
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
                .to_owned(),
            426,
        ),
        (
            "an offer of HTTP/2 beside WebSocket",
            upgrade("")
                .replace("Upgrade: websocket", "Upgrade: h2c, websocket")
                .replace("Connection: Upgrade", "Connection: Upgrade, HTTP2-Settings"),
            101,
        ),
        (
            "a whole URL",
            upgrade("").replace("GET /", "GET http://a:8080/x"),
            101,
        ),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0".to_owned(), 400),
        (
            "a list of nothing",
            upgrade(&format!(
                "Sec-WebSocket-Protocol: {}\r\n",
                many(",", 15_000)
            )),
            101,
        ),
        (
            "blanks",
            upgrade(&format!("Connection: {}x\r\n", many(" ,\t", 5_000))),
            101,
        ),
        (
            "extensions that made others backtrack",
            upgrade(&format!(
                "Sec-WebSocket-Extensions: a{}\r\n",
                many(";b=\"\\", 3_000)
            )),
            101,
        ),
        ("thousands of headers", upgrade(&many("A:\r\n", 3_000)), 431),
        (
            "megabytes of headers",
            upgrade(&many("A: b\r\n", 300_000)),
            431,
        ),
        (
            "a long name",
            upgrade(&format!("{}: b\r\n", many("A", 100_000))),
            431,
        ),
        (
            "a long target",
            upgrade("").replace("GET /", &format!("GET /{}", many("a", 100_000))),
            431,
        ),
    ] {
        assert_eq!(status(&server, request.as_bytes()), expect, "{case}");
    }
    for (case, line, expect) in [
        (
            "a length that is no text",
            &b"Content-Length: \xff\r\n"[..],
            413,
        ),
        (
            "an encoding that is no text",
            b"Transfer-Encoding: \xff\r\n",
            413,
        ),
    ] {
        let request = upgrade("");
        let (head, _) = request.split_at(request.len() - 2);
        let request = [head.as_bytes(), line, b"\r\n"].concat();
        assert_eq!(status(&server, &request), expect, "{case}");
    }
    assert_eq!(server.hub.session_count(), 0);
}

/// The server searches only new bytes for the end of the head, so single bytes do not take quadratic time.
#[test]
fn long_request_may_arrive_byte_by_byte() {
    let server = start(|_| {});
    let request = upgrade(&format!("Cookie: {}\r\n", "c".repeat(16_000)));
    let mut stream = server.raw(server.public);
    for byte in request.as_bytes() {
        stream.write_all(&[*byte]).unwrap();
    }
    stream.write_all(b"\x88\x80\0\0\0\0").unwrap();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
}

/// A slow handshake holds its permit only until `handshake_timeout`.
#[test]
fn slow_handshakes_free_their_permits() {
    let server = start(|limits| {
        limits.connections_max = 10;
        limits.handshake_timeout = Duration::from_millis(50);
        limits.linger_timeout = Duration::from_millis(50);
    });
    let mut dawdlers: Vec<_> = (0..10).map(|_| server.raw(server.public)).collect();
    for dawdler in &mut dawdlers {
        dawdler.write_all(b"GET / HT").unwrap();
        let answer = read_to_end(dawdler);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    server.until("a permit is free", |hub| hub.stats().browsers == 0);
    server.browser();
}

#[test]
fn refusals_carry_a_reason_header() {
    let server = start(|_| {});
    let without = |header: &str| upgrade("").replace(header, "");
    let answer = |request: &str| {
        let mut stream = server.raw(server.public);
        stream.write_all(request.as_bytes()).unwrap();
        read_to_end(&mut stream)
    };
    for (request, reason) in [
        (without("Upgrade: websocket\r\n"), "upgrade_missing"),
        (without("Connection: Upgrade\r\n"), "upgrade_missing"),
        (without("Sec-WebSocket-Protocol: wamp\r\n"), "subprotocol"),
        (
            without("Sec-WebSocket-Version: 13\r\n"),
            "websocket_version",
        ),
        (without("Host: a\r\n"), "bad_request"),
        (upgrade("").replace("HTTP/1.1", "HTTP/1.0"), "http_version"),
        (upgrade("").replace("GET", "POST"), "method"),
        (upgrade("Origin: http://b\r\n"), "origin"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "not_websocket",
        ),
        (
            "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "not_websocket",
        ),
    ] {
        let answer = answer(&request);
        let header = format!("\r\nPushd-Reason: {reason}\r\n");
        assert!(answer.contains(&header), "{request}{answer}");
    }
    let answer = answer("GET /pusher.js HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!answer.contains("Pushd-Reason"), "{answer}");
}
