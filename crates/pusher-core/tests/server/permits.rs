//! Permits of publishers. If all are taken, the longest idle publisher is evicted, and admin requests are answered.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use pusher_core::{Limits, PublisherRefusal};

use crate::operator::get;
use crate::support::{Publisher, TestServer, WAIT, read_to_end, start};

const ZMTP: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";

/// Length of the server's greeting and READY, in bytes.
const ZMTP_ANSWER_LEN: usize = 64 + 28;

const POST: &[u8] =
    b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
    Content-Length: 1\r\n\r\n1";

fn start_with_three_permits() -> TestServer {
    start(|limits| limits.publishers_max = 3)
}

fn evictions(server: &TestServer) -> u64 {
    server.hub.stats().publishers_gave_way
}

#[track_caller]
fn assert_admin_is_answered(server: &TestServer) {
    for path in ["/healthz", "/readyz", "/metrics", "/status.json", "/"] {
        let (head, _) = get(server, path);
        assert!(head.starts_with("http/1.1 200 "), "{path}: {head}");
    }
}

/// Reads the head of an HTTP answer.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Connects an HTTP publisher, which publishes once and stays.
fn http_publisher(server: &TestServer) -> TcpStream {
    let mut stream = server.raw(server.publish);
    stream.write_all(POST).unwrap();
    let head = head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    stream
}

fn zmtp_publisher(server: &TestServer) -> TcpStream {
    let mut stream = server.raw(server.publish);
    stream.write_all(ZMTP).unwrap();
    stream.read_exact(&mut [0; ZMTP_ANSWER_LEN]).unwrap();
    stream
}

#[test]
fn longest_idle_publisher_is_evicted() {
    let server = start_with_three_permits();
    let mut idle: Vec<_> = (0..3).map(|_| server.publisher()).collect();
    for index in [1, 0, 2] {
        idle[index].publish("t", "1");
    }
    assert_admin_is_answered(&server);
    assert_eq!(
        evictions(&server),
        0,
        "an admin request evicts no publisher"
    );
    server.publisher().publish("t", "1");
    assert_eq!(evictions(&server), 1);
    assert_eq!(read_to_end(&mut idle[1].0), "");
    for index in [0, 2] {
        idle[index].publish("t", "1");
    }
    let (_, metrics) = get(&server, "/metrics");
    assert!(
        metrics.contains("\npushd_publishers_gave_way_total 1\n"),
        "{metrics}"
    );
}

/// A client that writes at that moment must learn that the server read nothing.
#[test]
fn evicted_native_publisher_is_reset() {
    let server = start(|limits| limits.publishers_max = 1);
    let mut idle = server.publisher();
    idle.publish("t", "1");
    server.publisher().publish("t", "1");
    let error = idle.0.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn silent_publisher_is_evicted() {
    let server = start(|limits| limits.publishers_max = 1);
    let mut silent = server.raw(server.publish);
    server.until("the connection is accepted", |hub| {
        hub.stats().publishers == 1
    });
    // Not in its first second, because its first bytes may be on the way.
    let is_refused = || {
        let mut publisher = server.raw(server.publish);
        publisher.write_all(b"[1,1][3,1,\"t\",1]").unwrap();
        publisher.shutdown(Shutdown::Write).unwrap();
        read_to_end(&mut publisher).starts_with("[5,null,\"overloaded\",")
    };
    assert!(is_refused());
    while is_refused() {}
    assert_eq!(read_to_end(&mut silent), "");
}

#[test]
fn idle_http_connection_is_evicted() {
    let server = start(|limits| limits.publishers_max = 1);
    let mut idle = http_publisher(&server);
    http_publisher(&server);
    assert!(
        read_to_end(&mut idle).ends_with('\n'),
        "the rest of the receipt"
    );
    assert_eq!(evictions(&server), 1);
}

/// Raw JSON and ZMTP have no answers, so the server accepts the events that are on the way.
#[test]
fn evicted_publishers_without_answers_lose_no_event() {
    let raw = |server: &TestServer| server.raw(server.publish);
    let object = b"{\"category\":\"last\"}";
    let message = [&b"\0\x13"[..], object].concat();
    type Connect = fn(&TestServer) -> TcpStream;
    let cases: [(Connect, &[u8]); 2] = [(raw, object), (zmtp_publisher, &message)];
    for (connect, message) in cases {
        let server = start(|limits| limits.publishers_max = 1);
        let mut browser = server.subscriber("last");
        let mut idle = connect(&server);
        idle.write_all(message).unwrap();
        browser.message();
        server.publisher().publish("t", "1");
        assert_eq!(read_to_end(&mut idle), "");
        idle.write_all(message).unwrap();
        browser.message();
        idle.shutdown(Shutdown::Write).unwrap();
        server.until("the connection has closed", |hub| {
            hub.stats().publishers == 0
        });
    }
}

/// Otherwise it would keep a reserved place, and 32 of them would block admin requests.
#[test]
fn evicted_publisher_that_never_pauses_is_cut_off() {
    let object = b"{\"category\":\"flood\"}";
    let message = [&b"\0\x14"[..], object].concat();
    for (beginning, message) in [(&b""[..], &object[..]), (ZMTP, &message)] {
        let server = start(|limits| limits.publishers_max = 1);
        let mut browser = server.subscriber("flood");
        let mut flood = server.raw(server.publish);
        flood.write_all(&[beginning, message].concat()).unwrap();
        browser.message();
        drop(browser);
        let mut busy = server.publisher();
        busy.send("[3,1,");
        server.until("both connections are accepted", |hub| {
            hub.stats().publishers == 2
        });
        server.until("one publisher is evicted", |hub| {
            hub.stats().publishers_gave_way == 1
        });
        let (messages, begun) = (message.repeat(5000), Instant::now());
        let flooding = thread::spawn(move || {
            while begun.elapsed() < 2 * WAIT && flood.write_all(&messages).is_ok() {}
        });
        server.until("the connection has closed", |hub| {
            hub.stats().publishers == 1
        });
        flooding.join().unwrap();
    }
}

#[test]
fn raw_json_is_evicted_last() {
    let server = start(|limits| limits.publishers_max = 2);
    let mut browser = server.subscriber("raw");
    let mut raw = server.raw(server.publish);
    raw.write_all(b"{\"category\":\"raw\"}").unwrap();
    browser.message();
    for _ in 0..3 {
        server.publisher().publish("t", "1");
        raw.write_all(b"{\"category\":\"raw\"}").unwrap();
        browser.message();
    }
}

/// Connects three publishers, each with an incomplete message.
fn three_busy(server: &TestServer) -> Vec<Publisher> {
    let mut busy: Vec<_> = (0..3).map(|_| server.publisher()).collect();
    for publisher in &mut busy {
        publisher.send("[3,1,");
    }
    server.until("all publishers are busy", |hub| {
        hub.stats().unfinished_len == 15
    });
    busy
}

#[test]
fn busy_is_reported_in_each_protocol() {
    let server = start_with_three_permits();
    let mut busy = three_busy(&server);
    let answer = |said: &[u8]| {
        let mut stream = server.raw(server.publish);
        stream.write_all(said).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_to_end(&mut stream)
    };
    let native = answer(b"[1,1][3,1,\"t\",1]");
    let refusal = "[5,null,\"overloaded\",\"busy: publishers-max (3) is reached";
    assert!(native.starts_with(refusal), "{native}");
    let http = answer(POST);
    assert!(http.starts_with("HTTP/1.1 503 "), "{http}");
    assert!(http.contains("\r\nretry-after: 1\r\n"), "{http}");
    assert!(http.contains("publishers-max (3)"), "{http}");
    assert!(!http.contains("\r\nkeep-alive:"), "{http}");
    let (watch, _) = get(&server, "/watch/t");
    assert!(watch.starts_with("http/1.1 503 "), "{watch}");
    assert_eq!(answer(b"{\"category\":\"t\"}"), "");
    assert_eq!(
        answer(ZMTP),
        "",
        "after an ERROR ZeroMQ would not reconnect"
    );
    assert_admin_is_answered(&server);
    let refused = server.hub.stats().publishers_refused;
    assert_eq!(refused.get(PublisherRefusal::Publishers), 3);

    busy[1].send("\"t\",1]");
    assert!(busy[1].line().starts_with("[4,1,"));
    server.publisher().publish("t", "1");
    assert_eq!(evictions(&server), 1);
}

#[test]
fn reserved_connection_gets_one_request() {
    let server = start_with_three_permits();
    let _busy = three_busy(&server);
    let mut stream = server.raw(server.publish);
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).unwrap();
    let answer = read_to_end(&mut stream);
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

/// Reserved connections have a second for their first byte. Until then others wait, and none is refused.
#[test]
fn connections_wait_if_reserve_is_full() {
    let server = start(|limits| limits.publishers_max = 1);
    let connections = 1 + Limits::PUBLISHERS_RESERVE;
    let _silent: Vec<_> = (0..connections)
        .map(|_| server.raw(server.publish))
        .collect();
    server.until("all connections are accepted", |hub| {
        hub.stats().publishers == connections as u64
    });
    assert_admin_is_answered(&server);
}

/// On a reserved connection both the request line and the rest of the head have a short timeout.
#[test]
fn slow_request_frees_its_reserved_place() {
    for beginning in ["GET /healthz", "GET /healthz HTTP/1.1\r\nHost: "] {
        let server = start(|limits| limits.publishers_max = 1);
        let mut publisher = server.publisher();
        publisher.publish("t", "1");
        let slow: Vec<_> = (0..Limits::PUBLISHERS_RESERVE)
            .map(|_| {
                let mut stream = server.raw(server.publish);
                stream.write_all(beginning.as_bytes()).unwrap();
                stream
            })
            .collect();
        let all = 1 + slow.len() as u64;
        server.until("all connections are accepted", |hub| {
            hub.stats().publishers == all
        });
        let begun = Instant::now();
        assert_admin_is_answered(&server);
        assert!(begun.elapsed() < Limits::default().unfinished_timeout / 2);
        publisher.publish("t", "1");
    }
}

#[test]
fn pause_of_raw_json_loses_no_event() {
    let server = start(|limits| limits.raw_idle_timeout = std::time::Duration::from_millis(50));
    let mut browser = server.subscriber("t");
    let mut raw = server.raw(server.publish);
    for _ in 0..2 {
        raw.write_all(b"{\"category\":\"t\"}").unwrap();
        browser.message();
        // A client that waits for the close gets it.
        assert_eq!(read_to_end(&mut raw), "");
    }
    drop(raw);
    server.until("the connection has closed", |hub| {
        hub.stats().publishers == 0
    });
}

/// Reads /proc/net/tcp: the active timer, and the time until it expires in hundredths of a second.
#[cfg(target_os = "linux")]
#[test]
fn publishers_have_tcp_keepalive() {
    const KEEPALIVE: &str = "02";
    let server = start(|_| ());
    let publisher = server.publisher();
    let (local, remote) = (server.publish.port(), publisher.0.local_addr().unwrap());
    let (local, remote) = (format!(":{local:04X}"), format!(":{:04X}", remote.port()));
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let socket = table.lines().map(|line| line.split_whitespace());
    let mut socket = socket.map(|columns| columns.collect::<Vec<_>>());
    let found =
        socket.find(|columns| columns[1].ends_with(&local) && columns[2].ends_with(&remote));
    let found = found.unwrap();
    let (timer, when) = found[5].split_once(':').unwrap();
    let seconds = u64::from_str_radix(when, 16).unwrap() / 100;
    let idle = Limits::PUBLISHER_KEEPALIVE_IDLE.as_secs();
    assert_eq!(timer, KEEPALIVE, "{found:?}");
    assert!(seconds <= idle, "{seconds}");
}
