//! Every subscriber gets every event once, in the order of the receipts.

use std::collections::BTreeMap;
use std::thread;

use crate::support::start;

#[test]
fn publish_reaches_only_its_subscribers() {
    let server = start(|_| {});
    let mut subscribers: Vec<_> = (0..4).map(|_| server.subscriber("cats")).collect();
    let mut other = server.subscriber("dogs");
    let mut publisher = server.publisher();
    assert_eq!(publisher.publish("cats", r#"{"a": 1.0}"#), (1, 4));
    assert_eq!(publisher.publish("nobody", "{}").1, 0);
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.message(), r#"[8,"cats",{"a": 1.0}]"#);
    }
    other.barrier();
    for mut subscriber in subscribers.drain(..2) {
        subscriber.send(r#"[6,"cats"]"#);
        subscriber.barrier();
    }
    assert_eq!(publisher.publish("cats", "2"), (3, 2));
    drop(subscribers);
    server.until("they are gone", |hub| hub.session_count() == 1);
    assert_eq!(server.hub.topics(), [("dogs".into(), 1)]);
}

/// Uses more subscribers than the flusher serves in one turn, on both shards, and several publishers.
#[test]
fn events_arrive_in_order_of_receipts() {
    const PUBLISHERS: usize = 4;
    const EVENTS: usize = 50;
    let server = start(|_| {});
    let mut subscribers: Vec<_> = (0..400).map(|_| server.subscriber("t")).collect();
    let publish_all = |index: usize| {
        let mut publisher = server.publisher();
        let publish = |number: usize| {
            let event = format!("\"{index}-{number}\"");
            let (sequence, count) = publisher.publish("t", &event);
            assert_eq!(count, 400);
            (sequence, format!("[8,\"t\",{event}]"))
        };
        (0..EVENTS).map(publish).collect::<Vec<_>>()
    };
    let expect: BTreeMap<u64, String> = thread::scope(|scope| {
        let threads: Vec<_> = (0..PUBLISHERS)
            .map(|index| scope.spawn(move || publish_all(index)))
            .collect();
        let receipts = threads.into_iter().map(|thread| thread.join().unwrap());
        receipts.flatten().collect()
    });
    assert_eq!(
        expect.len(),
        PUBLISHERS * EVENTS,
        "no sequence number occurs twice"
    );
    for subscriber in &mut subscribers {
        for event in expect.values() {
            assert_eq!(&subscriber.message(), event);
        }
        subscriber.barrier();
    }
}

#[test]
fn subscription_churn_disturbs_no_subscriber() {
    let server = start(|_| {});
    let mut steady = server.subscriber("t");
    let server = &server;
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..60 {
                    let mut passing = server.browser();
                    passing.send(r#"[5,"t"]"#);
                }
            });
        }
        let mut publisher = server.publisher();
        for number in 0..300 {
            publisher.publish("t", &number.to_string());
        }
    });
    for number in 0..300 {
        assert_eq!(steady.message(), format!("[8,\"t\",{number}]"));
    }
    server.until("only one is left", |hub| hub.subscriber_count("t") == 1);
}

#[test]
fn second_subscribe_has_no_effect() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    browser.subscribe("t");
    let mut publisher = server.publisher();
    assert_eq!(publisher.publish("t", "1").1, 1);
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
    browser.barrier();
    browser.send(r#"[6,"t"]"#);
    browser.send(r#"[6,"unknown"]"#);
    browser.barrier();
    assert_eq!(publisher.publish("t", "2").1, 0);
    browser.barrier();
}

#[test]
fn large_and_small_events_keep_their_order() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut publisher = server.publisher();
    let large = format!("\"{}\"", "x".repeat(700_000));
    for event in ["1", &large, "2", "3", &large, "4"] {
        publisher.publish("t", event);
    }
    for event in ["1", &large, "2", "3", &large, "4"] {
        assert_eq!(browser.message().len(), event.len() + 8);
    }
}
