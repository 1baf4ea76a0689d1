//! Invalid answers: another program listens, or pushd has a bug.

use crate::fake_server::{FakeServer, Peer};
use pusher::Error;
use std::io;

/// The first connection answers with `answer` (`{request}` stands for the number), the next ones
/// as they should. Returns the result of the first publish.
fn check(answer: &'static [u8]) -> Error {
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.read_hello()?;
        peer.read_publish()?;
        peer.write(answer)?;
        peer.wait_for_close()
    });
    let mut publisher = server.publisher();
    let error = publisher.publish("t", "1").unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&server.address().to_string()), "{text}");
    assert!(!publisher.is_connected());
    assert_eq!(publisher.publish("t", "2").unwrap().subscribers, 3);
    assert_eq!(server.connection_count(), 2);
    error
}

#[test]
fn garbage_is_an_error_and_ends_the_connection() {
    let tables: [(&[u8], &str); 12] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "0x48"),
        (b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f", "0xff"),
        (b"{}", "a list such as"),
        (b"[]", "no type"),
        (b"[\"4\"]", "invalid type"),
        (b"[4,1,1]", "no subscribers"),
        (b"[4,-1,1,1]", "-1"),
        (b"[\"\xff\"]", "UTF-8"),
        (b"[2,2,\"pushd/9\",{}]", "version 2 of the protocol"),
        (b"[2,0,\"pushd/9\",{}]", "version 0 of the protocol"),
        (
            b"[2,1,\"fake\",{}]\n[4,7,1,1]",
            "an answer to request 7, expected was one to 1",
        ),
        (b"[5,7,\"overloaded\",\"\"]", "an answer to request 7"),
    ];
    for (answer, part) in tables {
        let error = check(answer);
        assert!(matches!(error, Error::Protocol { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.may_be_published() && !error.is_callers_mistake());
    }
}

#[test]
fn an_answer_has_a_length_limit() {
    let server = FakeServer::tcp(|_, peer| {
        peer.read_hello()?;
        peer.write("[2,1,\"")?;
        loop {
            peer.write("endless ")?;
        }
    });
    let error = server.publisher().publish("t", "1").unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(error.to_string().contains("longer than 524288 bytes"));
}

#[test]
fn bytes_after_an_answer_never_answer_the_next_publish() {
    let twice = |peer: &mut Peer| -> io::Result<()> {
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        let next = request + 1;
        // In one write, so that one read may find both.
        peer.write(format!("[4,{request},1,1]\n[4,{next},666,666]\n"))?;
        peer.wait_for_close()
    };
    let server = FakeServer::unix(move |index, peer| match index {
        0 => twice(peer),
        _ => peer.serve(),
    });
    let mut publisher = server.publisher();
    assert_eq!(publisher.publish("t", "1").unwrap().subscribers, 1);
    assert_eq!(publisher.publish("t", "2").unwrap().subscribers, 3);
    assert_eq!(server.connection_count(), 2);
}
