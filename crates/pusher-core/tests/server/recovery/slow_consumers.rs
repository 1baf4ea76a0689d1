//! Slow consumers read from the log.

use pusher_core::SlowConsumer;
use serde_json::{Value, json};

use super::{Pushd1, start_options};

#[test]
fn slow_consumer_reads_from_the_log() {
    let server = start_options(|options| {
        options.live.limits.outbox_len_max = 100_000;
        options.live.limits.history_len_max = 512 << 20;
        options.live.limits.history_topic_len_max = 512 << 20;
        options.live.limits.history_topic_events_max = 100_000;
    });
    let mut slow = server.subscriber("t");
    slow.subscribe("u");
    let mut slow_pushd1 = Pushd1::connect(&server);
    slow_pushd1.subscribe("t", None);
    let filling = "x".repeat(50_000);
    let mut published = 0;
    while server.hub.stats().log_readers < 2 {
        published += 1;
        let event = format!("[{published},\"{filling}\"]");
        server.publish_flushed("t", &event);
        server.publish_flushed("u", &event);
        assert!(published < 2000, "the kernel buffers everything");
    }
    let stats = server.hub.stats();
    assert!(stats.outboxes_len < 500_000, "{stats:?}");
    for _ in 0..100 {
        published += 1;
        let event = format!("[{published},\"{filling}\"]");
        server.publish_flushed("t", &event);
        server.publish_flushed("u", &event);
    }
    let stats = server.hub.stats();
    assert!(stats.outboxes_len < 500_000, "{stats:?}");
    let (mut t, mut u) = (0, 0);
    while t < published || u < published {
        let message: Value = serde_json::from_str(&slow.message()).unwrap();
        let seen = if message[1] == "t" { &mut t } else { &mut u };
        assert_eq!(message[2][0], *seen + 1);
        *seen += 1;
    }
    for number in 1..=published {
        assert_eq!(slow_pushd1.message()[2][0], number);
    }
    server.until("both have caught up", |hub| hub.stats().log_readers == 0);
    server.hub.publish("t", "[0]").unwrap();
    assert_eq!(slow.message(), "[8,\"t\",[0]]");
    assert_eq!(slow_pushd1.message()[2][0], 0);
    assert_eq!(server.hub.stats().slow_consumers.total(), 0);
}

#[test]
fn slow_consumer_behind_the_log_gets_gap() {
    let server = start_options(|options| {
        options.live.limits.outbox_len_max = 100_000;
        options.live.limits.history_len_max = 500_000;
    });
    let mut slow = Pushd1::connect(&server);
    slow.subscribe("t", None);
    let filling = "x".repeat(50_000);
    let mut published = 0;
    while server.hub.stats().log_readers < 1 {
        published += 1;
        let event = format!("[{published},\"{filling}\"]");
        server.publish_flushed("t", &event);
    }
    for _ in 0..20 {
        server.publish_flushed("t", &format!("[0,\"{filling}\"]"));
    }
    let end = server.hub.position().to_string();
    let mut seen = 0;
    let gap = loop {
        let message = slow.message();
        if message[0] != 8 {
            break message;
        }
        assert_eq!(message[2][0], seen + 1);
        seen += 1;
    };
    assert_eq!(gap, json!([10, "t", end]));
    assert!(slow.0.read().is_err(), "the connection ends without close");
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::History), slow.total()), (1, 1));
}

/// An event that is too long for the log goes to the outbox like others. It must not overtake those in front of it that
/// leave the outbox.
#[test]
fn slow_consumer_gets_no_event_behind_a_hole() {
    let server = start_options(|options| {
        options.live.limits.outbox_len_max = 300_000;
        options.live.limits.history_topic_len_max = 100_000;
    });
    let mut slow = Pushd1::connect(&server);
    slow.subscribe("t", None);
    let mut published = 0;
    let mut publish = |len: usize| {
        published += 1;
        assert!(published < 2000, "the kernel buffers everything");
        let event = format!("[{published},\"{}\"]", "x".repeat(len));
        server.publish_flushed("t", &event);
        server.hub.stats()
    };
    while publish(50_000).outboxes_len < 100_000 {}
    publish(150_000);
    while publish(50_000).log_readers == 0 {}
    let mut seen = 0;
    let gap = loop {
        let message = slow.message();
        if message[0] != 8 {
            break message;
        }
        assert_eq!(message[2][0], seen + 1);
        seen += 1;
    };
    assert_eq!(gap[0], 10);
}
