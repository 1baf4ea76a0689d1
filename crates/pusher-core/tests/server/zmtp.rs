//! A ZeroMQ PUSH socket on the publish listener, byte by byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::{TestServer, start};

/// Long enough for a handshake on a busy machine.
const A_WHILE: Duration = Duration::from_millis(500);

/// The greeting of both sides: ZMTP 3.1 with the mechanism NULL.
const GREETING: &[u8; 64] =
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const READY_PUSH: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";
const READY_PULL: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL";

/// A PUSH socket.
pub(crate) struct Push(TcpStream);

impl Push {
    /// Sends ten bytes, and the rest after the server's signature, as libzmq does.
    pub(crate) fn connect(server: &TestServer) -> Self {
        let mut push = Self(server.raw(server.publish));
        push.send(&GREETING[..10]);
        assert_eq!(push.receive(11), GREETING[..11]);
        push.send(&GREETING[10..]);
        assert_eq!(push.receive(53), GREETING[11..]);
        push.send(READY_PUSH);
        assert_eq!(push.receive(READY_PULL.len()), READY_PULL);
        push
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn receive(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads until the server closes.
    fn until_closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

/// Encodes the frames of a message.
pub(crate) fn frames(parts: &[&str]) -> Vec<u8> {
    let mut frames = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let more = u8::from(index + 1 < parts.len());
        match u8::try_from(part.len()) {
            Ok(len) => frames.extend([more, len]),
            Err(_) => {
                frames.push(more | 2);
                frames.extend((part.len() as u64).to_be_bytes());
            }
        }
        frames.extend_from_slice(part.as_bytes());
    }
    frames
}

fn error(reason: &str) -> Vec<u8> {
    let (body_len, len) = (reason.len() as u8 + 7, reason.len() as u8);
    [&[4, body_len][..], b"\x05ERROR", &[len], reason.as_bytes()].concat()
}

#[test]
fn one_and_two_part_messages_keep_order() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut push = Push::connect(&server);
    let long = format!("\"{}\"", "猫".repeat(40_000));
    let mut sent = Vec::new();
    for parts in [
        &["{\"category\":\"t\",\"o\":{}}"][..],
        &["t", "1.0"],
        &["t", &long],
        &["\u{feff}{\"category\":\"t\"}\n\0"],
        &["t", " [ ] \0"],
    ] {
        sent.extend(frames(parts));
    }
    for chunk in sent.chunks(7_001) {
        push.send(chunk);
    }
    for event in [
        "{\"category\":\"t\",\"o\":{}}",
        "1.0",
        &long,
        "{\"category\":\"t\"}",
        "[ ]",
    ] {
        assert_eq!(browser.message(), format!("[8,\"t\",{event}]"));
    }
}

/// A script sends everything without waiting, and closes when it exits.
#[test]
fn script_may_send_and_close_at_once() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut publisher = server.raw(server.publish);
    let all = [
        GREETING,
        READY_PUSH,
        &frames(&["t", "1"]),
        &frames(&["t", "2"]),
    ]
    .concat();
    publisher.write_all(&all).unwrap();
    drop(publisher);
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
    assert_eq!(browser.message(), r#"[8,"t",2]"#);
}

/// The server publishes all messages before the disconnect, although it cannot answer the heartbeats between them.
#[test]
fn messages_before_disconnect_are_published() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut push = Push::connect(&server);
    let event = format!("\"{}\"", "x".repeat(1_000));
    let with_heartbeat = [b"\x04\x07\x04PING\0\0", &frames(&["t", &event])[..]].concat();
    push.send(&with_heartbeat.repeat(60));
    drop(push);
    for _ in 0..60 {
        assert_eq!(browser.message().len(), event.len() + 8);
    }
}

#[test]
fn zmtp_2_peer_can_publish() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut push = Push(server.raw(server.publish));
    push.send(&GREETING[..10]);
    assert_eq!(push.receive(11), GREETING[..11]);
    push.send(b"\x01\x08\0\x03who");
    assert_eq!(push.receive(3), b"\x07\0\0", "PULL, no identity");
    push.send(&frames(&["t", "1"]));
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
}

#[test]
fn heartbeat_ttl_closes_silent_peer() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut push = Push::connect(&server);
    push.send(b"\x04\x0a\x04PING\0\0abc");
    assert_eq!(push.receive(10), b"\x04\x08\x04PONGabc");
    push.send(&frames(&["t", "1"]));
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
    // A time to live of a tenth of a second, and then silence.
    push.send(b"\x04\x07\x04PING\0\x01");
    assert_eq!(push.until_closed(), b"\x04\x05\x04PONG");
}

#[test]
fn malformed_message_is_dropped_alone() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut push = Push::connect(&server);
    for parts in [
        &["{}"][..],
        &[""],
        &["{\"category\":\"t\"}{\"category\":\"t\"}"],
        &["t", "tru"],
        &["t", ""],
        &["", "1"],
        &[&"t".repeat(1025), "1"],
        &["t", "1", "2"],
    ] {
        push.send(&frames(parts));
    }
    push.send(b"\x01\x01t\0\x01\xff");
    push.send(&frames(&["t", "7"]));
    assert_eq!(browser.message(), r#"[8,"t",7]"#);
}

#[test]
fn protocol_errors_are_reported_and_isolated() {
    let server = start(|limits| limits.publish_len_max = 100);
    let mut browser = server.subscriber("t");
    let ready = |len: usize| frames(&["t", &"1".repeat(len)]);
    let subscriber = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB".to_vec();
    for (after_greeting, told) in [
        (
            subscriber,
            "only PUSH sockets can publish, the peer's is SUB",
        ),
        (
            b"\0\x01x".to_vec(),
            "a malformed command, or one out of turn",
        ),
        (
            [READY_PUSH, b"\x80\0"].concat(),
            "a frame has the wrong flags 0x80",
        ),
        (
            [READY_PUSH, &ready(99)].concat(),
            "the message is 101 bytes long, at most 100 are allowed",
        ),
        (
            [READY_PUSH, b"\x02\xff\xff\xff\xff\xff\xff\xff\xff"].concat(),
            "the message is 18446744073709551615 bytes long, at most 100 are allowed",
        ),
    ] {
        let mut push = Push(server.raw(server.publish));
        push.send(&[&GREETING[..], &after_greeting].concat());
        let answer = push.until_closed();
        assert!(answer.starts_with(GREETING), "{}", answer.escape_ascii());
        assert!(answer.ends_with(&error(told)), "{}", answer.escape_ascii());
    }
    for garbage in [
        &b"\xff"[..],
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\0",
        b"\xff\0\0\0\0\0\0\0\0\x01\0",
    ] {
        let mut push = Push(server.raw(server.publish));
        push.send(garbage);
        push.0.shutdown(Shutdown::Write).unwrap();
        push.until_closed();
    }
    let mut push = Push::connect(&server);
    push.send(&ready(98));
    assert_eq!(browser.message().len(), 98 + "[8,\"t\",]".len());
    push.send(&frames(&["t", "1"]));
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
}

#[test]
fn incomplete_input_times_out_but_idle_socket_does_not() {
    let server = start(|limits| {
        limits.unfinished_timeout = A_WHILE;
        limits.raw_idle_timeout = A_WHILE;
    });
    let mut browser = server.subscriber("t");
    let mut idle = Push::connect(&server);
    let mut half = Push(server.raw(server.publish));
    half.send(&GREETING[..10]);
    assert_eq!(half.until_closed(), GREETING[..11]);
    let mut half = Push::connect(&server);
    half.send(b"\x01\x01t");
    assert_eq!(half.until_closed(), b"");
    idle.send(&frames(&["t", "1"]));
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
}
