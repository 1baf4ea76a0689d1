//! One deadline for all steps, even if the server hangs.
//!
//! The tests check that a publish returns with the right error, not how late: the machine may be loaded.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::fake_server::{FakeServer, PATIENCE};
use pusher::{Error, Options, Publisher, Stage};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_millis(120);

/// Publishes, and looks at how it timed out.
fn check(publisher: &mut Publisher, event: &str, expect: Stage) {
    let start = Instant::now();
    let error = publisher.publish("t", event).unwrap_err();
    let elapsed = start.elapsed();
    // Timers of the system count in whole milliseconds.
    assert!(elapsed >= TIMEOUT * 9 / 10, "{elapsed:?}");
    assert!(elapsed < TIMEOUT + PATIENCE / 2, "{elapsed:?}");
    let Error::Timeout { stage, attempt } = &error else {
        panic!("{error}");
    };
    assert_eq!(*stage, expect);
    assert!(attempt.elapsed <= elapsed);
    let text = error.to_string();
    assert!(text.contains(&publisher.address().to_string()), "{text}");
    assert_eq!(error.may_be_published(), expect == Stage::Answer);
    assert!(!publisher.is_connected(), "it would be left half-read");
}

#[test]
fn a_server_that_never_answers_hits_the_deadline() {
    let server = FakeServer::tcp(|index, peer| match index {
        0 => peer.wait_for_close(),
        _ => peer.serve(),
    });
    let mut publisher = server.publisher_with_timeout(TIMEOUT);
    check(&mut publisher, "1", Stage::Answer);
    drop(publisher);
    let mut publisher = server.publisher();
    publisher.publish("t", "2").unwrap();
    assert_eq!(server.connection_count(), 2);
}

#[test]
fn a_server_that_stops_answering_hits_the_deadline() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        peer.serve_one()?;
        peer.wait_for_close()
    });
    let mut publisher = server.publisher_with_timeout(TIMEOUT);
    publisher.publish("t", "1").unwrap();
    check(&mut publisher, "2", Stage::Answer);
}

#[test]
fn a_slow_answer_hits_the_deadline() {
    let server = FakeServer::tcp(|_, peer| {
        peer.socket().set_tcp_nodelay(true)?;
        peer.write("[2,1,\"")?;
        // Nobody sends: its timeout is the pace.
        let (_never, pace) = mpsc::channel::<()>();
        while pace.recv_timeout(Duration::from_millis(3)).is_err() && !peer.is_stopped() {
            peer.write("x")?;
        }
        Ok(())
    });
    check(
        &mut server.publisher_with_timeout(TIMEOUT),
        "1",
        Stage::Answer,
    );
}

#[test]
fn endless_unknown_messages_hit_the_deadline() {
    let server = FakeServer::unix(|_, peer| {
        loop {
            peer.write("[99,\"news\"]\n".repeat(50))?;
        }
    });
    check(
        &mut server.publisher_with_timeout(TIMEOUT),
        "1",
        Stage::Answer,
    );
}

#[test]
fn a_server_that_does_not_read_hits_the_deadline() {
    let (end, ended) = mpsc::channel::<()>();
    let ended = std::sync::Mutex::new(ended);
    let server = FakeServer::unix(move |_, _| {
        let _ = ended.lock().unwrap().recv_timeout(PATIENCE);
        Ok(())
    });
    // More than a unix socket's buffer takes.
    let event = format!("\"{}\"", "x".repeat(1_000_000));
    check(
        &mut server.publisher_with_timeout(TIMEOUT),
        &event,
        Stage::Sending,
    );
    drop(end);
}

#[test]
fn a_full_backlog_hits_the_deadline() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("full.sock");
    let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    for (domain, bind_to) in [
        (Domain::UNIX, SockAddr::unix(&path).unwrap()),
        (Domain::IPV4, any_port.into()),
    ] {
        let listener = Socket::new(domain, Type::STREAM, None).unwrap();
        listener.bind(&bind_to).unwrap();
        listener.listen(0).unwrap();
        let bound = listener.local_addr().unwrap();
        let waiting = fill_backlog(domain, &bound);
        let address = match bound.as_socket() {
            Some(addr) => format!("tcp://{addr}"),
            None => format!("unix:{}", path.display()),
        };
        let mut publisher = Publisher::new(Options {
            timeout: TIMEOUT,
            ..Options::new(address.parse().unwrap())
        });
        check(&mut publisher, "1", Stage::Connecting);
        drop(waiting);
    }
}

/// Connects until nobody else is let in.
fn fill_backlog(domain: Domain, bound: &SockAddr) -> Vec<Socket> {
    let mut waiting = Vec::new();
    loop {
        let socket = Socket::new(domain, Type::STREAM, None).unwrap();
        let connected = socket.connect_timeout(bound, Duration::from_millis(300));
        // Kept in both cases: an attempt that goes on takes its place in the queue too.
        waiting.push(socket);
        if connected.is_err() {
            return waiting;
        }
        assert!(waiting.len() < 100, "a backlog of 0 is endless");
    }
}

#[test]
fn timeouts_out_of_bounds_are_clamped() {
    let address = Options::default().address;
    for (timeout, expect) in [
        (Duration::ZERO, pusher::TIMEOUT_MIN),
        (Duration::MAX, pusher::TIMEOUT_MAX),
    ] {
        let publisher = Publisher::new(Options {
            timeout,
            ..Options::new(address.clone())
        });
        assert_eq!(publisher.timeout(), expect);
    }
}
