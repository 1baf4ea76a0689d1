//! The failures after which libpusher writes to the spool, and the fields of the records.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::fake_server::{FakeServer, PATIENCE};
use pusher::c_api::codes::*;
use pusher::{Address, Batch, Error, Event, Options, Publisher, Receipt, SpoolFailure};
use pusher_proto::spool::{self, Record};
use tempfile::TempDir;

/// The options of a publisher with this spool.
pub(crate) fn options(address: Address, dir: &Path) -> Options {
    Options {
        timeout: PATIENCE,
        spool_dir: Some(dir.to_owned()),
        ..Options::new(address)
    }
}

/// An address at which no server listens.
pub(crate) fn absent() -> Address {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("publish.sock");
    format!("unix:{}", path.display()).parse().unwrap()
}

/// The records in the active file.
pub(crate) fn records<T>(dir: &Path, read: impl Fn(Record<'_>) -> T) -> Vec<T> {
    let file = fs::read(dir.join(spool::FILE_NAME)).unwrap_or_default();
    let lines = file.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| read(spool::decode(line).unwrap()))
        .collect()
}

pub(crate) fn events(dir: &Path) -> Vec<String> {
    records(dir, |record| record.event.to_owned())
}

/// The receipt of a spooled event.
const SPOOLED: Receipt = Receipt {
    sequence: 0,
    subscribers: 0,
    position: None,
    stored: pusher::Stored::No,
    nodes: None,
    spooled: true,
};

#[test]
fn a_record_has_the_event_and_its_options() {
    let dir = TempDir::new().unwrap();
    let before = SystemTime::now();
    let mut publisher = Publisher::new(Options {
        token: Some("s3cret".parse().unwrap()),
        ..options(absent(), dir.path())
    });
    let event = Event {
        id: Some("order-7"),
        latest: true,
        ttl_s: Some(60),
        ..Event::new("猫", "{\"n\":\n1.0}")
    };
    assert_eq!(publisher.publish_event(&event).unwrap(), SPOOLED);
    assert_eq!(publisher.publish("t", "2").unwrap(), SPOOLED);
    let found = records(dir.path(), |record| {
        let latest = record.latest;
        let token = record.token.map(|token| token.into_owned());
        let id = record.id.into_owned();
        (record.ttl_s, id, latest, token, record.event.to_owned())
    });
    let token = Some("s3cret".to_owned());
    let made = found[1].1.clone();
    assert_eq!(made.len(), 32);
    assert_eq!(
        found,
        [
            (
                60,
                "order-7".into(),
                true,
                token.clone(),
                "{\"n\": 1.0}".into()
            ),
            (300, made, false, token, "2".into()),
        ]
    );
    for time_ms in records(dir.path(), |record| record.time_ms) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(time_ms + 1);
        assert!(time >= before && time <= SystemTime::now() + Duration::from_millis(1));
    }
}

/// Publishes to a server that answers the first publish with `answer`, or closes if that is empty.
fn publish_to(answer: &'static str, timeout: Duration) -> (Result<Receipt, Error>, Vec<String>) {
    let server = FakeServer::tcp(move |_, peer| {
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        match answer {
            "" => Ok(()),
            "nothing" => peer.wait_for_close(),
            answer => {
                peer.write(answer.replace("REQUEST", &request.to_string()))?;
                peer.wait_for_close()
            }
        }
    });
    let dir = TempDir::new().unwrap();
    let options = Options {
        timeout,
        ..options(server.address(), dir.path())
    };
    let result = Publisher::new(options).publish("t", "1");
    (result, events(dir.path()))
}

#[test]
fn temporary_failures_are_spooled() {
    for answer in [
        "",
        "nothing",
        "[5,REQUEST,\"overloaded\",\"\"]\n",
        "[5,null,\"overloaded\",\"\"]\n",
        "[5,REQUEST,\"log_unavailable\",\"\"]\n",
        "[5,REQUEST,\"shutting_down\",\"\"]\n",
        "[5,null,\"shutting_down\",\"\"]\n",
    ] {
        let timeout = match answer {
            "nothing" => Duration::from_millis(50),
            _ => PATIENCE,
        };
        let (result, events) = publish_to(answer, timeout);
        assert_eq!(result.unwrap(), SPOOLED, "{answer}");
        assert_eq!(events, ["1"], "{answer}");
    }
}

#[test]
fn a_server_that_does_not_answer_the_connection_is_spooled() {
    let dir = TempDir::new().unwrap();
    // A listener with a full queue: connecting blocks.
    let listener =
        socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    let path = dir.path().join("socket");
    let address = socket2::SockAddr::unix(&path).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let waiting = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    waiting.connect(&address).unwrap();
    let mut publisher = Publisher::new(Options {
        timeout: Duration::from_millis(50),
        spool_dir: Some(dir.path().to_owned()),
        ..Options::new(format!("unix:{}", path.display()).parse().unwrap())
    });
    assert_eq!(publisher.publish("t", "1").unwrap(), SPOOLED);
    assert_eq!(events(dir.path()), ["1"]);
}

#[test]
fn other_failures_are_not_spooled() {
    for (answer, code) in [
        ("[5,REQUEST,\"bad_topic\",\"\"]\n", PUSH_ETOPIC),
        ("[5,REQUEST,\"bad_id\",\"\"]\n", PUSH_EINVAL),
        ("[5,REQUEST,\"event_too_large\",\"\"]\n", PUSH_ETOOBIG),
        ("[5,REQUEST,\"too_large\",\"\"]\n", PUSH_ETOOBIG),
        ("[5,REQUEST,\"denied\",\"\"]\n", PUSH_EREFUSED),
        ("[5,null,\"denied\",\"\"]\n", PUSH_EREFUSED),
        ("[5,REQUEST,\"bad_message\",\"\"]\n", PUSH_EREFUSED),
        ("[5,null,\"version\",\"\"]\n", PUSH_EREFUSED),
        ("[5,REQUEST,\"of_a_later_version\",\"\"]\n", PUSH_EREFUSED),
        ("HTTP/1.1 400 Bad Request\n", PUSH_EPROTOCOL),
    ] {
        let (result, events) = publish_to(answer, PATIENCE);
        assert_eq!(result.unwrap_err().code(), code, "{answer}");
        assert_eq!(events.len(), 0, "{answer}");
    }
}

#[test]
fn a_callers_mistake_is_not_spooled() {
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(absent(), dir.path()));
    let long = "x".repeat(4 * 1024 * 1024);
    let of = |topic, json, id, ttl_s| Event {
        id,
        ttl_s,
        ..Event::new(topic, json)
    };
    // The second time, the request to drain fails before the publish.
    for _ in 0..2 {
        for (event, code) in [
            (of("", "1", None, None), PUSH_ETOPIC),
            (of("t", "{", None, None), PUSH_EJSON),
            (of("t", "1", Some(""), None), PUSH_EINVAL),
            (of("t", &long, None, None), PUSH_ETOOBIG),
            (of("t", "1", None, Some(0)), PUSH_ECONFIG),
            (of("t", "1", None, Some(86_401)), PUSH_ECONFIG),
        ] {
            let error = publisher.publish_event(&event).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.is_callers_mistake());
        }
        assert!(publisher.publish("t", "1").unwrap().spooled);
    }
    assert_eq!(events(dir.path()), ["1", "1"]);
}

#[test]
fn without_a_spool_nothing_changes() {
    let mut publisher = Publisher::new(Options::new(absent()));
    let error = publisher.publish("t", "1").unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    let failure = publisher.spool_event(&Event::new("t", "1"));
    assert!(matches!(failure, Err(SpoolFailure::Off)));
}

#[test]
fn the_spool_can_be_changed_between_publishes() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut publisher = Publisher::new(Options::new(absent()));
    for (dir, ttl_s) in [(&first, 1), (&first, 2), (&second, 3)] {
        publisher.set_spool(Some(dir.path()), ttl_s);
        assert!(publisher.publish("t", "1").unwrap().spooled);
    }
    publisher.set_spool(None, 1);
    assert!(publisher.publish("t", "1").is_err());
    let ttls = |dir: &TempDir| records(dir.path(), |record| record.ttl_s);
    assert_eq!((ttls(&first), ttls(&second)), (vec![1, 2], vec![3]));
}

#[test]
fn events_are_spooled_without_trying_to_publish_them() {
    let (server, dir) = (
        FakeServer::unix(|_, peer| peer.serve()),
        TempDir::new().unwrap(),
    );
    let publisher = Publisher::new(options(server.address(), dir.path()));
    let receipt = publisher.spool_event(&Event::new("t", "1")).unwrap();
    assert_eq!(receipt, SPOOLED);
    let mut batch = Batch::new();
    for json in ["2", "3"] {
        batch.push(&Event::new("t", json)).unwrap();
    }
    publisher.spool_batch(&batch, |receipt| assert_eq!(receipt.unwrap(), SPOOLED));
    assert_eq!(events(dir.path()), ["1", "2", "3"]);
    assert_eq!(server.connection_count(), 0);
}

#[test]
fn each_event_of_a_batch_is_spooled_that_has_no_receipt() {
    let server = FakeServer::tcp(|_, peer| {
        peer.welcome()?;
        peer.serve_one()?;
        let first = peer.read_publish()?;
        peer.write(format!("[5,{},\"overloaded\",\"\"]\n", first.request))?;
        let second = peer.read_publish()?;
        peer.write(format!("[5,{},\"denied\",\"\"]\n", second.request))
    });
    let dir = TempDir::new().unwrap();
    let mut publisher = Publisher::new(options(server.address(), dir.path()));
    let mut batch = Batch::new();
    for (json, latest) in [("1", true), ("2", true), ("3", true), ("4", false)] {
        let event = Event {
            latest,
            ..Event::new("t", json)
        };
        batch.push(&event).unwrap();
    }
    let mut answers = Vec::new();
    publisher.publish_batch(&batch, |answer| {
        answers.push(answer.map(|receipt| receipt.spooled).map_err(Error::code));
    });
    // "denied" closes the connection: the last event gets the same error.
    let denied = Err(PUSH_EREFUSED);
    assert_eq!(answers, [Ok(false), Ok(true), denied, denied]);
    let latest = records(dir.path(), |record| {
        (record.event.to_owned(), record.latest)
    });
    assert_eq!(latest, [("2".to_owned(), true)]);
    let mut publisher = Publisher::new(options(absent(), dir.path()));
    publisher.publish_batch(&batch, |answer| assert!(answer.unwrap().spooled));
    assert_eq!(events(dir.path()), ["2", "1", "2", "3", "4"]);
}

#[test]
fn an_event_that_may_be_published_has_the_same_id_in_the_spool() {
    for is_batch in [false, true] {
        let (tell, told) = std::sync::mpsc::channel();
        let server = FakeServer::tcp(move |_, peer| {
            peer.welcome()?;
            let _ = tell.send(peer.read_publish()?.id.unwrap());
            Ok(())
        });
        let dir = TempDir::new().unwrap();
        let mut publisher = Publisher::new(options(server.address(), dir.path()));
        if is_batch {
            let mut batch = Batch::new();
            batch.push(&Event::new("t", "1")).unwrap();
            publisher.publish_batch(&batch, |answer| assert!(answer.unwrap().spooled));
        } else {
            assert!(publisher.publish("t", "1").unwrap().spooled);
        }
        let ids = records(dir.path(), |record| record.id.into_owned());
        assert_eq!(ids, [told.recv_timeout(PATIENCE).unwrap()]);
    }
}
