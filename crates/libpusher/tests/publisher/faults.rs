//! The connection ends at any byte, or answers arrive byte by byte: the error is right, and the next publish works.

use std::io::Read;

use crate::fake_server::FakeServer;

/// To HELLO and the first publish.
const ANSWERS: &[u8] = b"[2,1,\"fake/0\",{}]\n[4,1,5,3]\n";

/// The receipt is whole without its line end.
const WHOLE: usize = ANSWERS.len() - 1;

/// The first connection ends after so many bytes of answers.
fn check_cut(at: usize, with_reset: bool) {
    let server = FakeServer::tcp(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.read_hello()?;
        peer.read_publish()?;
        peer.write(&ANSWERS[..at])?;
        if with_reset { peer.reset() } else { Ok(()) }
    });
    let mut publisher = server.publisher();
    match publisher.publish("t", "1") {
        Ok(receipt) => {
            assert!(at >= WHOLE, "a receipt from {at} bytes");
            assert_eq!((receipt.sequence, receipt.subscribers), (5, 3));
        }
        Err(error) => {
            assert!(at < WHOLE || with_reset, "{at} bytes: {error}");
            assert!(error.may_be_published(), "{at} bytes: {error}");
        }
    }
    assert_eq!(publisher.publish("t", "2").unwrap().subscribers, 3);
    assert_eq!(server.events(), ["1", "2"], "each once: {at} bytes");
}

#[test]
fn a_truncated_answer_is_an_error() {
    for at in 0..=ANSWERS.len() {
        check_cut(at, false);
        check_cut(at, true);
    }
}

#[test]
fn answers_may_arrive_byte_by_byte() {
    let server = FakeServer::tcp(|_, peer| {
        peer.read_hello()?;
        peer.read_publish()?;
        for byte in ANSWERS {
            peer.write([*byte])?;
        }
        peer.wait_for_close()
    });
    assert_eq!(server.publisher().publish("t", "1").unwrap().sequence, 5);
}

/// The daemon dies when it has read so many bytes of HELLO and publish.
#[test]
fn a_server_may_close_after_any_byte() {
    let said = "[1,1]\n[3,1,\"t\",\"1\"]\n".len();
    for len in 0..said {
        let server = FakeServer::tcp(move |index, peer| {
            if index > 0 {
                return peer.serve();
            }
            peer.socket().read_exact(&mut vec![0; len])?;
            peer.reset()
        });
        let mut publisher = server.publisher();
        if let Err(error) = publisher.publish("t", "\"1\"") {
            assert!(error.to_string().contains(&server.address().to_string()));
        }
        assert_eq!(publisher.publish("t", "2").unwrap().subscribers, 3);
        let events = server.events();
        assert!(
            events.ends_with(&["2".to_owned()]) && events.len() <= 2,
            "{events:?}"
        );
    }
}
