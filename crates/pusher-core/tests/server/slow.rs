//! Slow consumers.

use std::time::Duration;

use pusher_core::{Options, Recipe, SlowConsumer, SlowPolicy};

use crate::support::{
    Browser, NEVER, TestServer, WAIT, on_any_ports, raise_open_files, start, start_server,
};

const SOON: Duration = Duration::from_millis(50);

fn start_options(change: impl FnOnce(&mut Options)) -> TestServer {
    let mut options = on_any_ports();
    options.live.limits.write_timeout = NEVER;
    change(&mut options);
    start_server(options, Recipe::default())
}

fn with_policy(policy: SlowPolicy, change: impl FnOnce(&mut Options)) -> TestServer {
    start_options(|options| {
        options.live.slow_policies = vec![("t*".parse().unwrap(), policy)];
        change(options);
    })
}

/// Returns an event with a number and a length.
fn event(number: u64, len: usize) -> String {
    format!("[{number},\"{}\"]", "x".repeat(len))
}

/// Returns the number of a received event.
fn number(message: &str) -> u64 {
    let (topic, event): (_, (u64, String)) = {
        let (_, topic, event): (u8, String, (u64, String)) = serde_json::from_str(message).unwrap();
        (topic, event)
    };
    assert!(topic.starts_with('t'), "{topic}");
    event.0
}

/// Publishes until the outbox of a browser that does not read has events.
fn fill(server: &TestServer, topic: &str, len: usize) -> u64 {
    let started = std::time::Instant::now();
    let mut publisher = server.publisher();
    let mut published = 0;
    while server.hub.stats().outboxes == 0 {
        published += 1;
        publisher.publish(topic, &event(published, len));
        assert!(started.elapsed() < WAIT, "the kernel buffers everything");
    }
    published
}

#[test]
fn stalled_browser_is_dropped_at_write_timeout() {
    let server = start(|limits| limits.write_timeout = SOON);
    let _stuck = server.subscriber("t");
    fill(&server, "t", 50_000);
    server.until("the connection has closed", |hub| hub.session_count() == 0);
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::Stall), slow.total()), (1, 1));
}

#[test]
fn slow_but_steady_browser_stays() {
    let server = start_options(|options| options.live.limits.outbox_len_max = 100 << 20);
    let mut slow = server.subscriber("t");
    let published = fill(&server, "t", 50_000);
    for expect in 1..=published {
        assert_eq!(number(&slow.message()), expect);
    }
    assert_eq!(server.hub.stats().outboxes, 0);
}

/// A slow line needs a second per event. Two events published at the same moment must both arrive.
#[test]
fn event_is_queued_while_outbox_is_within_limit() {
    let server = start_options(|options| options.live.limits.history_len_max = 0);
    let mut slow = server.subscriber("t");
    // All of this fits in the outbox.
    let large = 1024 * 1024 - 200;
    let mut publisher = server.publisher();
    let mut last = 1000;
    let mut publish = || {
        last += 1;
        publisher.publish("t", &event(last, large));
        server.until("the event has left the backlog", |hub| {
            hub.backlog_len() == 0
        });
        last
    };
    while server.hub.stats().outboxes == 0 {
        publish();
    }
    let last = publish();
    assert_eq!(server.hub.session_count(), 1);
    for expect in 1001..=last {
        assert_eq!(number(&slow.message()), expect);
    }
    // Beyond the limit: one event is being sent, one is queued, and one is new.
    while server.hub.session_count() == 1 {
        publish();
        assert!(server.hub.stats().outboxes_len < 3 * 1024 * 1024 + 100);
    }
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::Outbox), slow.total()), (1, 1));
}

/// An article of 1 MB is 3 MB of escaped JSON. Events about its comments follow at once.
#[test]
fn large_event_leaves_room_in_outbox() {
    let server = start_options(|options| options.live.limits.outbox_len_max = 100_000);
    let mut slow = server.subscriber("t");
    let mut publisher = server.publisher();
    let mut last = 1000;
    let mut publish = |len: usize| {
        last += 1;
        publisher.publish("t", &event(last, len));
        server.until("the event has left the backlog", |hub| {
            hub.backlog_len() == 0
        });
        last
    };
    while server.hub.stats().outboxes == 0 {
        publish(3_000_000);
    }
    for _ in 0..9 {
        publish(10_000);
    }
    let last = publish(3_000_000);
    assert_eq!(server.hub.session_count(), 1);
    for expect in 1001..=last {
        assert_eq!(number(&slow.message()), expect);
    }
}

#[test]
fn drop_oldest_drops_oldest_events() {
    let server = with_policy(SlowPolicy::DropOldest, |options| {
        options.live.limits.outbox_len_max = 500_000;
    });
    let mut slow = server.subscriber("t");
    let mut quick = server.subscriber("t");
    let mut publisher = server.publisher();
    let mut last = 0;
    while server.hub.stats().deliveries_dropped < 20 {
        last += 1;
        publisher.publish("t", &event(last, 50_000));
        assert_eq!(number(&quick.message()), last);
    }
    // The slow browser may be on another shard.
    server.until("the last event has left the backlog", |hub| {
        hub.backlog_len() == 0
    });
    // The limit plus one event.
    assert!(server.hub.stats().outboxes_len <= 500_000 + 50_100);
    let left_out = server.hub.stats().deliveries_dropped;
    let arrived = arrived_until(&mut slow, last);
    assert!(arrived.is_sorted());
    assert_eq!(arrived.len() as u64 + left_out, last);
    // There is one gap, before the kept events.
    let gaps = arrived.windows(2).filter(|pair| pair[1] != pair[0] + 1);
    assert_eq!(gaps.count(), 1);
    assert_eq!(server.hub.stats().slow_consumers.total(), 0);
}

#[test]
fn latest_keeps_last_event_of_each_topic() {
    let server = with_policy(SlowPolicy::KeepLatest, |_| {});
    let mut slow = server.subscriber("t");
    slow.subscribe("t2");
    let published = fill(&server, "t", 50_000);
    let mut publisher = server.publisher();
    for number in 1000..1100 {
        publisher.publish("t", &event(number, 50_000));
        publisher.publish("t2", &event(number, 10));
    }
    // The event that was being written, and one per topic.
    let stats = server.hub.stats();
    assert!(stats.outboxes_len < 200_000, "{}", stats.outboxes_len);
    let mut messages = Vec::new();
    while messages.iter().filter(|&&number| number == 1099).count() < 2 {
        messages.push(number(&slow.message()));
    }
    // The kernel may have accepted more events before.
    let left_out = server.hub.stats().deliveries_dropped;
    assert!(left_out > 50, "{left_out}");
    assert_eq!(messages.len() as u64 + left_out, published + 200);
    assert!(messages.is_sorted(), "{messages:?}");
}

/// Receives events up to the last one. Returns their numbers.
fn arrived_until(browser: &mut Browser, last: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        numbers.push(number(&browser.message()));
    }
    numbers
}

/// Each browser has its own topic, so that no memory is shared.
#[test]
fn queued_events_are_limited_in_total() {
    let server = start_options(|options| {
        options.live.limits.history_len_max = 0;
        options.live.limits.events_len_max = 4 << 20;
        options.live.limits.outbox_len_max = 100 << 20;
        // The heartbeat does not run during the test, so the limit alone drops the browsers.
        options.live.limits.ping_interval = NEVER;
        options.live.limits.pong_timeout = NEVER;
    });
    let topics: Vec<_> = (0..10).map(|number| format!("t{number}")).collect();
    let stuck: Vec<_> = topics
        .iter()
        .map(|topic| server.subscriber(topic))
        .collect();
    let mut quick = server.subscriber("t");
    let mut publisher = server.publisher();
    let started = std::time::Instant::now();
    let mut sent = 0;
    while server.hub.session_count() > 1 {
        sent += 1;
        for topic in topics.iter().chain([&"t".to_owned()]) {
            publisher.publish(topic, &event(sent, 100_000));
            // Events in the backlog would add to the measured memory.
            server.until("the event has left the backlog", |hub| {
                hub.stats().backlog_len == 0
            });
            let events_len = server.hub.stats().events_len;
            assert!(events_len < 5 << 20, "{events_len}");
        }
        assert_eq!(number(&quick.message()), sent);
        assert!(started.elapsed() < WAIT, "no browser was dropped");
    }
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::Memory), slow.total()), (10, 10));
    drop(stuck);
}

#[test]
fn slowest_browsers_are_dropped_if_memory_is_tight() {
    let server = start_options(|options| {
        options.live.limits.events_len_max = 8 << 20;
        options.live.limits.outbox_len_max = 100 << 20;
        options.live.limits.write_timeout = NEVER;
        options.live.limits.ping_interval = Duration::from_secs(2);
        options.live.limits.pong_timeout = NEVER;
    });
    let _stuck = server.subscriber("t");
    let half = 4 << 20;
    let mut sent = 0;
    while server.hub.stats().events_len <= half && server.hub.session_count() == 1 {
        sent += 1;
        // Events in the backlog would add to the measured memory.
        server.publish_flushed("t", &event(sent, 100_000));
    }
    server.until("the connection has closed", |hub| hub.session_count() == 0);
    assert_eq!(
        server.hub.stats().slow_consumers.get(SlowConsumer::Memory),
        1
    );
    server.until("its memory is free", |hub| hub.stats().events_len == 0);
}

/// The outboxes share the queued events, so each event is in memory once.
#[test]
fn slow_browsers_share_queued_events() {
    raise_open_files();
    let server = start_options(|options| {
        options.live.limits.history_len_max = 0;
        options.live.limits.outbox_len_max = 1 << 20;
    });
    let stuck: Vec<_> = (0..1000).map(|_| server.subscriber("t")).collect();
    let mut quick = server.subscriber("t");
    let mut publisher = server.publisher();
    let (mut sent, mut worst) = (0, 0);
    while server.hub.subscriber_count("t") > 1 {
        sent += 1;
        publisher.publish("t", &event(sent, 100_000));
        assert_eq!(number(&quick.message()), sent);
        worst = worst.max(server.hub.stats().events_len);
        assert!(sent < 1000, "the kernel buffers everything");
    }
    assert!(worst < 16 << 20, "{worst} bytes for events");
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::Outbox), slow.total()), (1000, 1000));
    drop(stuck);
}
