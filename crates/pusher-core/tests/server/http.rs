//! HTTP/1.1 on the publish listener.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use pusher_core::{PublisherRefusal, Recipe};
use serde_json::{Value, json};

use crate::support::{TestServer, on_any_ports, read_to_end, start, start_server};

const SOON: Duration = Duration::from_millis(50);

/// A client with keep-alive.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(server: &TestServer) -> Self {
        Self(BufReader::new(server.raw(server.publish)))
    }

    pub(crate) fn send(&mut self, request: &str) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// Returns the status and the body of the next answer.
    pub(crate) fn answer(&mut self) -> (u16, Value) {
        let (status, _, body) = self.response();
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Returns the status, the headers and the body of the next answer.
    pub(crate) fn response(&mut self) -> (u16, String, String) {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let (mut len, mut headers) = (0, String::new());
        loop {
            let header = self.line();
            match header.trim_end().split_once(": ") {
                Some(("content-length" | "Content-Length", value)) => len = value.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
            headers.push_str(&header);
        }
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).unwrap();
        (status, headers, String::from_utf8(body).unwrap())
    }
}

pub(crate) fn post(topic: &str, event: &str) -> String {
    let len = event.len();
    format!(
        "POST /publish/{topic} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {len}\r\n\r\n{event}"
    )
}

/// Sends a request on a new connection. Returns the status and the error of the answer. The server must close.
pub(crate) fn refusal(server: &TestServer, request: &str) -> (u16, String) {
    let mut stream = server.raw(server.publish);
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_to_end(&mut stream);
    let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    (
        status,
        body["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn publishes_on_one_connection_get_receipts() {
    let server = start(|_| {});
    let mut browser = server.subscriber("猫 1");
    let mut client = Client::connect(&server);
    for (sequence, event) in (1..).zip(["{\"o\":{},\"f\":1.0}", "7", "\"\\u65b0\""]) {
        client.send(&post("%E7%8C%AB%201", event));
        let (status, receipt) = client.answer();
        let position = server.hub.position().to_string();
        let expected = json!({"sequence": sequence, "subscribers": 1, "position": position, "stored": "memory"});
        assert_eq!((status, receipt), (200, expected));
        assert_eq!(browser.message(), format!("[8,\"猫 1\",{event}]"));
    }
    client.send(&post("nobody", "\u{feff} [] \0"));
    assert_eq!(client.answer().1["subscribers"], 0);
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.answer(), (200, json!({"status": "ok"})));
}

#[test]
fn requests_may_be_split_and_pipelined() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let requests: String = (0..20).map(|n| post("t", &n.to_string())).collect();
    for chunk_len in [7, 100, requests.len()] {
        let mut client = Client::connect(&server);
        for chunk in requests.as_bytes().chunks(chunk_len) {
            client.0.get_mut().write_all(chunk).unwrap();
        }
        for n in 0..20 {
            assert_eq!(client.answer().0, 200);
            assert_eq!(browser.message(), format!("[8,\"t\",{n}]"));
        }
    }
}

#[test]
fn expect_100_continue_is_answered() {
    let server = start(|_| {});
    let mut client = Client::connect(&server);
    let request = post("t", "12").replace("\r\n\r\n12", "\r\nExpect: 100-continue\r\n\r\n");
    client.send(&request);
    assert_eq!(client.line(), "HTTP/1.1 100 Continue\r\n");
    assert_eq!(client.line(), "\r\n");
    client.send("12");
    assert_eq!(client.answer().0, 200);
}

/// `nc -N` closes its write side at the end of its input.
#[test]
fn half_closed_client_gets_its_answers() {
    let server = start(|_| {});
    for _ in 0..20 {
        let mut client = Client::connect(&server);
        client.send(&post("t", "1").repeat(3));
        client.0.get_ref().shutdown(Shutdown::Write).unwrap();
        for _ in 0..3 {
            assert_eq!(client.answer().0, 200);
        }
        assert_eq!(client.line(), "");
    }
}

#[test]
fn refusals_have_status_and_reason() {
    let server = start(|limits| limits.event_len_max = 100);
    let mut browser = server.subscriber("t");
    let request = post("t", "1");
    let change = |from: &str, to: &str| request.replace(from, to);
    let rows = [
        (
            change("/publish/t", "/nowhere"),
            404,
            "POST /publish/{topic}",
        ),
        (change("POST", "PUT"), 405, "only POST"),
        (change("/publish/t", "/publish/t?"), 400, "%3F"),
        (change("/publish/t", "/publish/%ff"), 400, "UTF-8"),
        (
            change("/publish/t", "ftp://localhost/publish/t"),
            400,
            "must be a path",
        ),
        (
            change("/publish/t", "/publish/%zz"),
            400,
            "%zz is not a percent-encoding",
        ),
        (
            change("/publish/t", "http://evil.example.org/publish/t"),
            403,
            "evil.example.org",
        ),
        (change("Host: localhost\r\n", ""), 400, "one Host"),
        (change("Host:", "Host: localhost\r\nHost:"), 400, "one Host"),
        (
            change("application/json", "text/plain"),
            415,
            "application/json",
        ),
        (change("Content-Type", "X"), 415, "application/json"),
        (change("Content-Length", "X"), 411, "Content-Length"),
        (
            change("Content-Length: 1", "Transfer-Encoding: gzip, chunked"),
            501,
            "gzip, chunked",
        ),
        (
            change("Content-Type", "Content-Encoding: gzip\r\nContent-Type"),
            415,
            "\"gzip\"",
        ),
        (
            change("Host", "Upgrade: websocket\r\nHost"),
            400,
            "browsers",
        ),
        (
            change("Host", "Upgrade: h2c, WebSocket\r\nHost"),
            400,
            "browsers",
        ),
        (
            change("Content-Length: 1", "Content-Length: 101"),
            413,
            "101 bytes long, at most 100 are allowed (event-len-max)",
        ),
        // Refusals by hyper have no text.
        (change("Content-Length: 1", "Content-Length: -1"), 400, ""),
        (
            change(
                "Content-Length: 1",
                "Content-Length: 1\r\nContent-Length: 2",
            ),
            400,
            "",
        ),
        (change("HTTP/1.1", "HTTP/3.0"), 505, "HTTP/3.0"),
        (change("POST /", "POST / /"), 400, ""),
        (change("Host:", "Ho st:"), 400, ""),
        (
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            505,
            "HTTP/1.1",
        ),
        (
            "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n".to_owned(),
            505,
            "HTTP/2.0",
        ),
        ("GET\r\n\r\n".to_owned(), 400, "request line"),
    ];
    for (request, status, reason) in rows {
        let answer = refusal(&server, &request);
        assert_eq!(answer.0, status, "{request}{answer:?}");
        assert!(answer.1.contains(reason), "{request}{answer:?}");
        assert_eq!(
            answer.1.is_empty(),
            reason.is_empty(),
            "{request}{answer:?}"
        );
    }
    let mut client = Client::connect(&server);
    client.send(&request);
    assert_eq!(client.answer().0, 200);
    assert_eq!(
        browser.message(),
        r#"[8,"t",1]"#,
        "no refused event was published"
    );
}

#[test]
fn invalid_event_keeps_the_connection() {
    let server = start(|_| {});
    let mut client = Client::connect(&server);
    let long_topic = "t".repeat(1025);
    for (category, event, reason) in [
        ("t", "", "not valid JSON"),
        ("t", "tru", "not valid JSON"),
        ("t", "1 2", "not valid JSON"),
        ("", "1", "topic is empty"),
        (&long_topic, "1", "1025 bytes"),
    ] {
        client.send(&post(category, event));
        let (status, body) = client.answer();
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].as_str().unwrap().contains(reason), "{body}");
    }
    client.send(&post("t", "1"));
    assert_eq!(client.answer().0, 200);
}

#[test]
fn page_of_other_site_cannot_publish() {
    let mut options = on_any_ports();
    options.live.publish_hosts = vec!["push.example.org".parse().unwrap()];
    let server = start_server(options, Recipe::default());
    let mut browser = server.subscriber("t");
    let address = server.publish.to_string();
    let request = post("t", "1");
    let with_host = |host: &str| request.replace("Host: localhost", &format!("Host: {host}"));
    let with = |header: &str| request.replace("Host", &format!("{header}\r\nHost"));
    for request in [
        with("Origin: http://evil.example.org"),
        with("Origin: null"),
        with(&format!("Origin: http://{address}")),
        with("Origin: http://localhost:8000"),
        with("Origin: http://localhost.evil.example.org"),
        with("Origin: localhost"),
        with("Origin: http://localhost\r\nOrigin: http://evil.example.org"),
        with("Origin: http://localhost\r\nSec-Fetch-Site: cross-site"),
        with("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site"),
        with("Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document"),
        with("Sec-Fetch-Site: cross-site"),
        with("Sec-Fetch-Site: same-site"),
        with_host("evil.example.org"),
        with_host(&format!("evil.example.org:{}", server.publish.port())),
        with_host("169.254.169.254"),
        with_host("localhost.evil.example.org"),
        with_host(&format!("x@{address}")),
        with_host("\u{e9}"),
    ] {
        let (status, reason) = refusal(&server, &request);
        assert_eq!(status, 403, "{request}");
        assert!(!reason.is_empty(), "{request}");
    }
    let mut client = Client::connect(&server);
    for request in [
        with("Sec-Fetch-Site: none"),
        // The status page.
        with("Origin: http://localhost\r\nSec-Fetch-Site: same-origin"),
        with_host(&address),
        with_host("push.example.org:80"),
        with_host("[::1]:5555"),
    ] {
        client.send(&request);
        assert_eq!(client.answer().0, 200, "{request}");
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
    }
}

#[test]
fn event_and_head_lengths_are_limited() {
    let server = start(|limits| {
        limits.event_len_max = 100;
        limits.handshake_len_max = 1000;
        limits.headers_max = 10;
    });
    let mut client = Client::connect(&server);
    client.send(&post("t", &"1".repeat(100)));
    assert_eq!(client.answer().0, 200);
    assert_eq!(refusal(&server, &post("t", &"1".repeat(101))).0, 413);

    let head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n";
    let of_len = |len: usize| head.replace("X: ", &format!("X: {}", "x".repeat(len - head.len())));
    client.send(&of_len(1000));
    assert_eq!(client.answer().0, 200);
    assert_eq!(refusal(&server, &of_len(1001)).0, 431);
    assert_eq!(refusal(&server, &of_len(100_000)).0, 431);

    let of_headers = |count: usize| head.replace("X: \r\n", &"X: y\r\n".repeat(count - 1));
    client.send(&of_headers(10));
    assert_eq!(client.answer().0, 200);
    assert_eq!(refusal(&server, &of_headers(11)).0, 431);
}

#[test]
fn slow_head_and_body_time_out() {
    let server = start(|limits| limits.unfinished_timeout = SOON);
    let (status, reason) = refusal(&server, &post("t", "1").replace("h: 1", "h: 2"));
    assert_eq!((status, reason.is_empty()), (408, false));
    assert_eq!(refusal(&server, "POST /publish/t HTTP/1.1\r\nHo").0, 0);
}

/// The server buffers answers for a peer that does not read, up to a limit.
#[test]
fn client_that_reads_no_answers_is_dropped() {
    let server = start(|limits| limits.answer_timeout = SOON);
    let mut stream = server.raw(server.publish);
    let requests = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let mut sent = 0;
    let error = loop {
        match stream.write(requests.as_bytes()) {
            Ok(len) => sent += len,
            Err(error) => break error,
        }
        assert!(sent < 64 << 20, "the server never stops reading");
    };
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
    server.until("the publisher is counted", |hub| {
        hub.stats().publishers_refused.get(PublisherRefusal::Answer) == 1
    });
}

#[test]
fn shutdown_closes_kept_connections() {
    let mut server = start(|_| {});
    let mut client = Client::connect(&server);
    client.send(&post("t", "1"));
    assert_eq!(client.answer().0, 200);
    server.end();
    assert_eq!(client.line(), "");
}
