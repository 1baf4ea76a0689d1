//! One order at all daemons, and the contents of receipts.

use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, answer_to, publish};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{Dialect, KEEPS_ALL, check, nodes, position};
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;
use xtask::http;
use xtask::process::wait_until;

const TOPICS: [&str; 3] = ["a", "b", "c"];

#[test]
fn all_subscribers_hear_the_order_of_the_receipts() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 3, &KEEPS_ALL);
    let begin = position(nodes[0].publish);
    let mut followers = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        for topic in TOPICS {
            for dialect in [Dialect::Pushd1, Dialect::EventStream] {
                let follower = Follower::start(dialect, node.web, topic, &begin);
                followers.push((topic, follower));
            }
        }
        let resumed = Dialect::Resumed(number);
        followers.push(("a", Follower::start(resumed, node.web, "a", &begin)));
    }
    // Two publishers at each.
    let addresses: Vec<_> = nodes
        .iter()
        .chain(&nodes)
        .map(|node| node.publish)
        .collect();
    let load = Load::start(&addresses, &TOPICS);
    load.wait_for_more(2_000);
    let published = load.finish();
    for (topic, follower) in &followers {
        let mut newest_first = published.iter().rev();
        let last = newest_first.find(|one| one.topic == *topic).unwrap();
        follower.wait_for(last);
        check::complete(follower, topic, &published);
    }
    let followers: Vec<_> = followers
        .into_iter()
        .map(|(_, follower)| follower)
        .collect();
    check::one_event_per_position(&followers, &published);
    for one in &published {
        assert_eq!(one.receipt[4]["nodes"], 3, "{}", one.receipt);
        assert_eq!(one.receipt[4]["stored"], "memory", "{}", one.receipt);
    }
}

#[test]
fn receipts_count_the_browsers_of_all_nodes() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 3, &[]);
    let counts = [1, 2, 3];
    let mut browsers = Vec::new();
    for (node, count) in nodes.iter().zip(counts) {
        browsers.extend((0..count).map(|_| Wamp::subscribed(node.web, "t")));
    }
    for (node, own) in nodes.iter().zip(counts) {
        // The own browsers count at once, those of the others when they are reported.
        let subscribers = || publish(node.publish, "t", 1).receipt[3].as_u64().unwrap();
        assert!(subscribers() >= own);
        assert!(wait_until(WAIT_MS, || subscribers() == 6), "not 6");
    }
    browsers.remove(0);
    let subscribers = || publish(nodes[2].publish, "t", 1).receipt[3].as_u64();
    assert!(wait_until(WAIT_MS, || subscribers() == Some(5)), "not 5");
}

#[test]
fn an_id_is_known_at_all_nodes() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &[]);
    let mut browser = Wamp::subscribed(nodes[1].web, "t");
    let first = answer_to(nodes[0].publish, "t", 1, Some("same"));
    for node in &nodes {
        let again = answer_to(node.publish, "t", 2, Some("same"));
        assert_eq!(
            (&again[2], &again[4]["position"]),
            (&first[2], &first[4]["position"])
        );
        let mut publisher = Publisher::connect(node.publish);
        publisher.send(
            b"POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\
              Idempotency-Key: same\r\n\r\n3",
        );
        let (status, receipt) = publisher.http_answer();
        let receipt: Value = serde_json::from_str(&receipt).unwrap();
        assert_eq!((status, &receipt["sequence"]), (200, &first[2]));
        assert_eq!(receipt["nodes"], 2);
    }
    let other_topic = answer_to(nodes[1].publish, "u", 4, Some("same"));
    assert_ne!(other_topic[2], first[2]);
    publish(nodes[0].publish, "t", 5);
    assert_eq!(browser.event("t"), 1);
    assert_eq!(browser.event("t"), 5);
}

#[test]
fn both_nodes_publish_an_id_once_at_the_same_time() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &[]);
    let mut browser = Wamp::subscribed(nodes[0].web, "t");
    for payload in 0..100_u64 {
        let id = payload.to_string();
        let answers = std::thread::scope(|scope| {
            let threads: Vec<_> = nodes
                .iter()
                .map(|node| scope.spawn(|| answer_to(node.publish, "t", payload, Some(&id))))
                .collect();
            let answers = threads.into_iter().map(|thread| thread.join().unwrap());
            answers.collect::<Vec<_>>()
        });
        assert_eq!(answers[0][2], answers[1][2], "{answers:?}");
    }
    for payload in 0..100_u64 {
        assert_eq!(browser.event("t"), payload);
    }
    browser.assert_nothing_waits();
}

#[test]
fn a_browsers_publish_excludes_and_selects_sessions_of_all_nodes() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &["--client-publish", "*"]);
    let mut browsers: Vec<_> = [0, 1, 0, 1]
        .into_iter()
        .map(|node: usize| Wamp::subscribed(nodes[node].web, "t"))
        .collect();
    let ids: Vec<_> = browsers.iter().map(|one| one.session_id.clone()).collect();
    browsers[0].send(&json!([7, "t", "not the sender", true]));
    browsers[0].send(&json!([7, "t", "not 0 and 1", [ids[0], ids[1]]]));
    browsers[0].send(&json!([7, "t", "0, 1 and 3", [], [ids[0], ids[1], ids[3]]]));
    browsers[0].send(&json!([
        7,
        "t",
        "not 3",
        [ids[3]],
        [ids[0], ids[1], ids[3]]
    ]));
    browsers[0].send(&json!([7, "t", "all"]));
    let heard: [&[&str]; 4] = [
        &["0, 1 and 3", "not 3", "all"],
        &["not the sender", "0, 1 and 3", "not 3", "all"],
        &["not the sender", "not 0 and 1", "all"],
        &["not the sender", "not 0 and 1", "0, 1 and 3", "all"],
    ];
    for (browser, wanted) in browsers.iter_mut().zip(heard) {
        for event in wanted {
            assert_eq!(browser.event("t"), *event);
        }
        browser.assert_nothing_waits();
    }
}

#[test]
fn history_and_positions_are_those_of_the_shared_log() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 3, &["--replay-on-subscribe", "t=2"]);
    let begin = position(nodes[0].publish);
    let published: Vec<_> = (1..=5)
        .zip(nodes.iter().cycle())
        .map(|(payload, node)| publish(node.publish, "t", payload))
        .collect();
    let end = published[4].position.to_string();
    for node in &nodes {
        // Each node reads the entries of all others.
        let history = || {
            let path = format!("/history/t?since={begin}&limit=10");
            let answer = http::get(node.publish, &path).unwrap().text();
            serde_json::from_str::<Value>(&answer).unwrap()
        };
        let has_all = |history: &Value| history["events"].as_array().map(Vec::len) == Some(5);
        assert!(wait_until(WAIT_MS, || has_all(&history())), "{}", history());
        let sequences: Vec<_> = published.iter().map(|one| one.position.sequence).collect();
        let history = history();
        for (event, (sequence, payload)) in history["events"]
            .as_array()
            .unwrap()
            .iter()
            .zip(sequences.iter().zip(1_u64..))
        {
            assert_eq!(
                (&event["sequence"], &event["event"]),
                (&json!(sequence), &json!(payload))
            );
        }
        assert_eq!(history["complete"], true, "{history}");
        assert_eq!(history["position"], end);
        assert_eq!(position(node.publish), end);
        let mut late = Wamp::subscribed(node.web, "t");
        assert_eq!((late.event("t"), late.event("t")), (json!(4), json!(5)));
    }
}
