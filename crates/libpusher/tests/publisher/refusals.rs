//! pushd says no.

use crate::fake_server::FakeServer;
use pusher::c_api::codes::*;

/// Answers the second publish of the first connection with an ERROR; what that came to, and on
/// how many connections a third one was then served.
fn check(name: &'static str, closes: bool) -> (pusher::Error, usize) {
    let server = FakeServer::unix(move |index, peer| {
        peer.welcome()?;
        if index == 0 {
            peer.serve_one()?;
            let request = peer.read_publish()?.request;
            peer.write(format!("[5,{request},\"{name}\",\"because\\u0000\"]\n"))?;
            if closes {
                return Ok(());
            }
        }
        loop {
            peer.serve_one()?;
        }
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    let error = publisher.publish("t", "2").unwrap_err();
    assert_eq!(publisher.is_connected(), !closes, "{name}");
    publisher.publish("t", "3").unwrap();
    assert_eq!(server.events(), ["1", "2", "3"], "nothing is sent twice");
    (error, server.connection_count())
}

#[test]
fn each_error_code_has_its_error() {
    for (name, code, is_mistake, connection_count) in [
        ("bad_message", PUSH_EREFUSED, false, 2),
        ("too_large", PUSH_ETOOBIG, true, 2),
        ("version", PUSH_EREFUSED, false, 2),
        ("denied", PUSH_EREFUSED, false, 2),
        ("unknown_type", PUSH_EREFUSED, false, 1),
        ("bad_topic", PUSH_ETOPIC, true, 1),
        ("event_too_large", PUSH_ETOOBIG, true, 1),
        ("overloaded", PUSH_EBUSY, false, 1),
        ("log_unavailable", PUSH_EUNAVAILABLE, false, 1),
        ("shutting_down", PUSH_EBUSY, false, 2),
        ("of_a_later_version", PUSH_EREFUSED, false, 1),
    ] {
        let (error, count) = check(name, connection_count == 2);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert_eq!(error.is_callers_mistake(), is_mistake, "{name}: {error}");
        let may_be_published = name == "log_unavailable";
        assert_eq!(error.may_be_published(), may_be_published, "{name}");
        let advice = error.to_string().contains("with the same id");
        assert_eq!(advice, may_be_published, "{name}: {error}");
        assert!(error.to_string().contains("because"), "{name}: {error}");
        assert_eq!(count, connection_count, "{name}");
    }
}

#[test]
fn an_error_without_a_request_answers_the_current_one() {
    let server = FakeServer::tcp(|_, peer| {
        peer.read_hello()?;
        peer.read_publish()?;
        peer.write("[5,null,\"denied\",\"not from here\"]\n")?;
        peer.wait_for_close()
    });
    let error = server.publisher().publish("t", "1").unwrap_err();
    assert_eq!(error.code(), PUSH_EREFUSED);
    assert!(
        error.to_string().contains("denied: not from here"),
        "{error}"
    );
}

#[test]
fn a_refusal_is_found_even_if_the_event_was_not_read() {
    let server = FakeServer::unix(|_, peer| {
        peer.read_hello()?;
        peer.write("[5,null,\"too_large\",\"not that much\"]\n")
    });
    // More than fits into the socket's buffer: the write fails halfway.
    let event = format!("\"{}\"", "x".repeat(1_000_000));
    let error = server.publisher().publish("t", &event).unwrap_err();
    assert_eq!(error.code(), PUSH_ETOOBIG, "{error}");
    assert!(error.to_string().contains("not that much"), "{error}");
}
