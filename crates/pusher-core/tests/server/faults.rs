//! Peers that disconnect at any byte, and peers that send single bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::support::{TestServer, WAIT, start};

/// Returns the bytes of a whole session: handshake, PREFIX, SUBSCRIBE, a ping, a close frame.
fn session() -> Vec<u8> {
    let upgrade =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: wamp\r\n\r\n";
    [
        &upgrade[..],
        &frame(0x81, b"[1,\"p\",\"http://example.com/\"]"),
        &frame(0x81, b"[5,\"p:t\"]"),
        &frame(0x89, b"ping"),
        &frame(0x88, &[3, 232]),
    ]
    .concat()
}

/// Builds a client's frame, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// Closes the connection, with or without a reset.
fn disconnect(stream: TcpStream, with_reset: bool) {
    if with_reset {
        let linger = Some(Duration::ZERO);
        SockRef::from(&stream).set_linger(linger).unwrap();
    }
    drop(stream);
}

/// Waits until the server has freed all sessions except one.
fn wait_for_one_session(server: &TestServer) {
    server.until("one session is left", |hub| {
        (hub.session_count(), hub.topic_count()) == (1, 1)
    });
}

#[test]
fn browser_may_disconnect_after_any_sent_byte() {
    let server = start(|limits| limits.linger_timeout = Duration::from_millis(100));
    let mut staying = server.subscriber("stays");
    let session = session();
    for len in 0..=session.len() {
        for with_reset in [false, true] {
            let mut stream = server.raw(server.public);
            stream.write_all(&session[..len]).unwrap();
            disconnect(stream, with_reset);
        }
    }
    wait_for_one_session(&server);
    server.hub.publish("stays", "1").unwrap();
    assert_eq!(staying.message(), r#"[8,"stays",1]"#);
}

/// Makes the server's writes fail, or end short, at every position.
#[test]
fn browser_may_disconnect_after_any_received_byte() {
    let server = start(|limits| limits.linger_timeout = Duration::from_millis(100));
    let mut staying = server.subscriber("stays");
    let session = session();
    let mut whole = Vec::new();
    let mut stream = server.raw(server.public);
    stream.write_all(&session).unwrap();
    stream.read_to_end(&mut whole).unwrap();
    for len in 0..whole.len() {
        let mut stream = server.raw(server.public);
        stream.write_all(&session).unwrap();
        stream.read_exact(&mut vec![0; len]).unwrap();
        disconnect(stream, len % 2 == 0);
    }
    wait_for_one_session(&server);
    server.hub.publish("stays", "1").unwrap();
    assert_eq!(staying.message(), r#"[8,"stays",1]"#);
}

/// A small send buffer makes the kernel accept only some bytes of most writes, at changing positions.
#[test]
fn short_writes_keep_events_whole() {
    let server = start(|limits| limits.outbox_len_max = 64 * 1024 * 1024);
    let payload = |n: usize| format!("\"{n}{}\"", "x".repeat(n * 7919 % 40_000));
    // A buffer below one loopback segment would make the kernel back off and wait.
    for receive_buffer in [100_000, 200_000, 500_000] {
        let mut browser = server.subscriber("t");
        let socket = SockRef::from(browser.socket.get_ref());
        socket.set_recv_buffer_size(receive_buffer).unwrap();
        let mut published = 0;
        while server.hub.stats().outboxes == 0 || published % 100 != 0 {
            server.hub.publish("t", &payload(published)).unwrap();
            published += 1;
            assert!(published < 10_000, "no write was cut short");
        }
        for n in 0..published {
            assert_eq!(browser.message(), format!("[8,\"t\",{}]", payload(n)));
        }
        server.until("the outboxes are empty", |hub| hub.stats().outboxes == 0);
    }
}

/// Sends single bytes until the server closes.
fn dribble(address: SocketAddr, beginning: &[u8], byte: u8) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    stream.write_all(beginning).unwrap();
    let began = Instant::now();
    let mut answers = [0; 1024];
    loop {
        assert!(
            began.elapsed() < WAIT,
            "{beginning:?} is waited for without end"
        );
        let has_ended = match stream.read(&mut answers) {
            Ok(len) => len == 0,
            Err(error) => !matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock
                    | std::io::ErrorKind::TimedOut
                    | std::io::ErrorKind::Interrupted
            ),
        };
        if has_ended || stream.write_all(&[byte]).is_err() {
            return;
        }
    }
}

/// The timeout counts from the first byte of a message, so single bytes do not extend it.
#[test]
fn slow_message_times_out_from_its_first_byte() {
    let server = start(|limits| {
        limits.handshake_timeout = Duration::from_millis(300);
        limits.unfinished_timeout = Duration::from_millis(300);
        limits.first_byte_timeout = Duration::from_millis(300);
    });
    let mut staying = server.subscriber("stays");
    dribble(server.public, b"GET /", b'x');
    let greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL";
    let http = b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nX: ";
    let body = b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 1000000\r\n\r\n\"";
    for (beginning, byte) in [
        (&b"{\"category\":\"t\",\"x\":\""[..], b'x'),
        (b"[1,1][3,1,\"t\",\"", b'x'),
        (greeting, 0),
        (http, b'x'),
        (body, b'x'),
    ] {
        dribble(server.publish, beginning, byte);
    }
    server.hub.publish("stays", "1").unwrap();
    assert_eq!(staying.message(), r#"[8,"stays",1]"#);
}
