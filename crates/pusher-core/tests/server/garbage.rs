//! Mutated input on both listeners, in each protocol. It must not disturb other clients.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use crate::support::{Browser, Publisher, TestServer, start};

const GREETING: &[u8; 64] =
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Pseudo-random numbers (xorshift), the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, max: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % max as u64) as usize
    }

    /// Changes a few bytes: replaces, removes or doubles one, or cuts the rest. The first `kept` bytes stay.
    fn mutate(&mut self, original: &[u8], kept: usize) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for _ in 0..=self.below(4) {
            if bytes.len() <= kept {
                break;
            }
            let position = kept + self.below(bytes.len() - kept);
            match self.below(8) {
                0 => bytes.truncate(position),
                1 => drop(bytes.remove(position)),
                2 => bytes.insert(position, bytes[position]),
                _ => bytes[position] = self.below(256) as u8,
            }
        }
        bytes
    }
}

/// A subscriber and a publisher that the garbage must not disturb.
struct Control {
    browser: Browser,
    publisher: Publisher,
    published: u64,
}

impl Control {
    fn new(server: &TestServer) -> Self {
        Self {
            browser: server.subscriber("control"),
            publisher: server.publisher(),
            published: 0,
        }
    }

    fn check(&mut self) {
        self.published += 1;
        let event = self.published.to_string();
        let (_, subscribers) = self.publisher.publish("control", &event);
        assert_eq!(subscribers, 1);
        assert_eq!(self.browser.message(), format!("[8,\"control\",{event}]"));
    }
}

/// Sends the bytes and waits until the server closes.
fn send(server: &TestServer, bytes: &[u8]) {
    send_to(server, server.publish, bytes);
}

fn send_to(server: &TestServer, address: SocketAddr, bytes: &[u8]) {
    let mut stream = server.raw(address);
    // The server may close before it has read everything.
    let _sent = stream.write_all(bytes);
    let _closed = stream.shutdown(Shutdown::Write);
    let _answers = stream.read_to_end(&mut Vec::new());
}

/// Sends mutations to the publish listener. Keeps the first byte, which selects the protocol.
fn disturb(originals: &[&[u8]]) {
    disturb_by(originals, |server, numbers, original| {
        send(server, &numbers.mutate(original, 1));
    });
}

fn disturb_by(originals: &[&[u8]], send: impl Fn(&TestServer, &mut Numbers, &[u8])) {
    let server = start(|limits| limits.linger_timeout = Duration::from_millis(100));
    let mut control = Control::new(&server);
    let mut numbers = Numbers(0x5eed_0000_0000_0001);
    for round in 0..1000 {
        let original = originals[round % originals.len()];
        send(&server, &mut numbers, original);
        if round % 20 == 0 {
            control.check();
        }
    }
    control.check();
}

#[test]
fn garbage_raw_json() {
    disturb(&[
        b"{\"category\":\"t\",\"a\":[1,2.0,{}],\"b\":\"\\u65b0\\\"\"}",
        "\u{feff}{\"category\":7}\n{\"category\":\"猫\"}\0".as_bytes(),
        b" {\"category\":\"t\",\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
    ]);
}

#[test]
fn native() {
    disturb(&[
        b"[1,1][3,1,\"t\",{\"a\":[]}][3,2,\"t\",1]",
        b"[1,1,{\"token\":\"x\"}]\n[3,18446744073709551615,7,null,{\"id\":\"x\"}]\n",
        b"[1,1][99,[]][3,1,\"\",1][3,2,\"t\",\"\\ud83d\\udc08\"]",
    ]);
}

#[test]
fn zeromq() {
    let version_3 = [
        &GREETING[..],
        b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH",
        b"\0\x10{\"category\":\"t\"}\x01\x01t\0\x0212\x04\x0a\x04PING\0\0abc\x02\0\0\0\0\0\0\0\x01x",
    ]
    .concat();
    let version_2 =
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0\x01\x01t\0\x0212\0\x10{\"category\":\"t\"}";
    disturb(&[&version_3, version_2, &version_3[64..], &version_3[..90]]);
}

#[test]
fn http() {
    disturb(&[
        b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
          Content-Length: 2\r\n\r\n12GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /publish/%E7%8C%AB HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n\
          Idempotency-Key: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
    ]);
}

const UPGRADE: &[u8] = b"GET /chat?x=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: foo, wamp\r\n\r\n";

/// Builds a client's frame, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0xfe];
    frame.extend((payload.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[test]
fn handshakes() {
    let early = [UPGRADE, &frame(0x81, b"[5,\"t\"]")].concat();
    let script = b"GET /pusher.js HTTP/1.1\r\nHost: localhost\r\nCookie: a=b; c=d\r\n\r\n";
    let originals = [UPGRADE, &early, script, b"GET / HTTP/1.1\r\n\r\n"];
    disturb_by(&originals, |server, numbers, original| {
        send_to(server, server.public, &numbers.mutate(original, 0));
    });
}

#[test]
fn frames() {
    let fragments = [
        frame(0x01, b"[5,"),
        frame(0x89, b"ping"),
        frame(0x00, b"\"\xe7"),
        frame(0x80, b"\x8c\xab\"]"),
    ]
    .concat();
    let closing = [frame(0x81, b"[6,\"t\"]"), frame(0x88, b"\x03\xe8bye")].concat();
    let long = [&[0x82, 0xff][..], &[0; 7], b"\x03\0\0\0\0[2]"].concat();
    disturb_by(
        &[&fragments, &closing, &long],
        |server, numbers, original| {
            let frames = numbers.mutate(original, 0);
            send_to(server, server.public, &[UPGRADE, &frames].concat());
        },
    );
}

#[test]
fn wamp() {
    let messages: [&[u8]; 6] = [
        b"[1,\"p\",\"http://example.com/#\"]",
        b"[5,\"p:\xe7\x8c\xab\"]",
        b"[6,18446744073709551615]",
        b"[2,\"7DK6TdN4wLiUJgNM\",\"p:add\",[1,{\"a\":null}],-1.5e300]",
        b"[7,\"t\",{\"a\":\"\\ud83d\\udc08\"},true]",
        b"[7,\"t\",[[[[[[]]]]]],[\"0123456789abcdef0123456789abcdef\"],[]]",
    ];
    disturb_by(&messages, |server, numbers, original| {
        let message = frame(0x81, &numbers.mutate(original, 0));
        send_to(server, server.public, &[UPGRADE, &message].concat());
    });
}

#[test]
fn garbage_of_no_protocol() {
    let server = start(|_| {});
    let mut control = Control::new(&server);
    for first in 0..=255 {
        let mut numbers = Numbers(0x5eed + u64::from(first));
        let mut bytes = vec![first];
        bytes.extend((0..100).map(|_| numbers.below(256) as u8));
        send(&server, &bytes);
    }
    control.check();
}

/// Input that would exceed memory or the stack is refused before it has arrived.
#[test]
fn oversized_input_is_refused() {
    let server = start(|limits| limits.linger_timeout = Duration::from_millis(100));
    let mut control = Control::new(&server);
    let huge = vec![b'['; 4 << 20];
    let raw = [&b"{\"category\":\"t\",\"x\":"[..], &huge].concat();
    let native = [&b"[1,1][3,1,\"t\","[..], &huge].concat();
    let head = b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let nested = [
        &head[..],
        b"Content-Length: 1048576\r\n\r\n",
        &huge[..1 << 20],
    ]
    .concat();
    let claimed = [&head[..], b"Content-Length: 99999999999999999999\r\n\r\n"].concat();
    let endless_head = [&head[..], b"X: ", &huge].concat();
    let many_headers = [&head[..], &b"X: y\r\n".repeat(100_000)].concat();
    let ready = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";
    let zeromq = [
        GREETING,
        &ready[..],
        b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff",
        &huge,
    ]
    .concat();
    let parts = [GREETING, &ready[..], &b"\x01\0".repeat(2 << 20)].concat();
    for bytes in [
        raw,
        native,
        nested,
        claimed,
        endless_head,
        many_headers,
        zeromq,
        parts,
    ] {
        send(&server, &bytes);
        control.check();
    }
}
