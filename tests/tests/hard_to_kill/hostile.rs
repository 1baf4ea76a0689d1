//! Hostile peers: input that is too long, too deep or too much, and headers that announce more than follows.

use std::thread;

use system_tests::daemon::Daemon;
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;
use system_tests::wire::{Wire, first, masked, text};

use crate::siege::{besiege, besiege_with};

const MIB: usize = 1024 * 1024;

const ZMTP: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";

/// First bytes of ZMTP frames.
const ZMTP_LONG: u8 = 2;
const ZMTP_LONG_MORE: u8 = 3;
const ZMTP_LONG_COMMAND: u8 = 6;

fn zmtp_frame(flags: u8, claimed: u64, body: &[u8]) -> Vec<u8> {
    [&[flags][..], &claimed.to_be_bytes(), body].concat()
}

fn http(path: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    let head = "HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    format!("POST /publish/{path} {head}\r\nContent-Length: {len}\r\n\r\n{body}").into_bytes()
}

/// Sends this to the publish listener, and checks that the daemon closes. Returns its output.
fn refused_publisher(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.try_send(bytes);
    publisher.end_of_file();
    publisher.until_closed()
}

/// Sends this to the public listener, and checks that the daemon closes with this code.
#[track_caller]
fn refused_browser(daemon: &Daemon, bytes: &[u8], code: u16) {
    let mut browser = Wire::open(daemon.web);
    browser.send(bytes);
    let Some(frame) = browser.next_frame() else {
        panic!("dropped without a close frame");
    };
    assert_eq!(frame.close_code(), code, "{frame:?}");
}

#[test]
fn topics_of_10_mb() {
    let long = "t".repeat(10 * MIB);
    besiege(30, |daemon| {
        for _ in 0..3 {
            refused_browser(daemon, &text(&format!("[5,\"{long}\"]")), 1009);
            refused_browser(daemon, &text(&format!("[1,\"p\",\"{long}\"]")), 1009);
            let native = format!("[1,1][3,1,\"{long}\",1]");
            let answers = refused_publisher(daemon, native.as_bytes());
            assert!(answers.contains("\"too_large\""), "{answers}");
            let raw = format!("{{\"category\":\"{long}\"}}");
            refused_publisher(daemon, raw.as_bytes());
            daemon.wait_for_log("dropping a publisher of raw JSON");
            let answers = refused_publisher(daemon, &http(&long, "1"));
            assert!(answers.starts_with("HTTP/1.1 4"), "{answers}");
            let part = zmtp_frame(ZMTP_LONG_MORE, long.len() as u64, long.as_bytes());
            refused_publisher(daemon, &[ZMTP, &part].concat());
            daemon.wait_for_log("dropping a ZeroMQ publisher");
        }
    });
}

#[test]
fn json_nested_a_million_deep() {
    let deep = "[".repeat(1_000_000);
    let closed = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    besiege(30, |daemon| {
        for event in [&deep, &closed] {
            let longest = &event[..60_000];
            refused_browser(daemon, &text(longest), 1007);
            refused_browser(daemon, &text(&format!("[7,\"t\",{longest}")), 1007);
            refused_browser(daemon, &text(event), 1009);
            let native = format!("[1,1][3,1,\"t\",{event}]");
            let answers = refused_publisher(daemon, native.as_bytes());
            assert!(answers.contains("\"too_large\""), "{answers}");
            let raw = format!("{{\"category\":\"t\",\"x\":{event}}}");
            refused_publisher(daemon, raw.as_bytes());
            let answers = refused_publisher(daemon, &http("t", event));
            assert!(answers.starts_with("HTTP/1.1 400 "), "{answers}");
            let part = zmtp_frame(ZMTP_LONG, event.len() as u64, event.as_bytes());
            refused_publisher(daemon, &[ZMTP, &part].concat());
        }
    });
}

/// Ten bytes can announce any length. The daemon must not reserve memory for bytes that have not arrived.
#[test]
fn headers_that_announce_too_much() {
    let claims = [1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX];
    besiege(30, |daemon| {
        for claimed in claims {
            for opcode in [first::TEXT, first::BINARY, 0x01, 0x02] {
                let header = [&[opcode, 0xff][..], &claimed.to_be_bytes(), &[0; 4]].concat();
                let mut browser = Wire::open(daemon.web);
                browser.send(&header);
                let close = browser.frame().close_code();
                assert!([1002, 1009].contains(&close), "{claimed:x}: {close}");
            }
            for flags in [ZMTP_LONG, ZMTP_LONG_MORE, ZMTP_LONG_COMMAND] {
                refused_publisher(daemon, &[ZMTP, &zmtp_frame(flags, claimed, b"x")].concat());
            }
        }
    });
}

/// Many clients announce the largest allowed length and then send nothing more.
#[test]
fn many_headers_that_announce_the_largest_length() {
    besiege(20, |daemon| {
        let frame = [&[first::TEXT, 0xff][..], &65_536_u64.to_be_bytes(), &[0; 4]].concat();
        let mut browsers: Vec<Wire> = (0..500).map(|_| Wire::open(daemon.web)).collect();
        browsers.iter_mut().for_each(|browser| browser.send(&frame));
        let mut publishers: Vec<Publisher> = (0..300)
            .map(|_| Publisher::connect(daemon.publish))
            .collect();
        let zeromq = [ZMTP, &zmtp_frame(ZMTP_LONG, MIB as u64, b"{")].concat();
        let body = "Content-Length: 1048576\r\n\r\n{";
        let http = http("t", "").replace(b"Content-Length: 0\r\n\r\n", body.as_bytes());
        for (index, publisher) in publishers.iter_mut().enumerate() {
            publisher.send([&zeromq, &http][index % 2]);
        }
        // When these are answered, the daemon has read everything.
        for browser in &mut browsers {
            browser.send(b"x");
        }
        refused_publisher(daemon, b"[nope]");
    });
}

trait Replace {
    fn replace(self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replace(self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self.windows(from.len()).position(|window| window == from);
        let at = at.expect("it is there");
        [&self[..at], to, &self[at + from.len()..]].concat()
    }
}

/// Browsers that send the same frame as fast as possible, and read nothing. The answers wait in their outboxes.
const FLOODING: usize = 100;

/// Bytes that each of them sends.
const FLOOD_LEN: usize = 2 * MIB;

fn flood(daemon: &Daemon, frames: &[u8]) {
    let chunk = frames.repeat(1 + 64 * 1024 / frames.len());
    thread::scope(|scope| {
        for _ in 0..FLOODING {
            scope.spawn(|| {
                let mut browser = Wire::open(daemon.web);
                for _ in 0..FLOOD_LEN / chunk.len() {
                    browser.send(&chunk);
                }
            });
        }
    });
}

#[test]
fn floods_of_frames() {
    for frames in [
        masked(first::PING, &[b'x'; 125]),
        masked(first::PING, b""),
        masked(first::PONG, b"x"),
        text("[6,\"t\"]"),
        [masked(0x01, b""), masked(0x00, b"").repeat(5_000)].concat(),
        masked(first::CLOSE, &[3, 232]),
    ] {
        besiege_with(&["--outbox-len-max=100000"], 30, |daemon| {
            flood(daemon, &frames)
        });
    }
}

#[test]
fn floods_of_closes() {
    besiege(30, |daemon| {
        let close = masked(first::CLOSE, &[3, 232]);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        Wire::open(daemon.web).send(&close);
                        let mut polite = Wire::open(daemon.web);
                        polite.send(&close);
                        assert_eq!(polite.frame().close_code(), 1000);
                        drop(Publisher::connect(daemon.publish));
                    }
                });
            }
        });
    });
}

/// Publishers that send without end, to a topic without subscribers. Those that get answers read none of them.
#[test]
fn floods_of_publishes() {
    let object = "{\"category\":\"t\",\"n\":1}";
    let zeromq_message = [&[0, object.len() as u8][..], object.as_bytes()].concat();
    for (greeting, message) in [
        (&b""[..], object.as_bytes()),
        (b"[1,1]", b"[3,1,\"t\",{}]"),
        (b"[1,1]", b"[99]"),
        (ZMTP, &zeromq_message),
        (ZMTP, b"\0\x01x"),
        (ZMTP, b"\x04\x07\x04PING\0\0"),
        (b"", &http("t", "1")),
        (b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        besiege(30, |daemon| flood_privately(daemon, greeting, message));
    }
}

/// Timeout of a write. The daemon stops reading until the publisher reads its answers.
const STUCK_MS: u64 = 200;

fn flood_privately(daemon: &Daemon, greeting: &[u8], message: &[u8]) {
    let chunk = message.repeat(1 + 64 * 1024 / message.len());
    thread::scope(|scope| {
        for _ in 0..FLOODING {
            scope.spawn(|| {
                let mut publisher = Publisher::connect_with_patience(daemon.publish, STUCK_MS);
                publisher.try_send(greeting);
                // After a part of a chunk, the next one would be the rest of a long message.
                for _ in 0..FLOOD_LEN / chunk.len() {
                    if !publisher.try_send(&chunk) {
                        break;
                    }
                }
            });
        }
    });
}

/// The largest number of topics in a session, each of the largest length, through short messages.
#[test]
fn many_long_topics_by_prefix() {
    besiege(60, |daemon| {
        let prefix = text(&format!("[1,\"p\",\"{}\"]", "u".repeat(1000)));
        for _ in 0..5 {
            let mut browser = Wire::open(daemon.web);
            browser.send(&prefix);
            let subscribe = |n: usize| text(&format!("[5,\"p:{n}\"]"));
            let all: Vec<u8> = (0..=10_000).flat_map(subscribe).collect();
            browser.send(&all);
            assert_eq!(browser.frame().close_code(), 1008);
        }
    });
}

/// A message about one topic costs the same in a session with one topic and in one with thousands. The test sends as
/// many messages as a browser may send at once.
#[test]
fn subscribe_and_unsubscribe_among_many_topics() {
    besiege(30, |daemon| {
        let subscribe = |n: usize| text(&format!("[5,\"{n}\"]"));
        let all: Vec<u8> = (0..9_990).flat_map(subscribe).collect();
        let back_and_forth = [text("[6,\"x\"]"), text("[5,\"x\"]")].concat();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut browser = Wire::open(daemon.web);
                    browser.send(&all);
                    browser.send(&back_and_forth.repeat(5_000));
                    browser.send(&masked(first::PING, b""));
                    assert_eq!(browser.frame().first, first::PONG);
                });
            }
        });
    });
}

/// A thousand browsers that read nothing, and large events for them.
#[test]
fn a_thousand_slow_consumers() {
    besiege(100, |daemon| {
        let mut slow: Vec<Wire> = (0..1_000).map(|_| Wire::open(daemon.web)).collect();
        for browser in &mut slow {
            browser.send(&text("[5,\"t\"]"));
            browser.send(&masked(first::PING, b""));
            assert_eq!(browser.frame().first, first::PONG);
        }
        let mut reader = Wamp::subscribed(daemon.web, "t");
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.send(b"[1,1]");
        publisher.answer();
        let event = format!("\"{}\"", "x".repeat(200_000));
        let mut left = 1_001;
        // The kernel buffers some megabytes for each. Then the daemon drops them one by one.
        while left > 1 {
            publisher.send(format!("[3,1,\"t\",{event}]").as_bytes());
            assert_eq!(reader.event("t").as_str().map(str::len), Some(200_000));
            left = publisher.answer()[3]
                .as_u64()
                .expect("the number of browsers that got it");
        }
    });
}
