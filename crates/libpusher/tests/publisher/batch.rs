//! Events that are published together.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::fake_server::{FakeServer, PATIENCE};
use pusher::c_api::codes::*;
use pusher::{Batch, Error, Event, Publisher};

/// A batch of these events, to one topic.
fn batch(events: impl IntoIterator<Item = impl AsRef<str>>) -> Batch {
    let mut batch = Batch::new();
    for event in events {
        batch.push(&Event::new("t", event.as_ref())).unwrap();
    }
    batch
}

/// The sequence, or the error's code, of every event.
fn publish(publisher: &mut Publisher, batch: &Batch) -> Vec<Result<u64, i32>> {
    let mut answers = Vec::new();
    publisher.publish_batch(batch, |answer| {
        answers.push(answer.map(|r| r.sequence).map_err(Error::code));
    });
    assert_eq!(answers.len(), batch.len());
    answers
}

#[test]
fn a_batch_is_written_before_the_first_answer_and_answered_in_order() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        let requests = [
            peer.read_publish()?,
            peer.read_publish()?,
            peer.read_publish()?,
        ];
        for received in requests {
            peer.write(format!("[4,{},1{},0]\n", received.request, received.event))?;
        }
        peer.serve_one()
    });
    let mut publisher = server.publisher();
    let answers = publish(&mut publisher, &batch(["1", "2", "3"]));
    assert_eq!(answers, [Ok(11), Ok(12), Ok(13)]);
    publisher.publish("t", "4").unwrap();
    assert_eq!(server.connection_count(), 1);
}

#[test]
fn an_empty_batch_publishes_nothing() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    assert_eq!(publish(&mut server.publisher(), &Batch::new()), []);
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn a_refused_event_does_not_affect_the_others() {
    let server = FakeServer::tcp(|_, peer| {
        peer.welcome()?;
        peer.serve_one()?;
        let request = peer.read_publish()?.request;
        peer.write(format!("[5,{request},\"overloaded\",\"no room\"]\n"))?;
        loop {
            peer.serve_one()?;
        }
    });
    let mut publisher = server.publisher();
    let answers = publish(&mut publisher, &batch(["1", "2", "3"]));
    assert_eq!(answers, [Ok(1), Err(PUSH_EBUSY), Ok(3)]);
    assert!(publisher.is_connected());
}

#[test]
fn unanswered_events_get_the_connections_error_and_are_not_sent_again() {
    let server = FakeServer::tcp(|_, peer| {
        peer.welcome()?;
        peer.serve_one()?;
        peer.serve_one()?;
        peer.read_publish()?;
        Ok(())
    });
    let mut publisher = server.publisher();
    let answers = publish(&mut publisher, &batch(["1", "2", "3"]));
    assert_eq!(answers, [Ok(1), Ok(2), Err(PUSH_ECLOSED)]);
    assert!(!publisher.is_connected());
    assert_eq!((server.events().len(), server.connection_count()), (3, 1));
}

/// Each event fills a chunk, so that the connection ends between two of them.
#[test]
fn answered_events_are_not_sent_again_when_a_later_chunk_fails() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        peer.serve_one()
    });
    let long = format!("\"{}\"", "x".repeat(100_000));
    let mut publisher = server.publisher();
    let answers = publish(&mut publisher, &batch([&long, &long, &long]));
    assert_eq!(answers, [Ok(1), Err(PUSH_ECLOSED), Err(PUSH_ECLOSED)]);
    drop(publisher);
    assert_eq!(server.events(), [long]);
}

#[test]
fn a_closed_connection_is_opened_again() {
    let (end, ended) = mpsc::channel();
    let server = FakeServer::unix(move |index, peer| {
        if index > 0 {
            return peer.serve();
        }
        peer.welcome()?;
        peer.serve_one()?;
        peer.write("[5,null,\"shutting_down\",\"pushd ends\"]\n")?;
        end.send(()).unwrap();
        Ok(())
    });
    let mut publisher = server.publisher();
    publisher.publish("t", "1").unwrap();
    ended.recv_timeout(PATIENCE).unwrap();
    let answers = publish(&mut publisher, &batch(["2", "3"]));
    assert_eq!(answers, [Ok(1), Ok(2)]);
    assert_eq!(server.events(), ["1", "2", "3"]);
    assert_eq!(server.connection_count(), 2);
}

#[test]
fn one_timeout_covers_the_whole_batch() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        peer.serve_one()?;
        peer.wait_for_close()
    });
    let timeout = Duration::from_millis(100);
    let mut publisher = server.publisher_with_timeout(timeout);
    let begin = Instant::now();
    let answers = publish(&mut publisher, &batch((0..200).map(|n| n.to_string())));
    // If each of them had its own: 20 s.
    assert!((timeout..timeout * 100).contains(&begin.elapsed()));
    assert_eq!(answers[0], Ok(1));
    assert_eq!(answers[1..], [Err(PUSH_ETIMEOUT); 199]);
    assert!(!publisher.is_connected());
}

#[test]
fn the_largest_batch_passes_and_one_more_event_does_not() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let event = format!("\"{}\"", "x".repeat(4_000));
    let mut many = batch((0..Batch::EVENTS_MAX).map(|_| &event));
    let error = many.push(&Event::new("t", "1")).unwrap_err();
    assert!(matches!(error, Error::BatchFull) && error.is_callers_mistake());
    assert!(error.to_string().contains("1000 events"), "{error}");
    let answers = publish(&mut server.publisher(), &many);
    assert!((1..).zip(&answers).all(|(n, answer)| *answer == Ok(n)));
    assert_eq!(answers.len(), Batch::EVENTS_MAX);
}

#[test]
fn a_batch_has_a_limit_in_bytes() {
    // `[3,n,"t",""]` and the line end around each.
    let around = 13;
    let event = |len: usize| format!("\"{}\"", "x".repeat(len - around));
    let part = Batch::BYTES_MAX / 4;
    let mut full = batch([event(part), event(part), event(part)]);
    assert!(matches!(
        full.push(&Event::new("t", &event(part + 1))),
        Err(Error::BatchFull)
    ));
    full.push(&Event::new("t", &event(part))).unwrap();
    assert!(matches!(
        full.push(&Event::new("t", "1")),
        Err(Error::BatchFull)
    ));
    assert_eq!(full.len(), 4);
}

#[test]
fn a_mistake_leaves_the_batch_unchanged() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let mut batch = batch(["1"]);
    for (topic, event, id, code) in [
        ("", "2", None, PUSH_ETOPIC),
        ("t", "{", None, PUSH_EJSON),
        ("t", "2", Some(""), PUSH_EINVAL),
    ] {
        assert_eq!(
            batch
                .push(&Event {
                    id,
                    ..Event::new(topic, event)
                })
                .unwrap_err()
                .code(),
            code
        );
    }
    batch
        .push(&Event {
            id: Some("id"),
            ..Event::new("t", "3")
        })
        .unwrap();
    assert_eq!(publish(&mut server.publisher(), &batch), [Ok(1), Ok(2)]);
    assert_eq!(server.events(), ["1", "3"]);
}
