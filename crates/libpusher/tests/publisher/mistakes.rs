//! An event with a caller's mistake is never sent.

use crate::fake_server::FakeServer;
use pusher::Error;

/// A server that fails the test if a publisher connects; returns the publisher's error.
fn refused(topic: &str, event: &str) -> Error {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let error = server.publisher().publish(topic, event).unwrap_err();
    assert_eq!(server.connection_count(), 0, "{error}");
    assert!(error.is_callers_mistake(), "{error}");
    assert!(!error.may_be_published(), "{error}");
    error
}

#[test]
fn topics_have_a_length_limit() {
    assert!(refused("", "{}").to_string().contains("topic is empty"));
    let error = refused(&"t".repeat(1025), "{}");
    assert!(matches!(error, Error::Topic { .. }));
    assert!(error.to_string().contains("1025 bytes long, at most 1024"));
}

#[test]
fn events_have_a_length_limit() {
    let error = refused("t", &format!("\"{}\"", "x".repeat(3 * 1024 * 1024 - 1)));
    assert!(matches!(error, Error::TooLarge { .. }));
    assert!(
        error
            .to_string()
            .contains("3145729 bytes long, at most 3145728")
    );
}

#[test]
fn events_are_one_json_value() {
    let too_deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    for event in [
        "",
        "{",
        "nul",
        "1 2",
        "'a'",
        "{}\n{}",
        "{}],[3,2,\"t\",{}",
        &too_deep,
    ] {
        let error = refused("t", event);
        assert!(matches!(error, Error::Json { .. }), "{event}: {error}");
    }
}
