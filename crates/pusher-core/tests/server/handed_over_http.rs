//! A server that is handed over to another one, with the HTTP requests of its publishers.

use std::io::{Read, Write};
use std::net::TcpStream;

use pusher_core::{Limits, Recipe};

use crate::support::{TestServer, connect, on_any_ports, start};

fn hand_over(server: TestServer) -> TestServer {
    server.hand_over(on_any_ports(), Recipe::default())
}

/// Waits until the server has read the first bytes of all publishers.
fn wait_for_publishers(server: &TestServer, count: u64) {
    server.until("they are there", |hub| hub.stats().publishers == count);
}

fn request(body: &str) -> String {
    let len = body.len();
    format!(
        "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

/// Returns the body of the next answer, of which each has a line.
fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut byte = [0];
    while !(answer.contains("\r\n\r\n") && answer.ends_with("}\n")) {
        stream.read_exact(&mut byte).unwrap();
        answer.push(char::from(byte[0]));
    }
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

#[test]
fn http_publishers_continue_between_requests_and_in_heads() {
    let whole = request("1");
    let head_len = whole.find("\r\n\r\n").unwrap() + 3;
    let server = start(|_| {});
    let mut streams: Vec<_> = [0, 1, 20, 40, head_len]
        .into_iter()
        .map(|cut| {
            let mut stream = connect(server.publish);
            let bytes = [&request("0"), &whole[..cut]].concat();
            stream.write_all(bytes.as_bytes()).unwrap();
            answer(&mut stream);
            (cut, stream)
        })
        .collect();
    // The first request line is not complete.
    for cut in [1, 10] {
        let mut stream = connect(server.publish);
        stream.write_all(&whole.as_bytes()[..cut]).unwrap();
        streams.push((cut, stream));
    }
    wait_for_publishers(&server, streams.len() as u64);
    let server = server.hand_over_twice();
    for (cut, stream) in &mut streams {
        stream.write_all(&whole.as_bytes()[*cut..]).unwrap();
        answer(stream);
    }
    assert_eq!(server.hub.position().sequence, 5 + 7);
}

#[test]
fn a_body_that_arrives_meanwhile_is_answered_once() {
    let server = start(|_| {});
    let whole = request(&format!("\"{}\"", "x".repeat(60_000)));
    let mut stream = connect(server.publish);
    let (first, second) = whole.split_at(30_000);
    stream.write_all(first.as_bytes()).unwrap();
    wait_for_publishers(&server, 1);
    let mut sender = stream.try_clone().unwrap();
    let second = second.to_owned();
    let sending = std::thread::spawn(move || sender.write_all(second.as_bytes()).unwrap());
    let server = hand_over(server);
    sending.join().unwrap();
    answer(&mut stream);
    stream.write_all(request("2").as_bytes()).unwrap();
    answer(&mut stream);
    assert_eq!(server.hub.position().sequence, 2);
}

const HEAD: &str =
    "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

#[test]
fn http_publishers_continue_at_any_byte_of_a_request() {
    let in_chunks = format!(
        "{HEAD}Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n\"\r\n05\r\n0\\r\\n\r\n1\r\n\"\r\n0\r\nA: b\r\n\r\n"
    );
    let server = start(|_| {});
    let mut streams = Vec::new();
    for whole in [request("\"0123456789\""), in_chunks] {
        // The first two requests are answered, so the server has read the bytes behind them.
        let first = [request("0"), whole.clone()].concat();
        for cut in 1..whole.len() {
            let mut stream = connect(server.publish);
            let bytes = [first.as_bytes(), &whole.as_bytes()[..cut]].concat();
            stream.write_all(&bytes).unwrap();
            answer(&mut stream);
            answer(&mut stream);
            streams.push((stream, whole.clone().split_off(cut)));
        }
    }
    let events = streams.len() as u64 * 2;
    assert_eq!(server.hub.position().sequence, events);
    let mut browser = server.subscriber("t");
    let server = server.hand_over_twice();
    for (stream, rest) in &mut streams {
        stream
            .write_all([rest, "\r\n", &request("1")].concat().as_bytes())
            .unwrap();
        answer(stream);
        answer(stream);
        assert!(browser.message().starts_with("[8,\"t\",\"0"), "{rest:?}");
        assert_eq!(browser.message(), r#"[8,"t",1]"#);
    }
    assert_eq!(server.hub.position().sequence, events * 2);
}

/// Publishes a body of which the first half arrives before the hand-over. Returns the server and the answer.
fn publish_in_halves(server: TestServer, stream: &mut TcpStream, head: &str) -> TestServer {
    let body = format!("\"{}\"", "x".repeat(500_000));
    let (first, second) = body.split_at(250_000);
    write!(
        stream,
        "{head}Content-Length: {}\r\n\r\n{first}",
        body.len()
    )
    .unwrap();
    server.until("the first half has arrived", |hub| {
        hub.stats().unfinished_len == 250_000
    });
    let server = hand_over(server);
    stream.write_all(second.as_bytes()).unwrap();
    answer(stream);
    assert_eq!(server.hub.position().sequence, 1);
    server.until("the body is released", |hub| {
        hub.stats().unfinished_len == 0
    });
    server
}

#[test]
fn a_slow_body_continues() {
    let server = start(|_| {});
    let mut stream = connect(server.publish);
    let server = publish_in_halves(server, &mut stream, HEAD);
    // The connection has not lost its place.
    stream.write_all(request("2").as_bytes()).unwrap();
    answer(&mut stream);
    let _server = hand_over(server);
    stream.write_all(request("3").as_bytes()).unwrap();
    answer(&mut stream);
}

#[test]
fn a_client_is_told_once_to_send_its_body() {
    let expecting = format!("{HEAD}expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    let told = b"HTTP/1.1 100 Continue\r\n\r\n";
    let server = start(|_| {});
    // One has got the line, and one has not yet sent all of its head.
    let [mut first, mut second] = [(); 2].map(|()| connect(server.publish));
    let mut line = [0; 25];
    first.write_all(expecting.as_bytes()).unwrap();
    first.read_exact(&mut line).unwrap();
    assert_eq!(&line, told);
    let (begin, end) = expecting.split_at(expecting.len() - 1);
    second.write_all(begin.as_bytes()).unwrap();
    wait_for_publishers(&server, 2);
    let server = hand_over(server);
    first.write_all(b"123").unwrap();
    answer(&mut first);
    second.write_all(end.as_bytes()).unwrap();
    second.read_exact(&mut line).unwrap();
    assert_eq!(&line, told);
    second.write_all(b"456").unwrap();
    answer(&mut second);
    assert_eq!(server.hub.position().sequence, 2);
}

/// The server has no room to keep a request. Then the connection is handed over after it.
#[test]
fn a_request_that_is_not_kept_is_answered_before_its_connection_moves() {
    let server = start(|limits: &mut Limits| limits.unfinished_len_max = 250_100);
    let mut stream = connect(server.publish);
    let body = format!("\"{}\"", "x".repeat(250_050));
    let (first, second) = body.split_at(250_000);
    let len = body.len();
    write!(stream, "{HEAD}Content-Length: {len}\r\n\r\n{first}").unwrap();
    server.until("the first part has arrived", |hub| {
        hub.stats().unfinished_len == 250_000
    });
    stream.write_all(second.as_bytes()).unwrap();
    let server = hand_over(server);
    answer(&mut stream);
    stream.write_all(request("2").as_bytes()).unwrap();
    answer(&mut stream);
    assert_eq!(server.hub.position().sequence, 2);
}
