//! Fault injection for a browser's socket. Each read and write in turn fails, is cut short, or blocks.
//!
//! The invariants: the browser receives the expected bytes or a prefix of them, and the server frees all state.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pusher_proto::wamp::{event_frame, server_frame_len};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Arriving, serve};
use crate::application::Recipe;
use crate::config::{Certificate, IoUring, Options};
use crate::connection::faults::{FaultPlan, SocketCall, SocketFault};
use crate::hub::{Hub, run_flusher};
use crate::server::Server;

/// Long enough for a busy machine.
const WAIT: Duration = Duration::from_secs(15);

const TOPIC: &str = "http://example.com/t";

/// A public listener with or without TLS.
struct Listener {
    tls: Option<(Certificate, CertificateDer<'static>)>,
}

impl Listener {
    fn with_tls() -> Self {
        Self {
            tls: Some(Certificate::self_signed()),
        }
    }

    /// Runs a session with the faults of `plan`. Returns the bytes that the browser received, and the counted calls.
    fn run_session(&self, plan: FaultPlan) -> (Vec<u8>, FaultPlan) {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        options.shards = 1;
        options.live.certificate = self
            .tls
            .as_ref()
            .map(|(certificate, _)| certificate.clone());
        let context = Server::bind(options, Recipe::default()).unwrap().context;
        let shard = context.hub.shards()[0].clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let browser = self.start_browser(stream, context.hub.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        plan.begin();
        runtime.unwrap().block_on(async {
            let flusher = tokio::spawn(run_flusher(
                context.hub.clone(),
                shard.clone(),
                IoUring::Never,
            ));
            let (stream, peer) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let permit = context.browser_permits.enter(peer).unwrap();
            let arriving = Arriving {
                stream,
                permit,
                received: Vec::new(),
                counted: context.tasks.handshakes.token(),
            };
            serve(context.clone(), shard, arriving).await;
            context.tasks.browsers.close();
            context.tasks.browsers.wait().await;
            flusher.abort();
        });
        let plan = FaultPlan::NOTHING.begin();
        let stats = context.hub.stats();
        let left = (context.hub.session_count(), context.hub.topic_count());
        assert_eq!(
            (left, stats.browsers, stats.outboxes),
            ((0, 0), 0, 0),
            "{plan:?}"
        );
        (browser.join().unwrap(), plan)
    }

    fn start_browser(&self, stream: TcpStream, hub: Hub) -> thread::JoinHandle<Vec<u8>> {
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        let tls = self.tls.as_ref().map(|(_, trusted)| {
            let mut roots = RootCertStore::empty();
            roots.add(trusted.clone()).unwrap();
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from("localhost").unwrap();
            ClientConnection::new(Arc::new(config), name).unwrap()
        });
        thread::spawn(move || {
            let mut seen = match tls {
                Some(tls) => browse(StreamOwned::new(tls, stream), &hub),
                None => browse(stream, &hub),
            };
            mask_session_id(&mut seen);
            seen
        })
    }
}

/// Builds a client's frame, with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// Plays the browser's part of a session. Returns the received bytes.
fn browse(mut stream: impl Read + Write, hub: &Hub) -> Vec<u8> {
    let upgrade =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: wamp\r\n\r\n";
    let mut seen = Vec::new();
    let mut step = |output: &[u8], expected_end: &[u8]| {
        let mut chunk = [0; 4096];
        // After a failed write there may still be bytes to read.
        let _cut_off = stream.write_all(output).and_then(|()| stream.flush());
        while expected_end.is_empty() || !seen.ends_with(expected_end) {
            match stream.read(&mut chunk) {
                Ok(len @ 1..) => seen.extend_from_slice(&chunk[..len]),
                Ok(0) => return false,
                Err(error) => {
                    let is_late = matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    );
                    assert!(!is_late, "the session has stalled");
                    return false;
                }
            }
        }
        true
    };
    let long = format!("\"{}\"", "x".repeat(3000));
    let mut continues = true;
    for (ping, output) in [
        (b"1", upgrade.to_vec()),
        (b"2", frame(0x81, br#"[1,"p","http://example.com/"]"#)),
        (b"3", frame(0x81, br#"[5,"p:t"]"#)),
        (b"4", frame(0x81, br#"[6,"nothing"]"#)),
    ] {
        let output = [output, frame(0x89, ping)].concat();
        continues = continues && step(&output, &[0x8a, 1, ping[0]]);
    }
    for events in [&["1"][..], &[&long], &["2", &long, "3"]] {
        if continues {
            for event in events {
                hub.publish(TOPIC, event).unwrap();
            }
            continues = step(b"", &event_frame(TOPIC, events[events.len() - 1]));
        }
    }
    if continues {
        // The browser may not call this: it gets CALLERROR, then the close frame.
        step(&frame(0x81, br#"[2,"c","p:x"]"#), b"");
    }
    seen
}

/// Masks the session id, the only bytes that differ from run to run.
fn mask_session_id(seen: &mut [u8]) {
    const WELCOME: &[u8] = b"[0,\"";
    let found = seen
        .windows(WELCOME.len())
        .position(|bytes| bytes == WELCOME);
    if let Some(at) = found {
        let rest = &mut seen[at + WELCOME.len()..];
        let len = rest.len().min(32);
        rest[..len].fill(b'x');
    }
}

/// Injects `fault` at every read and at every write, one per session.
fn at_every_position(fault: SocketFault, check: impl Fn(&[u8], &[u8], &str)) {
    for listener in [Listener { tls: None }, Listener::with_tls()] {
        let (whole, _) = listener.run_session(FaultPlan::NOTHING);
        for call in [SocketCall::Read, SocketCall::Write] {
            let mut at = 1;
            loop {
                let (seen, counted) = listener.run_session(FaultPlan::at(call, at, fault));
                let position = format!("{counted:?}");
                check(&seen, &whole, &position);
                if counted.seen(call) < at {
                    break;
                }
                at += 1;
            }
            assert!(at > 5, "{call:?}: only {at} calls");
        }
    }
}

#[track_caller]
fn assert_whole(seen: &[u8], whole: &[u8], position: &str) {
    let (seen, whole) = (seen.escape_ascii(), whole.escape_ascii());
    assert_eq!(seen.to_string(), whole.to_string(), "{position}");
}

#[test]
fn without_fault_everything_arrives() {
    let (whole, counted) = Listener { tls: None }.run_session(FaultPlan::NOTHING);
    let head_end = whole.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let mut frames = &whole[head_end.unwrap() + 4..];
    let mut count = 0;
    while let Some(len) = server_frame_len(frames) {
        frames = &frames[len..];
        count += 1;
    }
    // WELCOME, four pongs, five events, CALLERROR, close.
    assert_eq!((count, frames), (12, &b""[..]), "{counted:?}");
    assert_whole(
        &Listener::with_tls().run_session(FaultPlan::NOTHING).0,
        &whole,
        "with TLS",
    );
}

#[test]
fn one_byte_transfer_changes_nothing() {
    at_every_position(SocketFault::Short, assert_whole);
}

#[test]
fn blocked_call_changes_nothing() {
    at_every_position(SocketFault::Blocks, assert_whole);
}

#[test]
fn failed_call_ends_connection() {
    at_every_position(SocketFault::Fails, |seen, whole, position| {
        assert!(
            whole.starts_with(seen),
            "{position}: {}",
            seen.escape_ascii()
        );
    });
}

#[test]
fn short_transfers_change_nothing() {
    for listener in [Listener { tls: None }, Listener::with_tls()] {
        let (whole, _) = listener.run_session(FaultPlan::NOTHING);
        for len_max in [1, 2, 3, 7, 64, 1000] {
            let (seen, counted) = listener.run_session(FaultPlan::pieces(len_max));
            assert_whole(&seen, &whole, &format!("{counted:?}"));
        }
    }
}
