//! Shutdown, and the end of connections.

use std::io::Write;
use std::time::{Duration, Instant};

use pusher_core::PublishError;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use crate::support::{NEVER, read_to_end, start};

/// autobahn.js reconnects only after an unclean end, so the server must not send a close frame.
#[test]
fn shutdown_sends_queued_events_without_close_frame() {
    // More than the kernel takes for a browser that does not read yet.
    const EVENTS: usize = 40;
    let mut server = start(|limits| limits.outbox_len_max = 64 << 20);
    let mut browsers: Vec<_> = (0..10).map(|_| server.subscriber("t")).collect();
    let mut publisher = server.publisher();
    let event = format!("\"{}\"", "x".repeat(300_000));
    for _ in 0..EVENTS {
        assert_eq!(publisher.publish("t", &event).1, 10);
    }
    server.begin_end();
    for browser in &mut browsers {
        for _ in 0..EVENTS {
            assert_eq!(browser.message().len(), event.len() + 8);
        }
        let ended = browser.read().unwrap_err();
        assert!(
            matches!(
                ended,
                Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            ),
            "{ended}"
        );
    }
    assert_eq!(
        publisher.line(),
        r#"[5,null,"shutting_down","the server is about to end"]"#
    );
    assert_eq!(read_to_end(&mut publisher.0), "");
    server.end();
}

/// A PHP page of the recipe writes and exits. It would never learn that its event was lost.
#[test]
fn publish_in_flight_at_shutdown_is_delivered() {
    const GRACE: Duration = Duration::from_secs(5);
    let mut server = start(|limits| limits.closing_grace = GRACE);
    let mut browser = server.subscriber("t");
    server.begin_end();
    let control = server.control.clone();
    server.until("the end has begun", |_| control.is_ending());
    // Without the grace period the server would have ended long before.
    let heard_until = Instant::now() + GRACE / 10;
    while Instant::now() < heard_until {
        let mut page = server.raw(server.publish);
        page.write_all(br#"{"category":"t"}"#).unwrap();
        assert_eq!(browser.message(), r#"[8,"t",{"category":"t"}]"#);
    }
    server.end();
    let late = server.hub.publish("t", "1");
    assert!(matches!(late, Err(PublishError::Ending)), "{late:?}");
}

#[test]
fn shutdown_does_not_wait_for_slow_browser() {
    let mut server = start(|limits| {
        limits.flush_timeout = Duration::from_millis(100);
        limits.linger_timeout = Duration::from_millis(100);
        limits.outbox_len_max = 100 << 20;
    });
    let _stuck = server.subscriber("t");
    let mut publisher = server.publisher();
    let event = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..20 {
        publisher.publish("t", &event);
    }
    server.end();
}

#[test]
fn shutdown_does_not_wait_for_handshake() {
    let mut server = start(|limits| {
        limits.flush_timeout = NEVER;
    });
    let mut half = server.raw(server.public);
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let _silent_publisher = server.raw(server.publish);
    let _idle_publisher = server.publisher();
    server.end();
    assert_eq!(read_to_end(&mut half), "");
}

#[test]
fn refused_connection_disturbs_no_session() {
    let server = start(|_| {});
    let mut subscriber = server.subscriber("t");
    let mut violator = server.subscriber("t");
    violator.send("[]");
    assert_eq!(violator.close_code(), 1007);
    server.until("the session has ended", |hub| {
        hub.subscriber_count("t") == 1
    });
    server.hub.publish("t", "1").unwrap();
    assert_eq!(subscriber.message(), r#"[8,"t",1]"#);
}
