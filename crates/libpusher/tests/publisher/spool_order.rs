//! The events of one process keep their order: DRAIN comes before the next publish.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fake_server::{FakeServer, PATIENCE};
use crate::spool::{absent, events, options};
use pusher::{Batch, Error, Event, Options, Publisher};
use pusher_proto::limits::SPOOL_LEN_MAX;
use tempfile::TempDir;

#[test]
fn the_next_connection_drains_before_it_publishes() {
    let server = FakeServer::tcp(|index, peer| {
        peer.welcome()?;
        if index == 0 {
            // Other tests of this process may have written to a spool.
            peer.read_publish()?;
            return Ok(());
        }
        let request = peer.read_drain()?;
        peer.write(format!("[9,{request}]\n"))?;
        loop {
            peer.serve_one()?;
        }
    });
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(server.address(), dir.path()));
    assert!(publisher.publish("t", "1").unwrap().spooled);
    assert!(!publisher.publish("t", "2").unwrap().spooled);
    assert!(!publisher.publish("t", "3").unwrap().spooled);
    assert_eq!(events(dir.path()), ["1"]);
    assert_eq!(server.events(), ["1", "2", "3"]);
    assert_eq!(server.connection_count(), 2);
}

#[test]
fn events_go_to_the_spool_until_the_server_has_drained_it() {
    let server = FakeServer::tcp(|index, peer| {
        peer.welcome()?;
        match index {
            0 => peer.read_publish().map(|_| ()),
            // It is still draining.
            1 => peer.read_drain().and_then(|_| peer.wait_for_close()),
            2 => {
                let request = peer.read_drain()?;
                peer.write(format!("[5,{request},\"overloaded\",\"\"]\n"))?;
                let request = peer.read_drain()?;
                peer.write(format!("[9,{request}]\n"))?;
                peer.serve_one()
            }
            _ => Ok(()),
        }
    });
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(server.address(), dir.path()));
    assert!(publisher.publish("t", "1").unwrap().spooled);
    publisher.set_timeout(Duration::from_millis(50));
    assert!(publisher.publish("t", "2").unwrap().spooled);
    publisher.set_timeout(PATIENCE);
    assert!(publisher.publish("t", "3").unwrap().spooled);
    assert!(!publisher.publish("t", "4").unwrap().spooled);
    assert_eq!(events(dir.path()), ["1", "2", "3"]);
    assert_eq!(server.events(), ["1", "4"]);
}

/// An older server.
#[test]
fn a_server_that_does_not_know_the_request_has_no_spool() {
    let drains = AtomicUsize::new(0);
    let server = FakeServer::unix(move |index, peer| {
        peer.welcome()?;
        if index == 0 {
            peer.read_publish()?;
            return Ok(());
        }
        peer.read_drain()?;
        assert_eq!(drains.fetch_add(1, Ordering::SeqCst), 0, "once is enough");
        peer.write("[5,null,\"unknown_type\",\"unknown message type 8\"]\n")?;
        peer.serve_one()
    });
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(server.address(), dir.path()));
    assert!(publisher.publish("t", "1").unwrap().spooled);
    assert!(!publisher.publish("t", "2").unwrap().spooled);
}

#[test]
fn another_publisher_of_the_process_drains_too() {
    let dir = TempDir::new().unwrap();
    let mut first = Publisher::new(options(absent(), dir.path()));
    assert!(first.publish("t", "1").unwrap().spooled);
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        let request = peer.read_drain()?;
        peer.write(format!("[9,{request}]\n"))?;
        peer.serve_one()
    });
    let mut second = Publisher::new(options(server.address(), dir.path()));
    assert!(!second.publish("t", "2").unwrap().spooled);
}

#[test]
fn a_batch_drains_first_or_is_spooled() {
    let server = FakeServer::tcp(|index, peer| {
        peer.welcome()?;
        match index {
            0 => peer.read_publish().map(|_| ()),
            1 => peer.read_drain().and_then(|_| peer.wait_for_close()),
            _ => {
                let request = peer.read_drain()?;
                peer.write(format!("[9,{request}]\n"))?;
                loop {
                    peer.serve_one()?;
                }
            }
        }
    });
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(server.address(), dir.path()));
    assert!(publisher.publish("t", "0").unwrap().spooled);
    let mut batch = Batch::new();
    batch.push(&Event::new("t", "1")).unwrap();
    batch.push(&Event::new("t", "2")).unwrap();
    publisher.set_timeout(Duration::from_millis(50));
    publisher.publish_batch(&batch, |answer| assert!(answer.unwrap().spooled));
    publisher.set_timeout(PATIENCE);
    publisher.publish_batch(&batch, |answer| assert!(!answer.unwrap().spooled));
    assert_eq!(events(dir.path()), ["0", "1", "2"]);
    assert_eq!(server.events(), ["0", "1", "2"]);
}

/// If the HELLO names a spool, the server refuses everything after a refused event until a DRAIN. Here the spool is full,
/// so nothing is spooled, and the publisher must send the DRAIN nevertheless.
#[test]
fn after_a_refusal_the_next_publish_drains_even_if_nothing_was_spooled() {
    for is_batch in [false, true] {
        let server = FakeServer::tcp(|_, peer| {
            let hello = peer.read_line()?;
            assert_eq!(hello, "[1,1,{\"spool\":true}]\n");
            peer.write("[2,1,\"fake/0\",{}]\n")?;
            let request = peer.read_publish()?.request;
            peer.write(format!("[5,{request},\"overloaded\",\"\"]\n"))?;
            let request = peer.read_drain()?;
            peer.write(format!("[9,{request}]\n"))?;
            peer.serve_one()
        });
        let dir = TempDir::new().unwrap();
        let full = File::create(dir.path().join("spool")).unwrap();
        full.set_len(SPOOL_LEN_MAX).unwrap();
        let mut publisher = Publisher::new(options(server.address(), dir.path()));
        let mut publish = |json: &str| {
            let mut result = None;
            if is_batch {
                let mut batch = Batch::new();
                batch.push(&Event::new("t", json)).unwrap();
                publisher.publish_batch(&batch, |answer| result = Some(answer.is_ok()));
            } else {
                result = Some(publisher.publish("t", json).is_ok());
            }
            result.unwrap()
        };
        assert!(!publish("1"));
        assert!(publish("2"));
        assert_eq!(server.connection_count(), 1);
    }
}

#[test]
fn a_refused_drain_is_an_error_and_the_event_was_not_published() {
    let server = FakeServer::tcp(|index, peer| {
        peer.welcome()?;
        if index == 0 {
            peer.read_publish()?;
            return Ok(());
        }
        let request = peer.read_drain()?;
        peer.write(format!("[5,{request},\"denied\",\"not you\"]\n"))
    });
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(Options {
        timeout: PATIENCE,
        ..options(server.address(), dir.path())
    });
    assert!(publisher.publish("t", "1").unwrap().spooled);
    let error = publisher.publish("t", "2").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(!error.may_be_published());
    assert!(error.to_string().contains("not you"), "{error}");
    assert_eq!(events(dir.path()), ["1"]);
}
