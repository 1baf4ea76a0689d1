//! Writes to several browsers with one system call (io_uring), while some of the browsers are slow or gone.

use std::thread;

use pusher_core::{IoUring, Options, Recipe, SlowConsumer, SlowPolicy};

use tokio_tungstenite::tungstenite::Message;

use crate::support::{Browser, TestServer, WAIT, on_any_ports, start_server};

/// Several batches, of which the last one is not full.
const SUBSCRIBERS: usize = 150;

/// Starts a server with one shard, so that all subscribers are in the same batches.
fn start_batching(change: impl FnOnce(&mut Options)) -> TestServer {
    let mut options = on_any_ports();
    options.io_uring = IoUring::Auto;
    options.shards = 1;
    options.live.limits.write_timeout = WAIT * 10;
    change(&mut options);
    start_server(options, Recipe::default())
}

fn event(number: u64) -> String {
    format!("[{number},\"{}\"]", "x".repeat(100_000))
}

fn number(browser: &mut Browser) -> u64 {
    let message = browser.message();
    let (_, _, event): (u8, String, (u64, String)) = serde_json::from_str(&message).unwrap();
    event.0
}

/// Publishes until `is_enough`. The quick browsers read each event. Returns the number of events.
fn publish_until(server: &TestServer, quick: &mut [Browser], is_enough: impl Fn() -> bool) -> u64 {
    let mut publisher = server.publisher();
    let mut last = 0;
    while !is_enough() {
        last += 1;
        publisher.publish("t", &event(last));
        for browser in &mut *quick {
            assert_eq!(number(browser), last);
        }
        assert!(last < 1000, "the kernel buffers everything");
    }
    last
}

#[test]
fn every_subscriber_gets_every_event_in_order() {
    const EVENTS: usize = 50;
    let server = start_batching(|_| {});
    let mut browsers: Vec<_> = (0..SUBSCRIBERS).map(|_| server.subscriber("t")).collect();
    thread::scope(|scope| {
        for name in ["one", "other"] {
            let mut publisher = server.publisher();
            scope.spawn(move || {
                for number in 0..EVENTS {
                    publisher.publish("t", &format!("[\"{name}\",{number}]"));
                }
            });
        }
    });
    let read_all = |browser: &mut Browser| {
        let messages = (0..2 * EVENTS).map(|_| browser.message());
        messages.collect::<Vec<_>>()
    };
    let (first, others) = browsers.split_first_mut().unwrap();
    let expected = read_all(first);
    for browser in others {
        assert_eq!(read_all(browser), expected);
    }
    let stats = server.hub.stats();
    assert_eq!(stats.deliveries, (2 * EVENTS * SUBSCRIBERS) as u64);
}

/// After each change, the rest of a round checks each subscriber.
#[test]
fn subscribers_come_and_go_during_a_round() {
    const EVENTS: usize = 100;
    let server = start_batching(|options| {
        options.live.limits.client_messages_per_second = u32::MAX;
    });
    let mut browsers: Vec<_> = (0..SUBSCRIBERS).map(|_| server.subscriber("t")).collect();
    let mut other = server.browser();
    let mut publisher = server.publisher();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..EVENTS {
                other.send(r#"[5,"t"]"#);
                other.send(r#"[6,"t"]"#);
                other.socket.send(Message::Ping("done".into())).unwrap();
                while !other.read().unwrap().is_pong() {}
            }
        });
        for number in 0..EVENTS {
            publisher.publish("t", &number.to_string());
        }
    });
    for browser in &mut browsers {
        for number in 0..EVENTS {
            assert_eq!(browser.message(), format!("[8,\"t\",{number}]"));
        }
    }
}

#[test]
fn slow_browsers_read_the_log_and_miss_nothing() {
    let server = start_batching(|options| options.live.limits.outbox_len_max = 200_000);
    let mut browsers: Vec<_> = (0..9).map(|_| server.subscriber("t")).collect();
    let (slow, quick) = browsers.split_at_mut(2);
    let last = publish_until(&server, quick, || server.hub.stats().log_readers >= 2);
    for browser in slow {
        for expected in 1..=last {
            assert_eq!(number(browser), expected);
        }
    }
    server.until("the slow browsers have caught up", |hub| {
        hub.stats().log_readers == 0
    });
    let mut publisher = server.publisher();
    publisher.publish("t", &event(last + 1));
    for browser in &mut browsers {
        assert_eq!(number(browser), last + 1);
    }
}

#[test]
fn slow_browser_is_dropped_alone_without_a_log() {
    let server = start_batching(|options| {
        options.live.limits.history_len_max = 0;
        options.live.limits.outbox_len_max = 200_000;
    });
    let _slow = server.subscriber("t");
    let mut quick: Vec<_> = (0..8).map(|_| server.subscriber("t")).collect();
    let slow_consumers = || server.hub.stats().slow_consumers;
    publish_until(&server, &mut quick, || slow_consumers().total() > 0);
    assert_eq!(slow_consumers().get(SlowConsumer::Outbox), 1);
    server.until("only the slow browser is gone", |hub| {
        hub.session_count() == 8
    });
}

#[test]
fn slow_browser_loses_what_its_policy_says() {
    let server = start_batching(|options| {
        options.live.limits.outbox_len_max = 200_000;
        options.live.slow_policies = vec![("t".parse().unwrap(), SlowPolicy::DropOldest)];
    });
    let mut slow = server.subscriber("t");
    let mut quick: Vec<_> = (0..8).map(|_| server.subscriber("t")).collect();
    let dropped = || server.hub.stats().deliveries_dropped;
    let last = publish_until(&server, &mut quick, || dropped() > 5);
    let mut arrived = vec![number(&mut slow)];
    while arrived.last() != Some(&last) {
        arrived.push(number(&mut slow));
    }
    assert!(arrived.is_sorted());
    assert_eq!(arrived.len() as u64 + dropped(), last);
}

#[test]
fn browsers_that_have_closed_harm_no_other() {
    let server = start_batching(|_| {});
    let mut browsers: Vec<_> = (0..20).map(|_| server.subscriber("t")).collect();
    let mut publisher = server.publisher();
    for number in 1..=10 {
        // A reset: a browser with unread events closes.
        publisher.publish("t", "[]");
        drop(browsers.swap_remove(3));
        let (_, subscribers) = publisher.publish("t", &number.to_string());
        assert!(subscribers >= browsers.len() as u64);
    }
    for browser in &mut browsers {
        for number in 1..=10 {
            assert_eq!(browser.message(), r#"[8,"t",[]]"#);
            assert_eq!(browser.message(), format!(r#"[8,"t",{number}]"#));
        }
    }
    server.until("the closed ones are gone", |hub| hub.session_count() == 10);
}
