//! Requests for the position.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::time::Duration;

use crate::client::{Client, last_error};
use crate::fake_server::{FakeServer, POSITION};
use pusher::c_api::codes::*;
use pusher::c_api::position::push_client_position;
use pusher::c_api::receipt::PUSH_POSITION_SIZE;
use pusher::{Error, Position};

fn position() -> Position {
    POSITION.parse().unwrap()
}

#[test]
fn publishes_and_positions_share_a_connection() {
    let server = FakeServer::tcp(|_, peer| {
        peer.welcome()?;
        loop {
            peer.serve_one()?;
            let request = peer.read_position_request()?;
            peer.write(format!("[7,{request},\"{POSITION}\",{{\"new\":1}}]\n"))?;
        }
    });
    let mut publisher = server.publisher();
    for _ in 0..3 {
        publisher.publish("t", "1").unwrap();
        assert_eq!(publisher.position().unwrap(), position());
    }
    assert_eq!(server.connection_count(), 1);
}

/// A first connection that ends after the question was read, with this much of an answer.
fn check_asked_again(answer: &'static str) {
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve_positions();
        }
        peer.welcome()?;
        peer.serve_one()?;
        peer.read_position_request()?;
        peer.write(answer)
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    assert_eq!(publisher.position().unwrap(), position(), "{answer}");
    assert_eq!(publisher.position().unwrap(), position(), "{answer}");
    assert_eq!(server.connection_count(), 2);
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    check_asked_again("");
    check_asked_again("[7,2,\"6d1f");
    check_asked_again("[5,null,\"shutting_down\",\"the server ends\"]\n");
}

#[test]
fn a_connection_is_reopened_only_once() {
    let server = FakeServer::tcp(|index, peer| {
        peer.welcome()?;
        if index == 0 {
            peer.serve_one()?;
        }
        peer.read_position_request().map(|_| ())
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let error = publisher.position().unwrap_err();
    assert_eq!(error.code(), PUSH_ECLOSED, "{error}");
    check_text(&error);
    assert_eq!(server.connection_count(), 2);
}

/// The error of a request for the position is not about an event.
fn check_text(error: &Error) {
    let text = error.to_string();
    assert!(!text.contains("the event"), "{text}");
    assert!(!error.may_be_published() && !error.is_callers_mistake());
}

/// Returns the error for this answer. The next request works, over a new connection if the answer is invalid.
fn error_after(answer: &'static str, expected_connections: usize) -> Error {
    let server = FakeServer::unix(move |index, peer| {
        peer.welcome()?;
        if index == 0 {
            let request = peer.read_position_request()?;
            peer.write(answer.replace("{request}", &request.to_string()))?;
        }
        loop {
            peer.serve_one()?;
        }
    });
    let mut publisher = server.publisher();
    let error = publisher.position().unwrap_err();
    publisher.publish("t", "1").unwrap();
    assert_eq!(server.connection_count(), expected_connections, "{answer}");
    check_text(&error);
    error
}

#[test]
fn an_older_server_has_no_positions() {
    let error = error_after(
        "[5,{request},\"unknown_type\",\"unknown message type 6\"]\n",
        1,
    );
    assert_eq!(error.code(), PUSH_EREFUSED);
    for part in ["unknown message type 6", "too old, update it"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// A pushd that could not read the number of the request.
#[test]
fn an_older_server_may_answer_without_a_request() {
    let error = error_after("[5,null,\"unknown_type\",\"unknown message type 6\"]\n", 1);
    assert_eq!(error.code(), PUSH_EREFUSED);
}

#[test]
fn refusals_have_their_codes() {
    for (name, code) in [
        ("overloaded", PUSH_EBUSY),
        ("log_unavailable", PUSH_EUNAVAILABLE),
        ("bad_topic", PUSH_EREFUSED),
        ("event_too_large", PUSH_EREFUSED),
        ("of_a_later_version", PUSH_EREFUSED),
    ] {
        let answer = format!("[5,{{request}},\"{name}\",\"because\"]\n");
        let error = error_after(answer.leak(), 1);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains("because"), "{error}");
    }
}

#[test]
fn invalid_answers_end_the_connection() {
    for (answer, part) in [
        ("[7,{request},\"12\"]\n", "not a position"),
        (
            "[7,{request},\"6d1f3c5a9be02478-12\\u0000\"]\n",
            "not a position",
        ),
        ("[7,{request},12]\n", "invalid type"),
        ("[7,{request}]\n", "no position"),
        ("[7,4711,\"6d1f3c5a9be02478-12\"]\n", "4711"),
        ("[4,{request},1,1]\n", "a receipt, expected was a position"),
    ] {
        let error = error_after(answer, 2);
        assert_eq!(error.code(), PUSH_EPROTOCOL, "{error}");
        assert!(error.to_string().contains(part), "{answer}: {error}");
    }
}

#[test]
fn a_position_is_not_a_receipt() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        peer.write(format!("[7,{request},\"{POSITION}\"]\n"))?;
        peer.wait_for_close()
    });
    let error = server.publisher().publish("t", "1").unwrap_err();
    let part = "a position, expected was a receipt";
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn a_request_ends_at_the_deadline() {
    let server = FakeServer::tcp(|_, peer| {
        peer.welcome()?;
        peer.wait_for_close()
    });
    let mut publisher = server.publisher_with_timeout(Duration::from_millis(50));
    let error = publisher.position().unwrap_err();
    assert_eq!(error.code(), PUSH_ETIMEOUT, "{error}");
    check_text(&error);
    assert!(!publisher.is_connected());
}

#[test]
fn without_a_server_there_is_no_position() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let mut publisher = server.publisher();
    drop(server);
    let error = publisher.position().unwrap_err();
    assert_eq!(error.code(), PUSH_ECONNECT, "{error}");
    check_text(&error);
}

/// Calls `push_client_position` with a buffer of which `size` bytes may be written.
fn ask(client: &Client, size: usize) -> (c_int, [c_char; PUSH_POSITION_SIZE + 1]) {
    let mut out = [b'x' as c_char; PUSH_POSITION_SIZE + 1];
    // SAFETY: the client lives, and the buffer is at least this large.
    let result = unsafe { push_client_position(client.0, out.as_mut_ptr(), size) };
    (result, out)
}

#[test]
fn a_position_in_c_is_a_text() {
    let server = FakeServer::unix(|_, peer| peer.serve_positions());
    let client = Client::of(&server, |_| {});
    let (result, out) = ask(&client, PUSH_POSITION_SIZE);
    assert_eq!(result, 0, "{}", last_error());
    // SAFETY: the call has succeeded.
    let text = unsafe { CStr::from_ptr(out.as_ptr()) };
    assert_eq!(text.to_str().unwrap(), POSITION);
    assert_eq!(
        out[PUSH_POSITION_SIZE], b'x' as c_char,
        "not behind the size"
    );
}

#[test]
fn mistakes_in_c_write_nothing() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        let request = peer.read_position_request()?;
        peer.write(format!("[5,{request},\"unknown_type\",\"old\"]\n"))?;
        peer.wait_for_close()
    });
    let client = Client::of(&server, |_| {});
    for (size, code) in [
        (PUSH_POSITION_SIZE, PUSH_EREFUSED),
        (PUSH_POSITION_SIZE - 1, PUSH_EINVAL),
        (0, PUSH_EINVAL),
    ] {
        let (result, out) = ask(&client, size);
        assert_eq!(result, code, "{}", last_error());
        assert_eq!(out, [b'x' as c_char; PUSH_POSITION_SIZE + 1]);
    }
    // SAFETY: NULL is allowed.
    unsafe {
        let none = push_client_position(client.0, ptr::null_mut(), PUSH_POSITION_SIZE);
        assert_eq!(none, PUSH_EINVAL);
        assert!(last_error().contains("out is NULL"));
        let nobody = push_client_position(ptr::null_mut(), ptr::null_mut(), PUSH_POSITION_SIZE);
        assert_eq!(nobody, PUSH_EINVAL);
    }
}
