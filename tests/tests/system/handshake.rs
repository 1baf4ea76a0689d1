//! The section "Handshake" of WAMP v1's reference, one case in each row, byte by byte.

use system_tests::daemon::Daemon;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::wire::{ACCEPT, KEY, Wire, first, masked, text, upgrade};

const WAMP: &str = "Sec-WebSocket-Protocol: wamp\r\n";
/// Largest length of a request's head.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// Returns the request with `wrong` in place of `right`.
fn with(right: &str, wrong: &str) -> Vec<u8> {
    let request = String::from_utf8(upgrade(WAMP)).unwrap();
    assert!(request.contains(right), "{right} is not in the request");
    request.replace(right, wrong).into_bytes()
}

/// Returns a valid request whose head has `len` bytes. Its cookies fill the space.
fn of_len(len: usize) -> Vec<u8> {
    let around = upgrade(&format!("{WAMP}Cookie: \r\n")).len();
    upgrade(&format!("{WAMP}Cookie: {}\r\n", "c".repeat(len - around)))
}

fn plain(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: x\r\n\r\n").into_bytes()
}

#[test]
fn accepted_requests() {
    let rows = [
        ("the subprotocol alone", upgrade(WAMP)),
        (
            "among others",
            upgrade("Sec-WebSocket-Protocol: foo, wamp, bar\r\n"),
        ),
        (
            "without spaces",
            upgrade("Sec-WebSocket-Protocol: foo,wamp\r\n"),
        ),
        (
            "in a second line",
            upgrade(&format!("Sec-WebSocket-Protocol: foo\r\n{WAMP}")),
        ),
        (
            "header names in any case",
            with("Sec-WebSocket-Key", "SEC-WEBSOCKET-KEY"),
        ),
        (
            "upgrade in any case",
            with("Upgrade: websocket", "Upgrade: WebSocket"),
        ),
        (
            "as Firefox sends it",
            with("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ),
        (
            "any path and query",
            with("GET / ", "GET /chat/room?x=1&y=%20 "),
        ),
        (
            "a page on another port of the same host",
            upgrade(&format!("{WAMP}Origin: https://127.0.0.1:8000\r\n")),
        ),
        ("cookies up to the limit", of_len(HEAD_LEN_MAX)),
    ];
    let daemon = Daemon::start();
    for (case, request) in rows {
        let mut browser = Wire::connect(daemon.web);
        browser.send(&request);
        let head = browser.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{case}: {head}");
        let lower = head.to_lowercase();
        for header in [
            "upgrade: websocket\r\n",
            "connection: upgrade\r\n",
            "sec-websocket-protocol: wamp\r\n",
        ] {
            assert!(
                lower.contains(header),
                "{case}: {header} is missing: {head}"
            );
        }
        assert!(
            head.contains(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n")),
            "{case}: {head}"
        );
    }
}

#[test]
fn refused_requests() {
    let rows: [(&str, Vec<u8>, u16, &str); 27] = [
        ("no subprotocol", upgrade(""), 426, "wamp"),
        (
            "only unsupported subprotocols",
            upgrade("Sec-WebSocket-Protocol: foo, bar\r\n"),
            426,
            "wamp",
        ),
        (
            "a similar subprotocol",
            upgrade("Sec-WebSocket-Protocol: wamp2\r\n"),
            426,
            "wamp",
        ),
        (
            "an old WebSocket",
            with("Version: 13", "Version: 8"),
            426,
            "Sec-WebSocket-Version: 13\r\n",
        ),
        (
            "no version",
            with("Sec-WebSocket-Version: 13\r\n", ""),
            426,
            "Sec-WebSocket-Version: 13\r\n",
        ),
        (
            "a page's address typed into a browser",
            plain("GET / HTTP/1.1"),
            426,
            "WebSocket",
        ),
        (
            "no key",
            with(&format!("Sec-WebSocket-Key: {KEY}\r\n"), ""),
            400,
            "Sec-WebSocket-Key",
        ),
        (
            "an invalid key",
            with(KEY, "short"),
            400,
            "Sec-WebSocket-Key",
        ),
        (
            "no Connection header",
            with("Connection: Upgrade\r\n", ""),
            400,
            "Connection",
        ),
        (
            "a proxy took Upgrade away",
            with("Upgrade: websocket\r\n", ""),
            400,
            "Upgrade",
        ),
        ("no Host", with("Host: 127.0.0.1\r\n", ""), 400, "Host"),
        ("HTTP/1.0", with("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1"),
        (
            "HTTP/2 by its name",
            with("HTTP/1.1", "HTTP/2.0"),
            505,
            "HTTP/1.1",
        ),
        (
            "the preface of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            505,
            "HTTP/1.1",
        ),
        (
            "a page of another host",
            upgrade(&format!("{WAMP}Origin: https://elsewhere.example\r\n")),
            403,
            "--allow-origin https://elsewhere.example",
        ),
        ("POST", with("GET", "POST"), 405, "Allow: GET"),
        (
            "POST without an upgrade",
            plain("POST /pusher.js HTTP/1.1"),
            405,
            "Allow: GET",
        ),
        (
            "a body",
            with(WAMP, &format!("{WAMP}Content-Length: 5\r\n")),
            413,
            "body",
        ),
        (
            "a header that is too long",
            of_len(HEAD_LEN_MAX + 1),
            431,
            "16384",
        ),
        (
            "too many headers",
            upgrade(&format!("{WAMP}{}", "A: b\r\n".repeat(100))),
            431,
            "100",
        ),
        (
            "a path that is not there",
            plain("GET /nothing HTTP/1.1"),
            404,
            "pusher.js",
        ),
        (
            "a folder, as of a site behind a proxy",
            plain("GET /site/push/ HTTP/1.1"),
            426,
            "WebSocket",
        ),
        (
            "no HTTP version (it kills Ratchet)",
            plain("GET / "),
            505,
            "HTTP/1.1",
        ),
        ("no path", plain("GET"), 400, "HTTP/1.1"),
        (
            "a method that is none",
            plain("G\x01T / HTTP/1.1"),
            400,
            "HTTP/1.1",
        ),
        (
            "a header without a colon",
            b"GET / HTTP/1.1\r\nHost\r\n\r\n".to_vec(),
            400,
            "HTTP/1.1",
        ),
        (
            "TLS on the plain port",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            400,
            "https",
        ),
    ];
    let daemon = Daemon::start();
    let mut bystander = Wamp::subscribed(daemon.web, "t");
    for (case, request, status, part) in rows {
        let mut browser = Wire::connect(daemon.web);
        browser.send(&request);
        let answer = String::from_utf8(browser.rest()).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{case}: {answer}"
        );
        assert!(
            answer.contains(part),
            "{case}: `{part}` is missing: {answer}"
        );
        assert!(answer.contains("Connection: close\r\n"), "{case}: {answer}");
    }
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    bystander.event("t");
}

#[test]
fn truncated_requests_do_not_affect_others() {
    let daemon = Daemon::start();
    let request = upgrade(WAMP);
    for len in 0..request.len() {
        let mut browser = Wire::connect(daemon.web);
        browser.send(&request[..len]);
        browser.end_of_file();
        assert!(browser.rest().is_empty(), "an answer to {len} bytes");
    }
    Wamp::connect(daemon.web);
}

#[test]
fn the_request_may_come_in_any_chunks() {
    let daemon = Daemon::start();
    let mut browser = Wire::connect(daemon.web);
    for byte in upgrade(WAMP) {
        browser.send(&[byte]);
    }
    assert!(browser.head().starts_with("HTTP/1.1 101 "));
}

#[test]
fn welcome_comes_with_the_answer_in_the_protocols_form() {
    let daemon = Daemon::start();
    let mut browser = Wire::connect(daemon.web);
    browser.send(&upgrade(WAMP));
    browser.head();
    assert!(
        !browser.buffered().is_empty(),
        "WELCOME was not in the answer's segment"
    );
    let welcome = browser.frame();
    assert_eq!(welcome.first, first::TEXT);
    let id = welcome
        .text()
        .strip_prefix("[0,\"")
        .unwrap()
        .get(..32)
        .unwrap();
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let rest = &welcome.text()[4 + 32..];
    assert!(
        rest.starts_with("\",1,\"pushd/") && rest.ends_with("\"]"),
        "{rest}"
    );
}

#[test]
fn session_ids_are_unique() {
    let daemon = Daemon::start();
    let sessions: Vec<Wamp> = (0..20).map(|_| Wamp::connect(daemon.web)).collect();
    let ids: std::collections::HashSet<&str> = sessions
        .iter()
        .map(|session| session.session_id.as_str())
        .collect();
    assert_eq!(ids.len(), sessions.len());
}

#[test]
fn frames_may_follow_the_request_in_the_same_segment() {
    let daemon = Daemon::start();
    let mut browser = Wire::connect(daemon.web);
    browser.send(
        &[
            upgrade(WAMP),
            text(r#"[5,"t"]"#),
            masked(first::PING, b"here?"),
        ]
        .concat(),
    );
    browser.head();
    assert!(browser.frame().text().starts_with("[0,"));
    let pong = browser.frame();
    assert_eq!(
        (pong.first, pong.payload.as_slice()),
        (first::PONG, b"here?".as_slice())
    );
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    assert_eq!(browser.frame().text(), r#"[8,"t",{"category":"t"}]"#);
}
