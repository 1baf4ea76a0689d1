//! Subscriptions from a position: the missed events, or a gap.

use std::time::Duration;

use pusher_core::{Gap, Position};
use serde_json::json;

use super::{Pushd1, Subscribed, publish, start_options};
use crate::support::{on_any_ports, start};

#[test]
fn missed_events_arrive_once_and_in_order() {
    let server = start(|_| {});
    let before = publish(&server, "t", 1..=2);
    publish(&server, "u", 100..=101);
    let end = publish(&server, "t", 3..=5);
    let mut browser = Pushd1::connect(&server);
    let subscribed = Subscribed {
        position: end.clone(),
        is_recovered: true,
        replayed: 3,
    };
    assert_eq!(browser.subscribe("t", Some(&before)), subscribed);
    publish(&server, "t", [6]);
    let events: Vec<_> = (0..4).map(|_| browser.event()).collect();
    assert_eq!(events, [(3, 5), (4, 6), (5, 7), (6, 8)]);
    // The position of one topic is valid for every topic.
    let subscribed = browser.subscribe("u", Some(&before));
    assert_eq!(subscribed.replayed, 2);
    assert_eq!([browser.event(), browser.event()], [(100, 3), (101, 4)]);
    browser.0.barrier();
    let stats = server.hub.stats();
    assert_eq!((stats.recovered, stats.gaps.total()), (2, 0));
    // The sixth event may have come from the log, too.
    assert!((5..=6).contains(&stats.events_replayed), "{stats:?}");
    assert_eq!(stats.log_readers, 0);
}

#[test]
fn subscription_without_position_begins_with_next_event() {
    let server = start(|_| {});
    let end = publish(&server, "t", 1..=3);
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("t", None);
    assert_eq!(
        subscribed,
        Subscribed {
            position: end,
            is_recovered: true,
            replayed: 0
        }
    );
    // A second SUBSCRIBE has no answer.
    browser.0.send("[5,\"t\"]");
    browser.0.barrier();
    publish(&server, "t", [4]);
    assert_eq!(browser.event(), (4, 4));
    browser.0.barrier();
}

#[test]
fn other_positions_are_gaps() {
    let server = start(|limits| limits.history_topic_events_max = 2);
    let old = publish(&server, "t", [1]);
    let oldest = publish(&server, "t", [2]);
    publish(&server, "t", 3..=4);
    let epoch = server.hub.position().epoch;
    let at = |epoch, sequence| Position { epoch, sequence }.to_string();
    for (since, replayed) in [
        (at(epoch ^ 1, 4), None),
        (at(epoch, 5), None),
        (at(epoch, u64::MAX >> 11), None),
        (at(epoch, 0), None),
        (old, None),
        (oldest, Some(2)),
        (at(epoch, 4), Some(0)),
        ("".to_owned(), None),
        ("x".repeat(10_000), None),
        (format!("{}-+4", &at(epoch, 4)[..16]), None),
    ] {
        let mut browser = Pushd1::connect(&server);
        let subscribed = browser.subscribe("t", Some(&since));
        let expected = (replayed.is_some(), replayed.unwrap_or(0));
        assert_eq!(
            (subscribed.is_recovered, subscribed.replayed),
            expected,
            "{since}"
        );
        browser.0.send("[6,\"t\"]");
    }
    let gaps = server.hub.stats().gaps;
    let counts = [Gap::Epoch, Gap::Ahead, Gap::Forgotten, Gap::Malformed];
    assert_eq!(counts.map(|gap| gaps.get(gap)), [1, 2, 2, 3]);
}

#[test]
fn position_of_a_megabyte_ends_the_session() {
    let server = start(|_| {});
    let mut browser = Pushd1::connect(&server);
    let since = "x".repeat(1 << 20);
    browser
        .0
        .send(&json!([5, "t", {"since": since}]).to_string());
    assert_eq!(browser.0.close_code(), 1009);
}

#[test]
fn quiet_topic_has_no_gap_when_the_log_forgets_others() {
    let server = start(|limits| limits.history_len_max = 10_000);
    let before = publish(&server, "quiet", [1]);
    publish(&server, "busy", 1..=1000);
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("quiet", Some(&before));
    assert_eq!((subscribed.is_recovered, subscribed.replayed), (true, 0));
    let subscribed = browser.subscribe("busy", Some(&before));
    assert!(!subscribed.is_recovered);
    let stats = server.hub.stats();
    assert!(
        stats.log_len <= 10_000 && stats.log_events > 10,
        "{stats:?}"
    );
}

#[test]
fn topic_without_history_is_a_gap() {
    let server = start_options(|options| options.live.history = vec!["a*".parse().unwrap()]);
    let before = publish(&server, "a", [1]);
    publish(&server, "b", [2]);
    let mut browser = Pushd1::connect(&server);
    assert_eq!(browser.subscribe("a", Some(&before)).replayed, 0);
    assert!(!browser.subscribe("b", Some(&before)).is_recovered);
    let end = server.hub.position().to_string();
    assert!(browser.subscribe("b2", Some(&end)).is_recovered);
    publish(&server, "b", [3]);
    assert_eq!(browser.event(), (3, 3));
    let mut options = on_any_ports();
    options.live.limits.history_len_max = 0;
    server.control.reload(options.live).unwrap();
    publish(&server, "a", [4]);
    let mut late = Pushd1::connect(&server);
    assert!(!late.subscribe("a", Some(&before)).is_recovered);
}

#[test]
fn old_events_are_forgotten() {
    let server = start(|limits| {
        limits.history_age_max = Duration::from_millis(50);
        limits.ping_interval = Duration::from_millis(50);
    });
    let before = server.hub.position().to_string();
    publish(&server, "t", [1]);
    server.until("the event is forgotten", |hub| hub.stats().log_events == 0);
    let mut browser = Pushd1::connect(&server);
    assert!(!browser.subscribe("t", Some(&before)).is_recovered);
}

#[test]
fn publishers_can_ask_for_the_position() {
    let server = start(|_| {});
    let mut publisher = server.publisher();
    let epoch = server.hub.position().epoch;
    publisher.send("[6,1][3,2,\"t\",1][6,3,\"from a later version\"]");
    assert_eq!(publisher.line(), format!("[7,1,\"{epoch:016x}-0\"]"));
    assert_eq!(
        publisher.whole_line(),
        format!("[4,2,1,0,{{\"position\":\"{epoch:016x}-1\",\"stored\":\"memory\"}}]")
    );
    assert_eq!(publisher.line(), format!("[7,3,\"{epoch:016x}-1\"]"));
}
