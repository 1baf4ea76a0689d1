//! The id of a publish, and the token of a HELLO.

use crate::fake_server::{FakeServer, PATIENCE};
use pusher::c_api::codes::*;
use pusher::{Batch, Event, Options, Publisher};

fn with_id(id: &str) -> Event<'_> {
    Event {
        id: Some(id),
        ..Event::new("t", "1")
    }
}

#[test]
fn an_id_arrives_unchanged() {
    let longest = "i".repeat(255);
    let ids = ["entry-4711", "新しい \"\u{1}", &longest];
    let expected = ids.map(ToOwned::to_owned);
    let server = FakeServer::unix(move |_, peer| {
        peer.welcome()?;
        for id in expected.iter().chain(&expected) {
            let received = peer.read_publish()?;
            assert_eq!(received.id.as_ref(), Some(id));
            peer.write(format!("[4,{},1,1]\n", received.request))?;
        }
        let received = peer.read_publish()?;
        assert_eq!(received.id, None);
        peer.write(format!("[4,{},2,2]\n", received.request))
    });
    let mut publisher = server.publisher();
    let mut batch = Batch::new();
    for id in ids {
        publisher.publish_event(&with_id(id)).unwrap();
        batch.push(&with_id(id)).unwrap();
    }
    publisher.publish_batch(&batch, |answer| assert!(answer.is_ok()));
    assert_eq!(publisher.publish("t", "1").unwrap().sequence, 2);
}

#[test]
fn an_id_has_a_length_limit() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let long = "i".repeat(256);
    for (id, text) in [("", "id is empty"), (&long, "256 bytes long, at most 255")] {
        let checked = pusher::check(&with_id(id)).unwrap_err();
        let error = server.publisher().publish_event(&with_id(id));
        let error = error.unwrap_err();
        assert_eq!(error.code(), PUSH_EINVAL);
        assert!(error.is_callers_mistake());
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(checked.to_string(), error.to_string());
    }
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn the_token_is_sent_only_at_the_start_of_a_connection() {
    let server = FakeServer::tcp(|_, peer| {
        assert_eq!(peer.read_line()?, "[1,1,{\"token\":\"se\\\"cret\"}]\n");
        peer.write("[2,1,\"fake\",{}]\n")?;
        loop {
            peer.serve_one()?;
        }
    });
    let publisher = || {
        Publisher::new(Options {
            timeout: PATIENCE,
            token: Some("se\"cret".parse().unwrap()),
            ..Options::new(server.address())
        })
    };
    assert!(!format!("{:?}", publisher()).contains("cret"));
    let mut one_by_one = publisher();
    one_by_one.publish("t", "1").unwrap();
    one_by_one.publish("t", "2").unwrap();
    // A batch greets in another way.
    let mut batch = Batch::new();
    batch.push(&Event::new("t", "3")).unwrap();
    let mut together = publisher();
    for _ in 0..2 {
        together.publish_batch(&batch, |answer| assert!(answer.is_ok()));
    }
    assert_eq!(server.connection_count(), 2);
}

#[test]
fn errors_about_a_token_do_not_contain_it() {
    let server = FakeServer::unix(|_, peer| {
        peer.read_line()?;
        peer.write("[5,null,\"denied\",\"the token is wrong\"]\n")
    });
    let mut publisher = Publisher::new(Options {
        token: Some("secret".parse().unwrap()),
        ..Options::new(server.address())
    });
    let error = publisher.publish("t", "1").unwrap_err();
    assert_eq!(error.code(), PUSH_EREFUSED, "{error}");
    assert!(error.to_string().contains("the token is wrong"));
    assert!(!format!("{error} {error:?}").contains("secret"));
}
