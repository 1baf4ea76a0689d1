//! A connection that ended: when the event is sent again, and when it must not be.

use std::fs;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::fake_server::{FakeServer, PATIENCE, Peer};
use pusher::{Batch, Error, Event, Options, Publisher};
use pusher_proto::limits::EVENT_LEN_MAX;

/// The state of the publisher's end of a TCP connection, as the kernel has it (08 is CLOSE_WAIT).
fn tcp_state(server_port: u16, client_port: u16) -> Option<String> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let from = format!(":{client_port:04X}");
    let to = format!(":{server_port:04X}");
    let mut lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .find(|fields| fields[1].ends_with(&from) && fields[2].ends_with(&to))
        .map(|fields| fields[3].to_owned())
}

/// Waits until the kernel has told the publisher's end, which it does in its own time.
fn wait_for_state(peer: &Peer, state: Option<&str>) -> impl FnOnce() + use<> {
    let port = |addr: socket2::SockAddr| addr.as_socket().unwrap().port();
    let server_port = port(peer.socket().local_addr().unwrap());
    let client_port = port(peer.socket().peer_addr().unwrap());
    let state = state.map(str::to_owned);
    move || {
        let start = Instant::now();
        while tcp_state(server_port, client_port) != state {
            assert!(start.elapsed() < PATIENCE, "the connection's state");
            thread::yield_now();
        }
    }
}

/// A first connection that ends in its own way after one publish; a second one is served. The
/// second publish must not notice.
fn check_reopened(server: FakeServer, ended: &mpsc::Receiver<()>) {
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    ended.recv_timeout(PATIENCE).unwrap();
    publisher.publish("t", "2").unwrap();
    publisher.publish("t", "3").unwrap();
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events(), ["1", "2", "3"]);
}

#[test]
fn a_connection_closed_meanwhile_is_opened_again() {
    let (end, ended) = mpsc::channel();
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        peer.socket().shutdown(std::net::Shutdown::Write)?;
        wait_for_state(peer, Some("08"))();
        end.send(()).unwrap();
        peer.wait_for_close()
    });
    check_reopened(server, &ended);
}

#[test]
fn a_connection_reset_meanwhile_is_opened_again() {
    let (end, ended) = mpsc::channel();
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        let wait = wait_for_state(peer, None);
        peer.reset()?;
        wait();
        end.send(()).unwrap();
        Ok(())
    });
    check_reopened(server, &ended);
}

#[test]
fn a_goodbye_meanwhile_opens_a_new_connection() {
    let (end, ended) = mpsc::channel();
    let server = FakeServer::unix(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        peer.write("[5,null,\"shutting_down\",\"pushd ends\"]\n")?;
        end.send(()).unwrap();
        peer.wait_for_close()
    });
    check_reopened(server, &ended);
}

#[test]
fn a_late_line_end_is_not_a_goodbye() {
    let (receive, received) = mpsc::channel();
    let received = Mutex::new(received);
    let (end, ended) = mpsc::channel();
    let server = FakeServer::unix(move |_, peer| {
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        peer.write(format!("[4,{request},1,3]"))?;
        received.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        peer.write("\r\n")?;
        end.send(()).unwrap();
        peer.serve_one()
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    receive.send(()).unwrap();
    ended.recv_timeout(PATIENCE).unwrap();
    publisher.publish("t", "2").unwrap();
    assert_eq!(server.connection_count(), 1);
}

/// A close that only the write detects.
#[test]
fn a_broken_pipe_opens_a_new_connection() {
    let (come, came) = mpsc::channel();
    let came = Mutex::new(came);
    let server = FakeServer::unix(move |index, peer| {
        if index > 0 {
            come.send(()).unwrap();
            return peer.serve();
        }
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        peer.socket().shutdown(std::net::Shutdown::Read)?;
        peer.write(format!("[4,{request},1,3]\n"))?;
        // Open until the publisher has found out.
        let _ = came.lock().unwrap().recv_timeout(PATIENCE);
        Ok(())
    });
    let mut publisher = server.publisher();
    for event in ["1", "2", "3"] {
        publisher.publish("t", event).unwrap();
    }
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events(), ["1", "2", "3"]);
}

/// Ends a connection whose publish was not read: the kernel resets it.
fn reset_unread(peer: &mut Peer) -> std::io::Result<()> {
    let mut byte = [MaybeUninit::uninit()];
    peer.socket().peek(&mut byte)?;
    peer.reset()
}

#[test]
fn reset_before_the_event_was_read_is_sent_again() {
    let server = FakeServer::tcp(|index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        reset_unread(peer)
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    publisher.publish("t", "2").unwrap();
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events(), ["1", "2"]);
}

/// The server closed an idle connection while the publish was on its way to it.
#[test]
fn closed_before_the_event_arrived_is_sent_again() {
    let (receive, received) = mpsc::channel();
    let received = Mutex::new(received);
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        // Refuses input, as a closed connection does, but the publisher sees no sign of it before it writes.
        peer.socket().shutdown(std::net::Shutdown::Read)?;
        received.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        Ok(())
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let closing = thread::spawn(move || receive.send(()).unwrap());
    publisher.publish("t", "2").unwrap();
    closing.join().unwrap();
    publisher.publish("t", "3").unwrap();
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events(), ["1", "2", "3"]);
}

/// Says goodbye when the second publish is written already, then serves the second connection.
fn goodbye_instead_of_an_answer(code: &'static str) -> FakeServer {
    FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        let mut byte = [MaybeUninit::uninit()];
        peer.socket().peek(&mut byte)?;
        peer.write(format!(
            "[5,null,\"{code}\",\"this connection was idle\"]\n"
        ))
    })
}

#[test]
fn a_goodbye_in_place_of_an_answer_sends_the_event_again() {
    for code in ["overloaded", "shutting_down"] {
        let server = goodbye_instead_of_an_answer(code);
        let mut publisher = server.publisher();
        for event in ["1", "2", "3"] {
            publisher.publish("t", event).unwrap();
        }
        assert_eq!(server.connection_count(), 2);
        assert_eq!(server.events(), ["1", "2", "3"]);
    }
}

#[test]
fn a_goodbye_in_place_of_answers_sends_the_batch_again() {
    let server = goodbye_instead_of_an_answer("overloaded");
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let mut batch = Batch::new();
    for event in ["2", "3"] {
        batch.push(&Event::new("t", event)).unwrap();
    }
    publisher.publish_batch(&batch, |answer| assert_eq!(answer.unwrap().subscribers, 3));
    assert_eq!(server.events(), ["1", "2", "3"]);
}

/// At its limit of publishers pushd refuses a new connection before it has read anything.
#[test]
fn a_goodbye_to_a_new_connection_is_the_answer() {
    let server = FakeServer::tcp(|_, peer| {
        peer.write("[5,null,\"overloaded\",\"publishers-max (3) is reached\"]\n")
    });
    let error = server.publisher().publish("t", "1").unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert!(!error.may_be_published());
    assert!(error.to_string().contains("publishers-max (3)"), "{error}");
    assert_eq!(server.connection_count(), 1);
}

/// The same when the publisher could not even write.
#[test]
fn a_goodbye_before_the_first_write_is_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.sock");
    let address = format!("unix:{}", path.display()).parse().unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection
            .write_all(b"[5,null,\"overloaded\",\"publishers-max (3) is reached\"]\n")
            .unwrap();
    });
    // The server is gone again when this comes to the write, or it is not: the answer is the same.
    let mut publisher = Publisher::new(Options::new(address));
    publisher.set_timeout(PATIENCE);
    let error = publisher.publish("t", "1").unwrap_err();
    server.join().unwrap();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
}

#[test]
fn a_goodbye_is_the_answer_if_the_server_has_gone() {
    let (gone, is_gone) = mpsc::channel::<()>();
    let is_gone = Mutex::new(is_gone);
    let server = FakeServer::unix(move |_, peer| {
        peer.welcome()?;
        peer.serve_one()?;
        peer.read_line()?;
        let _ = is_gone.lock().unwrap().recv_timeout(PATIENCE);
        peer.write("[5,null,\"shutting_down\",\"the server is about to end\"]\n")
    });
    let address = server.address().to_string();
    let path = Path::new(address.strip_prefix("unix:").unwrap());
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    // No publisher can connect any more.
    let elsewhere = path.with_extension("gone");
    fs::rename(path, &elsewhere).unwrap();
    drop(gone);
    let error = publisher.publish("t", "2").unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    // Where the server itself looks for its socket.
    fs::rename(elsewhere, path).unwrap();
}

/// Deferred events are sent as a batch, and most batches have one event.
#[test]
fn reset_before_the_only_event_of_a_batch_was_read_is_sent_again() {
    let server = FakeServer::tcp(|index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        reset_unread(peer)
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let mut batch = Batch::new();
    batch.push(&Event::new("t", "2")).unwrap();
    publisher.publish_batch(&batch, |answer| assert_eq!(answer.unwrap().subscribers, 3));
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events(), ["1", "2"]);
}

/// An event of which the kernel does not take all at once, and the connection ends when half of that is read.
fn long_event() -> String {
    format!("\"{}\"", "x".repeat(EVENT_LEN_MAX - 2))
}

fn reset_half_read(peer: &mut Peer) -> std::io::Result<()> {
    peer.socket().read_exact(&mut vec![0; 64 * 1024])?;
    reset_unread(peer)
}

/// A publisher that gives way is reset, and may be about to write a long event.
fn resets_a_long_event() -> FakeServer {
    FakeServer::unix(|index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        reset_half_read(peer)
    })
}

#[test]
fn reset_while_the_event_is_written_is_sent_again() {
    let server = resets_a_long_event();
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    publisher.publish("t", &long_event()).unwrap();
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events().len(), 2, "each once");
}

#[test]
fn reset_while_the_only_event_of_a_batch_is_written_is_sent_again() {
    let server = resets_a_long_event();
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let mut batch = Batch::new();
    batch.push(&Event::new("t", &long_event())).unwrap();
    publisher.publish_batch(&batch, |answer| assert_eq!(answer.unwrap().subscribers, 3));
    assert_eq!(server.connection_count(), 2);
    assert_eq!(server.events().len(), 2, "each once");
}

#[test]
fn reset_while_an_event_is_written_does_not_resend_earlier_events() {
    let server = resets_a_long_event();
    let mut publisher = server.publisher();
    let mut batch = Batch::new();
    batch.push(&Event::new("t", "1")).unwrap();
    batch.push(&Event::new("t", &long_event())).unwrap();
    let mut answers = Vec::new();
    publisher.publish_batch(&batch, |answer| answers.push(answer.is_ok()));
    assert_eq!(answers, [true, false]);
    assert_eq!(server.connection_count(), 1);
    assert_eq!(server.events(), ["1"]);
}

#[test]
fn a_connection_is_reopened_only_once() {
    let server = FakeServer::tcp(|index, peer| {
        if index == 0 {
            peer.welcome()?;
            peer.serve_one()?;
        }
        reset_unread(peer)
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let error = publisher.publish("t", "2").unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert_eq!(server.connection_count(), 2);
}

/// The first connection ends after its `publish_count`-th publish was read, orderly, with this
/// much of an answer.
fn check_ambiguous(publish_count: usize, answer: &'static str) {
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        for _ in 1..publish_count {
            peer.serve_one()?;
        }
        peer.read_publish()?;
        peer.write(answer)
    });
    let mut publisher = server.publisher();
    for _ in 1..publish_count {
        publisher.publish("t", "\"before\"").unwrap();
    }
    let error = publisher.publish("t", "\"lost\"").unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert!(error.may_be_published() && !error.is_callers_mistake());
    assert!(error.to_string().contains("may or may not"), "{error}");
    publisher.publish("t", "\"after\"").unwrap();
    assert_eq!(server.connection_count(), 2);
    let lost = server
        .events()
        .into_iter()
        .filter(|event| event == "\"lost\"");
    assert_eq!(
        lost.count(),
        1,
        "an event that may be published is not sent again"
    );
}

#[test]
fn ended_after_the_event_was_read_is_not_sent_again() {
    check_ambiguous(1, "");
    check_ambiguous(2, "");
    check_ambiguous(2, "[4,2,");
}

#[test]
fn connect_fails_if_no_server_listens() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let mut publisher = server.publisher_with_timeout(Duration::from_secs(5));
    publisher.publish("t", "1").unwrap();
    let address = server.address().to_string();
    drop(publisher);
    let mut publisher = server.publisher();
    drop(server);
    let error = publisher.publish("t", "2").unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    assert!(!error.may_be_published() && !error.is_callers_mistake());
    let text = error.to_string();
    assert!(
        text.contains(&address) && text.contains("is pushd running"),
        "{text}"
    );
}
