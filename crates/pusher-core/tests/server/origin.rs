//! Origin checks, and addresses from trusted proxies.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use pusher_core::{Application, BrowserRefusal, Options, Recipe, Request, Session, ViolationKind};

use crate::support::{Browser, TestServer, on_any_ports, read_to_end, start_server};

/// Performs a handshake with these headers. Returns the status and the rest of the answer.
fn handshake(server: &TestServer, headers: &str) -> (u16, String) {
    let mut stream = server.raw(server.public);
    write!(
        stream,
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n"
    )
    .unwrap();
    // A masked close frame, so that the server also closes a session.
    let _refused = stream.write_all(b"\x88\x80\0\0\0\0");
    let mut answer = Vec::new();
    let _reset = Read::read_to_end(&mut stream, &mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer[9..12].parse().unwrap(), answer)
}

fn start(change: impl FnOnce(&mut Options)) -> TestServer {
    let mut options = on_any_ports();
    change(&mut options);
    start_server(options, Recipe::default())
}

#[test]
fn dns_rebinding_is_refused() {
    let server = start(|options| options.live.public_hosts = vec!["push.example".parse().unwrap()]);
    for (headers, status) in [
        (
            "Host: push.example:8080\r\nOrigin: http://push.example\r\n",
            101,
        ),
        (
            "Host: PUSH.Example.:8080\r\nOrigin: https://push.example\r\n",
            101,
        ),
        ("Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1\r\n", 101),
        (
            "Host: [2001:db8::1]:8080\r\nOrigin: http://[2001:DB8:0::1]\r\n",
            101,
        ),
        ("Host: evil.example:8080\r\n", 101),
        (
            "Host: evil.example:8080\r\nOrigin: http://evil.example:8080\r\n",
            403,
        ),
    ] {
        let (seen, answer) = handshake(&server, headers);
        assert_eq!(seen, status, "{headers}");
        let is_told = answer.contains("--public-host evil.example\n");
        assert_eq!(is_told, status == 403, "{answer}");
    }
    let stats = server.hub.stats();
    assert_eq!(stats.browsers_refused.get(BrowserRefusal::Origin), 1);
}

#[test]
fn pages_of_same_host_may_connect_from_any_port() {
    let server = start(|_| {});
    for (headers, status) in [
        ("Host: 127.0.0.1:8080\r\n", 101),
        (
            "Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8000\r\n",
            101,
        ),
        (
            "Host: push.example\r\nOrigin: https://PUSH.example\r\n",
            101,
        ),
        (
            "Host: push.example\r\nOrigin: https://evil.example\r\n",
            403,
        ),
        ("Host: push.example\r\nOrigin: null\r\n", 403),
        ("Host: push.example\r\nOrigin: \r\n", 403),
        (
            "Host: push.example\r\nOrigin: https://push.example\r\nOrigin: x\r\n",
            403,
        ),
    ] {
        assert_eq!(handshake(&server, headers).0, status, "{headers}");
    }
    let (_, answer) = handshake(
        &server,
        "Host: a.example:8080\r\nOrigin: https://b.example\r\n",
    );
    for part in [
        "https://b.example",
        "a.example:8080",
        "--allow-origin https://b.example",
    ] {
        assert!(answer.contains(part), "{answer}");
    }
    let mut bytes = server.raw(server.public);
    bytes
        .write_all(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\nOrigin: \xff\r\n\
              Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        )
        .unwrap();
    let answer = read_to_end(&mut bytes);
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let refused = server.hub.stats().browsers_refused;
    assert_eq!(refused.get(BrowserRefusal::Origin), 6);
}

#[test]
fn configured_origins_may_connect() {
    let server = start(|options| {
        options.live.allow_origins = ["https://a.example", "*.b.example", "null"]
            .map(|text| text.parse().unwrap())
            .into();
    });
    for (origin, status) in [
        ("https://a.example", 101),
        ("http://a.example", 403),
        ("https://www.b.example:8443", 101),
        ("https://b.example", 403),
        ("null", 101),
        ("https://push.example", 101),
    ] {
        let headers = format!("Host: push.example\r\nOrigin: {origin}\r\n");
        assert_eq!(handshake(&server, &headers).0, status, "{origin}");
    }
    let server = start(|options| options.live.allow_origins = vec!["*".parse().unwrap()]);
    assert_eq!(handshake(&server, "Host: a\r\nOrigin: http://b\r\n").0, 101);
}

/// Any page may load the client's script.
#[test]
fn scripts_need_no_origin() {
    let server = start(|_| {});
    let mut stream = server.raw(server.public);
    stream
        .write_all(b"GET /pusher.js HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n")
        .unwrap();
    assert!(read_to_end(&mut stream).starts_with("HTTP/1.1 200 "));
}

#[test]
fn trusted_proxy_forwards_the_host() {
    let headers = "Host: 127.0.0.1:8080\r\nX-Forwarded-Host: example.org\r\n\
                   Origin: https://example.org\r\n";
    let server = start(|_| {});
    assert_eq!(handshake(&server, headers).0, 403);
    let server = start(|options| options.trust_proxies = vec!["loopback".parse().unwrap()]);
    assert_eq!(handshake(&server, headers).0, 101);
    let other = headers.replace("https://example.org", "https://evil.example");
    assert_eq!(handshake(&server, &other).0, 403);
    for forwarded in [
        "for=192.0.2.1;host=example.org;proto=https",
        "for=192.0.2.1;host=\"example.org:443\"",
        "host=cdn.example, host=example.org",
    ] {
        let forwarded = format!("Forwarded: {forwarded}");
        let headers = headers.replace("X-Forwarded-Host: example.org", &forwarded);
        assert_eq!(handshake(&server, &headers).0, 101, "{forwarded}");
        let other = headers.replace("https://example.org", "https://evil.example");
        assert_eq!(handshake(&server, &other).0, 403, "{forwarded}");
    }
}

/// The host of the target overrides `Host` (RFC 9112, section 3.2.2).
#[test]
fn absolute_form_host_overrides_header() {
    let server = start(|_| {});
    for (origin, status) in [("https://example.org", 101), ("https://proxy.example", 403)] {
        let mut stream = server.raw(server.public);
        write!(
            stream,
            "GET http://example.org/ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nHost: proxy.example\r\n\
             Origin: {origin}\r\n\r\n"
        )
        .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes(), "{origin}");
    }
}

/// An application that reports the address of every browser.
struct Addresses(Mutex<mpsc::Sender<(IpAddr, IpAddr)>>);

impl Application for Addresses {
    fn opened(&self, session: &Session, request: &Request) {
        let addresses = (session.peer_addr().ip(), request.peer_addr().ip());
        self.0.lock().unwrap().send(addresses).unwrap();
    }
}

#[test]
fn client_address_behind_proxy_is_reported() {
    for (trusted, headers, expect) in [
        (
            "loopback",
            &[("X-Forwarded-For", "6.6.6.6, 192.0.2.1")][..],
            "192.0.2.1",
        ),
        (
            "127.0.0.1",
            &[("Forwarded", "for=192.0.2.1:80;proto=https")],
            "192.0.2.1",
        ),
        (
            "10.0.0.0/8",
            &[("X-Forwarded-For", "192.0.2.1")],
            "127.0.0.1",
        ),
        ("loopback", &[], "127.0.0.1"),
    ] {
        let (sender, addresses) = mpsc::channel();
        let mut options = on_any_ports();
        options.trust_proxies = vec![trusted.parse().unwrap()];
        let server = start_server(options, Arc::new(Addresses(Mutex::new(sender))));
        let _browser = Browser::connect_with(server.public, "/", headers);
        let expect: IpAddr = expect.parse().unwrap();
        assert_eq!(addresses.recv().unwrap(), (expect, expect));
    }
}

#[test]
fn contradicting_forwarded_headers_are_refused() {
    let server = start(|options| options.trust_proxies = vec!["loopback".parse().unwrap()]);
    let headers = "Host: a\r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n";
    assert_eq!(handshake(&server, headers).0, 400);
    let headers = headers.replace("192.0.2.2", "192.0.2.1");
    assert_eq!(handshake(&server, &headers).0, 101);
}

/// The proxy itself has more connections than a client may have.
#[test]
fn clients_behind_proxy_are_limited_separately() {
    let server = start(|options| {
        options.trust_proxies = vec!["loopback".parse().unwrap()];
        options.live.limits.connections_per_address_max = 2;
    });
    let client =
        |address| Browser::connect_with(server.public, "/", &[("X-Forwarded-For", address)]);
    let mut first = client("192.0.2.1");
    let _second = client("192.0.2.1");
    let _other = client("192.0.2.2");
    let (status, answer) = handshake(&server, "Host: a\r\nX-Forwarded-For: 192.0.2.1\r\n");
    assert_eq!(status, 429, "{answer}");
    assert!(answer.contains("Retry-After"), "{answer}");
    let refused = server.hub.stats().browsers_refused;
    assert_eq!(refused.get(BrowserRefusal::ConnectionsPerAddress), 1);
    first.send("[]");
    assert_eq!(first.close_code(), ViolationKind::InvalidData.code());
    drop(first);
    server.until("a permit is free", |hub| hub.stats().browsers == 2);
    let _third = client("192.0.2.1");
}

/// Publishers can connect even if all permits of browsers are taken.
#[test]
fn full_public_listener_does_not_block_publishers() {
    let server = start(|options| options.live.limits.connections_max = 1);
    let mut browser = server.subscriber("t");
    for _ in 0..50 {
        let mut refused = server.raw(server.public);
        refused
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let answer = read_to_end(&mut refused);
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(
            answer.ends_with("1 browsers are connected already\n"),
            "{answer}"
        );
    }
    assert_eq!(server.publisher().publish("t", "1"), (1, 1));
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
}
