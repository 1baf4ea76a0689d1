//! Less common forms of HTTP that real clients send to port 5555.

use std::time::Duration;

use pusher_core::PublishRefusal;

use crate::http::{Client, post, refusal};
use crate::support::start;

/// Returns a publish with this body, which includes the chunk framing.
fn chunked(body: &str) -> String {
    format!(
        "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{body}"
    )
}

/// Splits the event into chunks, and adds the last chunk.
fn in_chunks(event: &str, chunk_len: usize) -> String {
    let chunks = event.as_bytes().chunks(chunk_len);
    let chunks = chunks.map(|chunk| {
        let chunk = std::str::from_utf8(chunk).unwrap();
        format!("{:x}\r\n{chunk}\r\n", chunk.len())
    });
    chunks.collect::<String>() + "0\r\n\r\n"
}

/// `curl --http2` and Java's `HttpClient` offer h2c.
#[test]
fn upgrade_to_other_protocol_is_ignored() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut client = Client::connect(&server);
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                 HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nHost";
    for offer in [offer, "Upgrade: h2c\r\nHost", "Upgrade: TLS/1.0\r\nHost"] {
        client.send(&post("t", "1").replace("Host", offer));
        assert_eq!(client.answer().0, 200, "{offer}");
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
    }
}

/// HAProxy's `option httpchk` sends this.
#[test]
fn http_1_0_health_check_needs_no_host() {
    let server = start(|_| {});
    for (request, status) in [
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
        ("GET /readyz HTTP/1.0\r\n\r\n", 200),
        ("HEAD /healthz HTTP/1.0\r\n\r\n", 200),
        ("OPTIONS / HTTP/1.0\r\n\r\n", 204),
        (
            "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            204,
        ),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        (
            "GET /healthz HTTP/1.0\r\nHost: evil.example.org\r\n\r\n",
            403,
        ),
        (
            "GET /healthz HTTP/1.0\r\nOrigin: http://evil.example.org\r\n\r\n",
            403,
        ),
        (
            "GET /healthz HTTP/1.0\r\nSec-Fetch-Site: cross-site\r\n\r\n",
            403,
        ),
        ("GET http://evil.example.org/healthz HTTP/1.0\r\n\r\n", 403),
        (
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example.org\r\n\r\n",
            403,
        ),
    ] {
        assert_eq!(refusal(&server, request).0, status, "{request}");
    }
}

/// The host of the target overrides `Host` (RFC 9112, section 3.2.2).
#[test]
fn absolute_form_target_is_accepted() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut client = Client::connect(&server);
    let request = post("t", "1").replace("/publish", "http://localhost:5555/publish");
    for host in ["localhost", "proxy.example.org"] {
        client.send(&request.replace("Host: localhost", &format!("Host: {host}")));
        assert_eq!(client.answer().0, 200, "{host}");
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
    }
}

#[test]
fn chunked_body_is_accepted() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut client = Client::connect(&server);
    let event = format!("\"{}\"", "x".repeat(50_000));
    for chunk_len in [1, 2, 1000, event.len()] {
        client.send(&chunked(&in_chunks(&event, chunk_len)));
        assert_eq!(client.answer().0, 200, "{chunk_len}");
        assert_eq!(browser.message(), format!("[8,\"t\",{event}]"));
    }
    for body in [
        "1\r\n1\r\n0\r\nTrailer: x\r\n\r\n",
        "1;extension=\"x\"\r\n1\r\n0;last\r\n\r\n",
        "0001\r\n1\r\n000\r\n\r\n",
    ] {
        let request = chunked(body);
        // In one write, and in single bytes.
        client.send(&request);
        assert_eq!(client.answer().0, 200, "{body}");
        for byte in request.split_inclusive(|_: char| true) {
            client.send(byte);
        }
        assert_eq!(client.answer().0, 200, "{body}");
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
    }
    let expect = chunked("1\r\n2\r\n0\r\n\r\n");
    let (head, body) = expect.split_once("\r\n\r\n").unwrap();
    client.send(&format!("{head}\r\nExpect: 100-continue\r\n\r\n"));
    assert_eq!(client.response().0, 100);
    client.send(body);
    assert_eq!(client.answer().0, 200);
    assert_eq!(browser.message(), r#"[8,"t",2]"#);
}

#[test]
fn chunked_bodies_are_limited() {
    let server = start(|limits| {
        limits.event_len_max = 100;
        limits.unfinished_timeout = Duration::from_secs(5);
    });
    let mut client = Client::connect(&server);
    client.send(&chunked(&in_chunks(&"1".repeat(100), 7)));
    assert_eq!(client.answer().0, 200);
    let long_extension = format!("1;{}\r\n1\r\n0\r\n\r\n", "x".repeat(16 * 1024));
    let long_trailer = format!("1\r\n1\r\n0\r\nX: {}\r\n\r\n", "x".repeat(16 * 1024));
    for (body, status, reason) in [
        (
            in_chunks(&"1".repeat(101), 7),
            413,
            "at most 100 are allowed (event-len-max)",
        ),
        ("10000000000000000\r\n1".to_owned(), 400, "chunks"),
        ("x\r\n1\r\n".to_owned(), 400, "chunks"),
        ("1\r\n11\r\n0\r\n\r\n".to_owned(), 400, "chunks"),
        ("-1\r\n1\r\n0\r\n\r\n".to_owned(), 400, "chunks"),
        ("1\n1\n0\n\n".to_owned(), 400, "chunks"),
        (long_extension, 400, "chunks"),
        (long_trailer, 400, "chunks"),
        // The body has ended, but not the request: the last chunk is missing.
        ("0\r\n\r\n".to_owned(), 400, "JSON"),
    ] {
        let request = chunked(&body).replace("Host", "Connection: close\r\nHost");
        let answer = refusal(&server, &request);
        assert_eq!(answer.0, status, "{body}{answer:?}");
        assert!(answer.1.contains(reason), "{body}{answer:?}");
    }
    let refused = server.hub.stats().publishes_refused;
    assert_eq!(refused.get(PublishRefusal::EventTooLarge), 1);
}

/// A proxy in front might use the other length, and take the rest for another request.
#[test]
fn body_with_two_lengths_cannot_smuggle() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let smuggled = post("t", "\"smuggled\"");
    let body = format!("1\r\n1\r\n0\r\n\r\n{smuggled}");
    let len = body.len();
    for lengths in [
        format!("Transfer-Encoding: chunked\r\nContent-Length: {len}"),
        format!("Content-Length: {len}\r\nTransfer-Encoding: chunked"),
        format!("Content-Length: {len}\r\nTransfer-Encoding: chunked\r\nContent-Length: {len}"),
    ] {
        let mut client = Client::connect(&server);
        client.send(&chunked(&body).replace("Transfer-Encoding: chunked", &lengths));
        let (_, headers, _) = client.response();
        assert!(headers.contains("connection: close"), "{headers}");
        assert_eq!(client.line(), "", "the connection is closed");
    }
    let mut client = Client::connect(&server);
    client.send(&post("t", "\"end\""));
    client.answer();
    let mut event = browser.message();
    while event == r#"[8,"t",1]"# {
        event = browser.message();
    }
    assert_eq!(event, r#"[8,"t","end"]"#);
}

/// The answer does not depend on the number of writes of the request line.
#[test]
fn unsupported_version_is_named() {
    let server = start(|_| {});
    for line in ["GET /healthz HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n"] {
        for chunk_len in [1, 5, line.len()] {
            let mut client = Client::connect(&server);
            for chunk in line.as_bytes().chunks(chunk_len) {
                client.send(std::str::from_utf8(chunk).unwrap());
            }
            let (status, _, body) = client.response();
            assert_eq!(status, 505, "{line}");
            assert!(body.contains("HTTP/2.0 is not supported"), "{body}");
        }
    }
}

#[test]
fn answers_announce_keep_alive_timeout() {
    let server = start(|limits| limits.unfinished_timeout = Duration::from_secs(30));
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut client = Client::connect(&server);
    let mut kept = |request: &str| {
        client.send(request);
        client.response().1.contains("keep-alive: timeout=29\r\n")
    };
    assert!(kept(request));
    assert!(kept(&post("t", "tru")));
    let http_1_0 = request.replace("1.1", "1.0");
    assert!(kept(
        &http_1_0.replace("Host", "Connection: keep-alive\r\nHost")
    ));
    assert!(!kept(&http_1_0));
    for request in [
        request.replace("Host", "Connection: close\r\nHost"),
        request.replace("/healthz", "/nowhere"),
    ] {
        let mut client = Client::connect(&server);
        client.send(&request);
        let (_, headers, _) = client.response();
        assert!(!headers.contains("keep-alive"), "{headers}");
        assert_eq!(client.line(), "");
    }
}
