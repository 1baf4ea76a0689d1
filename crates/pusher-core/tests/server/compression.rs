//! Compressed messages (permessage-deflate, RFC 7692).

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use pusher_core::{Options, Recipe};
use pusher_proto::permessage_deflate::TAIL;
use pusher_proto::wamp::server_frame_len;

use crate::support::{TestServer, on_any_ports, start_server};

const OFFER: &str = "permessage-deflate; client_max_window_bits";

/// A browser that reads the frames as they are.
struct RawBrowser {
    stream: TcpStream,
    head: String,
    received: Vec<u8>,
}

/// A text message, and whether it was compressed.
type Text = (String, bool);

impl RawBrowser {
    fn connect(server: &TestServer, path: &str, subprotocol: &str, extensions: &str) -> Self {
        let mut stream = server.raw(server.public);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: {subprotocol}\r\nSec-WebSocket-Extensions: {extensions}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut browser = Self {
            stream,
            head: String::new(),
            received: Vec::new(),
        };
        while !browser.head.ends_with("\r\n\r\n") {
            let byte = browser.take(1)[0];
            browser.head.push(byte.into());
        }
        browser
    }

    /// Connects, subscribes to "t", and waits until that is done.
    fn subscribed(server: &TestServer, extensions: &str) -> Self {
        let mut browser = Self::connect(server, "/", "wamp", extensions);
        assert!(browser.text().0.starts_with("[0,"));
        browser.send(0x81, b"[5,\"t\"]");
        browser.barrier();
        browser
    }

    /// Waits until the server has handled all that was sent.
    fn barrier(&mut self) {
        self.send(0x89, b"barrier");
        assert_eq!(self.frame()[0], 0x8a);
    }

    fn accepts_compression(&self) -> bool {
        self.head
            .to_ascii_lowercase()
            .contains("sec-websocket-extensions: permessage-deflate")
    }

    /// Sends a frame with a mask of zeros.
    fn send(&mut self, first: u8, payload: &[u8]) {
        assert!(payload.len() < 126);
        let header = [first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        self.stream.write_all(&[&header, payload].concat()).unwrap();
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        while self.received.len() < len {
            let mut buffer = [0; 4096];
            let read = self.stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the connection ended");
            self.received.extend_from_slice(&buffer[..read]);
        }
        self.received.drain(..len).collect()
    }

    fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(len) = server_frame_len(&self.received) {
                return self.take(len);
            }
            let known = self.received.len();
            let all = self.take(known + 1);
            self.received.splice(0..0, all);
        }
    }

    fn text(&mut self) -> Text {
        let frame = self.frame();
        let header_len = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let payload = &frame[header_len..];
        let (bytes, is_compressed) = match frame[0] {
            0x81 => (payload.to_vec(), false),
            0xc1 => (inflate(payload), true),
            other => panic!("a frame of {other:x}"),
        };
        (String::from_utf8(bytes).unwrap(), is_compressed)
    }
}

fn inflate(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(100_000);
    let message = [message, &TAIL].concat();
    let mut decompress = Decompress::new(false);
    decompress
        .decompress_vec(&message, &mut out, FlushDecompress::Sync)
        .unwrap();
    assert_eq!(decompress.total_in(), message.len() as u64);
    out
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 100);
    let mut compress = Compress::new(Compression::default(), false);
    compress
        .compress_vec(text, &mut out, FlushCompress::Sync)
        .unwrap();
    out.truncate(out.len() - TAIL.len());
    out
}

fn options() -> Options {
    let mut options = on_any_ports();
    options.live.compression_len_min = Some(100);
    options
}

fn start() -> TestServer {
    start_server(options(), Recipe::default())
}

/// Returns an event of about 1 kB.
fn long_event(number: u32) -> String {
    format!("\"{number} {}\"", "kittens ".repeat(128))
}

#[test]
fn only_a_server_that_compresses_accepts_the_offer() {
    let server = start();
    for (offer, is_accepted) in [
        (OFFER, true),
        ("permessage-deflate; server_max_window_bits=9", false),
        ("x-webkit-deflate-frame", false),
    ] {
        let browser = RawBrowser::connect(&server, "/", "wamp", offer);
        assert_eq!(browser.accepts_compression(), is_accepted, "{offer}");
    }
    let server = start_server(on_any_ports(), Recipe::default());
    let browser = RawBrowser::connect(&server, "/", "wamp", OFFER);
    assert!(!browser.accepts_compression(), "{}", browser.head);
}

#[test]
fn long_events_are_compressed_for_those_who_agreed() {
    let server = start();
    let mut compressed = RawBrowser::subscribed(&server, OFFER);
    let mut plain = RawBrowser::subscribed(&server, "");
    let mut publisher = server.publisher();
    for event in ["1", &long_event(1), "2", &long_event(2)] {
        assert_eq!(publisher.publish("t", event).1, 2);
        let text = format!("[8,\"t\",{event}]");
        assert_eq!(compressed.text(), (text.clone(), event.len() > 100));
        assert_eq!(plain.text(), (text, false));
    }
}

#[test]
fn all_protocols_are_compressed() {
    let server = start();
    let mut pushd_1 = RawBrowser::connect(&server, "/", "pushd.1", OFFER);
    let mut resumed = RawBrowser::connect(&server, "/?resume=0123456789abcdef", "wamp", OFFER);
    for browser in [&mut pushd_1, &mut resumed] {
        assert!(browser.text().0.starts_with("[0,"));
    }
    assert!(pushd_1.text().0.starts_with("[12,"));
    resumed.send(0x81, b"[5,\"t\"]");
    resumed.barrier();
    pushd_1.send(0x81, b"[5,\"t\"]");
    assert!(pushd_1.text().0.starts_with("[9,\"t\""));
    let event = long_event(1);
    server.publisher().publish("t", &event);
    assert_eq!(pushd_1.text(), (format!("[8,\"t\",{event},1]"), true));
    assert_eq!(resumed.text(), (format!("[8,\"t\",{event}]"), true));
    assert_eq!(resumed.frame()[0], 0x89, "the ping behind the event");
}

#[test]
fn messages_of_browsers_may_be_compressed() {
    let server = start();
    let mut browser = RawBrowser::connect(&server, "/", "wamp", OFFER);
    browser.text();
    let subscribe = deflate(b"[5,\"t\"]");
    browser.send(0x41, &subscribe[..4]);
    browser.send(0x80, &subscribe[4..]);
    browser.barrier();
    assert_eq!(server.publisher().publish("t", "1").1, 1);
    assert_eq!(browser.text().0, "[8,\"t\",1]");
}

/// A message of 60 bytes becomes one of a megabyte.
#[test]
fn the_limit_of_messages_is_that_of_the_decompressed_ones() {
    let server = start();
    let mut browser = RawBrowser::connect(&server, "/", "wamp", OFFER);
    browser.text();
    // Each block is compressed by itself, so it has its own tables. Blocks of zeros are the shortest.
    let bomb = deflate(&vec![b' '; 50_000]);
    assert!(bomb.len() < 126, "{}", bomb.len());
    let len_max = Options::default().live.limits.client_message_len_max;
    let blocks = 1 + len_max / 50_000;
    for block in 0..blocks {
        let first = [0x00, 0x40][usize::from(block == 0)] | u8::from(block == 0);
        let is_last = block + 1 == blocks;
        let payload = [&bomb[..], &TAIL].concat();
        browser.send(if is_last { first | 0x80 } else { first }, &payload);
    }
    let close = browser.frame();
    assert_eq!((close[0], &close[2..4]), (0x88, &1009u16.to_be_bytes()[..]));
}

#[test]
fn a_message_that_is_compressed_without_agreement_ends_the_session() {
    let server = start();
    let mut browser = RawBrowser::connect(&server, "/", "wamp", "");
    browser.text();
    browser.send(0xc1, &deflate(b"[5,\"t\"]"));
    let close = browser.frame();
    assert_eq!((close[0], &close[2..4]), (0x88, &1002u16.to_be_bytes()[..]));
}

#[cfg(unix)]
#[test]
fn sessions_stay_compressed_over_a_hand_over() {
    let server = start();
    let mut browser = RawBrowser::subscribed(&server, OFFER);
    let subscribe = deflate(b"[5,\"u\"]");
    browser.send(0x41, &subscribe[..4]);
    let server = server.hand_over(options(), Recipe::default());
    browser.send(0x80, &subscribe[4..]);
    browser.barrier();
    let event = long_event(1);
    for topic in ["t", "u"] {
        assert_eq!(server.publisher().publish(topic, &event).1, 1);
        assert_eq!(browser.text(), (format!("[8,\"{topic}\",{event}]"), true));
    }
}
