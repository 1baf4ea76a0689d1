//! The subprotocol pushd.1: WAMP v1 with KEEPALIVE, because scripts in pages cannot see pings.

use std::io::{Read, Write};
use std::time::Duration;

use pusher_core::Limits;
use pusher_proto::wamp::{ping_frame, text_frame};

use crate::support::{NEVER, TestServer, on_any_ports, start, start_server};

const SOON: Duration = Duration::from_millis(50);

/// A client that compares bytes.
struct Client {
    stream: std::net::TcpStream,
    head: String,
    session_id: String,
}

impl Client {
    /// Reads the answer and WELCOME, and nothing after that.
    fn connect(server: &TestServer, subprotocols: &str) -> Self {
        let mut client = Self {
            stream: server.raw(server.public),
            head: String::new(),
            session_id: String::new(),
        };
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocols}\r\n"
        );
        client.stream.write_all(request.as_bytes()).unwrap();
        while !client.head.ends_with("\r\n\r\n") {
            let byte = client.read(1);
            client.head.push(char::from(byte[0]));
        }
        if client.head.starts_with("HTTP/1.1 101 ") {
            let welcome = client.message();
            client.session_id = welcome.split('"').nth(1).unwrap().to_owned();
        }
        client
    }

    fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Returns the first byte and the payload of the next frame other than a ping. It must be short.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            let header = self.read(2);
            if header != ping_frame() {
                return (header[0], self.read(header[1].into()));
            }
        }
    }

    fn message(&mut self) -> String {
        let (first, text) = self.frame();
        assert_eq!(first, 0x81, "a text frame");
        String::from_utf8(text).unwrap()
    }

    fn send(&mut self, text: &str) {
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).unwrap();
    }

    /// Returns the code and the reason of the close frame, which must come next.
    fn closed(&mut self) -> (u16, String) {
        let (first, payload) = self.frame();
        assert_eq!(first, 0x88, "a close frame");
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        (code, String::from_utf8(payload[2..].to_vec()).unwrap())
    }
}

fn pinged_soon(limits: &mut Limits) {
    limits.ping_interval = SOON;
    limits.pong_timeout = Duration::from_secs(60);
}

/// The server's bytes, exactly as before `pushd.1` existed.
#[test]
fn wamp_client_gets_no_keepalive() {
    let server = start(pinged_soon);
    let mut client = Client::connect(&server, "Sec-WebSocket-Protocol: wamp\r\n");
    assert_eq!(
        client.head,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: wamp\r\n\r\n"
    );
    // A ping without KEEPALIVE.
    assert_eq!(client.read(2), ping_frame());
    client.send("[5,\"t\"]");
    server.until("it is subscribed", |hub| hub.subscriber_count("t") == 1);
    server.hub.publish("t", "1").unwrap();
    assert_eq!(client.message(), "[8,\"t\",1]");
    client.send("[12]");
    let (code, reason) = client.closed();
    assert_eq!(code, 1007);
    assert!(
        reason.starts_with("a client can't send messages of type 12"),
        "{reason}"
    );
}

#[test]
fn first_supported_subprotocol_is_chosen() {
    let server = start(|_| {});
    for (offered, chosen) in [
        ("Sec-WebSocket-Protocol: wamp\r\n", Some("wamp")),
        ("Sec-WebSocket-Protocol: pushd.1\r\n", Some("pushd.1")),
        ("Sec-WebSocket-Protocol: pushd.1, wamp\r\n", Some("pushd.1")),
        ("Sec-WebSocket-Protocol: wamp, pushd.1\r\n", Some("wamp")),
        (
            "Sec-WebSocket-Protocol: x,PUSHD.1 ,\twamp\r\n",
            Some("wamp"),
        ),
        (
            "Sec-WebSocket-Protocol: pushd.2\r\nSec-WebSocket-Protocol: pushd.1\r\n",
            Some("pushd.1"),
        ),
        ("Sec-WebSocket-Protocol: pushd.10, pushd\r\n", None),
        ("Sec-WebSocket-Protocol: WAMP\r\n", None),
        ("", None),
    ] {
        let client = Client::connect(&server, offered);
        let answered = client
            .head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        match chosen {
            Some(chosen) => assert_eq!(answered, Some(chosen), "{offered}"),
            None => assert!(client.head.starts_with("HTTP/1.1 426 "), "{offered}"),
        }
    }
}

#[test]
fn keepalive_follows_welcome_ping_and_request() {
    let server = start(pinged_soon);
    let mut client = Client::connect(&server, "Sec-WebSocket-Protocol: pushd.1, wamp\r\n");
    let keepalive = text_frame("[12,50,1000]");
    assert_eq!(client.read(keepalive.len()), keepalive);
    let with_ping = [ping_frame(), &keepalive].concat();
    for _ in 0..3 {
        assert_eq!(client.read(with_ping.len()), with_ping);
        // The pong, so that the server sends the next ping.
        client.stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).unwrap();
    }
}

#[test]
fn keepalive_request_is_answered_in_order() {
    let mut options = on_any_ports();
    options.live.limits.ping_interval = NEVER;
    let server = start_server(options.clone(), pusher_core::Recipe::default());
    let mut client = Client::connect(&server, "Sec-WebSocket-Protocol: pushd.1\r\n");
    assert_eq!(client.message(), "[12,3600000,1000]");
    client.send("[5,\"t\"]");
    client.send("[12]");
    assert!(client.message().starts_with("[9,\"t\","));
    assert_eq!(client.message(), "[12,3600000,1000]");
    server.hub.publish("t", "1").unwrap();
    assert_eq!(client.message(), "[8,\"t\",1,1]");
    options.live.limits.ping_interval = Duration::from_millis(1_234_567);
    server.control.reload(options.live).unwrap();
    client.send("[12,\"from a later version\"]");
    assert_eq!(client.message(), "[12,1234567,1000]");
}

#[test]
fn keepalive_requests_are_rate_limited() {
    let server = start(|limits| {
        limits.client_messages_burst = 10;
        limits.client_messages_per_second = 1;
    });
    let mut client = Client::connect(&server, "Sec-WebSocket-Protocol: pushd.1\r\n");
    assert_eq!(client.message(), "[12,25000,1000]");
    let question = [&[0x81, 0x84, 0, 0, 0, 0][..], b"[12]"].concat();
    client.stream.write_all(&question.repeat(100)).unwrap();
    let mut answers = 0;
    let mut next = [0];
    loop {
        client.stream.peek(&mut next).unwrap();
        if next != [0x81] {
            break;
        }
        assert_eq!(client.message(), "[12,25000,1000]");
        answers += 1;
    }
    // More than 10 only if the machine was stalled for a second.
    assert!((10..50).contains(&answers), "{answers}");
    let (code, reason) = client.closed();
    assert_eq!(code, 1008);
    assert_eq!(reason, "more than 1 messages a second");
}
