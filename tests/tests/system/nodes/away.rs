//! Redis is away for a while: publishers are refused in time, browsers stay, and afterwards everything works by itself.

use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, answer_to, publish, publish_all};
use system_tests::nodes::redis::{Redis, not_started};
use system_tests::nodes::{
    KEEPS_ALL, check, metric, node, nodes, position, redis_status, wait_for_nodes,
    wait_for_redis_status, wait_until_ready,
};
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;
use xtask::http;
use xtask::process::wait_until;

/// The event of [`post`].
const WITHOUT_ID: u64 = 99;

#[track_caller]
fn wait_for_readiness(node: &Daemon, status: u16) {
    let is_so = || http::get(node.publish, "/readyz").unwrap().status == status;
    assert!(wait_until(WAIT_MS, is_so), "/readyz is not {status}");
}

/// Publishes by HTTP, and returns the status and the head of the answer.
#[track_caller]
fn post(node: &Daemon) -> (u16, String) {
    let answer = http::post_json(node.publish, "/publish/t", &WITHOUT_ID.to_string()).unwrap();
    (answer.status, answer.head.to_lowercase())
}

#[test]
fn publishers_are_refused_in_time_while_redis_hangs() {
    let mut redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &["--redis-wait", "1s"]);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[1].web, "t", &begin, 0);
    let mut published = publish_all(nodes[0].publish, "t", 1..=10);
    check::wait_for_last(&followers, &published);
    redis.freeze();
    let asked = Instant::now();
    let refusal = answer_to(nodes[0].publish, "t", 11, Some("id of 11"));
    assert_eq!(
        (&refusal[0], &refusal[2]),
        (&json!(5), &json!("log_unavailable"))
    );
    let (status, head) = post(&nodes[1]);
    assert_eq!(status, 503, "{head}");
    assert!(head.contains("retry-after: 1\r\n"), "{head}");
    // Both waits, and room for a busy machine.
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(3), "the refusals took {took:?}");
    for node in &nodes {
        wait_for_readiness(node, 503);
        assert_eq!(http::get(node.publish, "/healthz").unwrap().status, 200);
        let failure = redis_status(node)["failure"].clone();
        assert!(failure.as_str().unwrap().contains("Redis"), "{failure}");
    }
    redis.thaw();
    for node in &nodes {
        wait_for_readiness(node, 200);
    }
    // The first attempt may be in the log by now.
    let again = answer_to(nodes[1].publish, "t", 11, Some("id of 11"));
    assert_eq!(again[0], 4, "{again}");
    published.extend(publish_all(nodes[0].publish, "t", 12..=20));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        assert_eq!(follower.connections(), 1, "browsers stay connected");
        assert_eq!(follower.gaps(), 0);
        // The refused publish without an id may be in the log.
        let mut heard = follower.payloads();
        heard.retain(|payload| *payload != WITHOUT_ID);
        assert_eq!(heard, (1..=20).collect::<Vec<_>>());
    }
}

/// Longer than the leases of nodes, and than all timeouts of connections to Redis.
const LONG_HANG: Duration = Duration::from_secs(30);

/// The setting `redis-wait` if it is not set.
const REDIS_WAIT: Duration = Duration::from_secs(2);

#[test]
fn all_goes_on_after_redis_has_hung_for_half_a_minute() {
    let mut redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &[]);
    let begin = position(nodes[0].publish);
    let followers = Follower::at_each(&nodes, "t", &begin);
    check::wait_for_last(&followers, &[publish(nodes[0].publish, "t", 1)]);
    redis.freeze();
    let frozen = Instant::now();
    let id = |payload: u64| payload.to_string();
    let mut next = 2;
    while frozen.elapsed() < LONG_HANG {
        for node in &nodes {
            let asked = Instant::now();
            let refusal = answer_to(node.publish, "t", next, Some(&id(next)));
            let took = asked.elapsed();
            assert_eq!(refusal[2], "log_unavailable", "{refusal}");
            // There is room for a busy machine.
            let in_time = REDIS_WAIT..REDIS_WAIT * 2;
            assert!(in_time.contains(&took), "the refusal took {took:?}");
            next += 1;
        }
    }
    redis.thaw();
    for node in &nodes {
        wait_for_readiness(node, 200);
        wait_for_nodes(node, 2);
    }
    // Some are in the log by now, because Redis has received them before.
    for payload in 2..next {
        let again = answer_to(nodes[1].publish, "t", payload, Some(&id(payload)));
        assert_eq!(again[0], 4, "{again}");
    }
    let last = publish(nodes[0].publish, "t", next);
    check::wait_for_last(&followers, &[last]);
    for follower in &followers {
        assert_eq!(follower.connections(), 1, "browsers stay connected");
        assert_eq!(follower.gaps(), 0);
        let mut heard = follower.payloads();
        heard.sort_unstable();
        assert_eq!(heard, (1..=next).collect::<Vec<_>>());
    }
}

#[test]
fn publishes_with_ids_are_not_doubled_by_a_redis_that_hangs() {
    let mut redis = Redis::start();
    let flags = [&["--redis-wait", "500ms"][..], &KEEPS_ALL].concat();
    let nodes = nodes(&redis.url(), 2, &flags);
    let begin = position(nodes[0].publish);
    let mut followers = Follower::one_of_each(nodes[0].web, "t", &begin, 0);
    followers.extend(Follower::one_of_each(nodes[1].web, "t", &begin, 1));
    let addresses: Vec<_> = nodes.iter().map(|node| node.publish).collect();
    let load = Load::start(&addresses, &["t"]);
    for refusals in 1..=3 {
        load.wait_for_more(200);
        redis.freeze();
        let enough = || load.refusals() >= refusals * 20;
        assert!(
            wait_until(4 * WAIT_MS, enough),
            "{} refusals",
            load.refusals()
        );
        redis.thaw();
    }
    load.wait_for_more(200);
    let published = load.finish();
    check::wait_for_last(&followers, &published);
    check::one_event_per_position(&followers, &published);
    for follower in &followers {
        check::complete(follower, "t", &published);
        assert_eq!(follower.connections(), 1, "browsers stay connected");
    }
}

#[test]
fn a_node_starts_before_redis() {
    let redis = not_started();
    let node = node(&redis.url(), &[]);
    node.wait_for_log("the log in Redis is not there yet");
    wait_for_readiness(&node, 503);
    node.wait_for_log("cannot append to the log in Redis");
    let mut browser = Wamp::subscribed(node.web, "t");
    assert_eq!(answer_to(node.publish, "t", 1, None)[2], "log_unavailable");
    let _redis = redis.start_again();
    wait_for_readiness(&node, 200);
    publish(node.publish, "t", 2);
    assert_eq!(browser.event("t"), 2);
}

#[test]
fn an_operator_sees_that_redis_is_away() {
    let redis = Redis::start();
    let node = node(&redis.url(), &[]);
    publish(node.publish, "t", 1);
    wait_for_readiness(&node, 200);
    wait_for_redis_status(&node, "a probe", |redis| redis["probe_age_ms"].is_u64());
    wait_for_redis_status(&node, "itself", |redis| redis["nodes"] != json!([]));
    let status = redis_status(&node);
    assert_eq!(status["address"], redis.url());
    assert_eq!(status["nodes"], json!([status["node"]]));
    assert_eq!(metric(&node, "pushd_redis_connected"), 1);
    assert_eq!(metric(&node, "pushd_redis_nodes"), 1);
    assert_eq!(metric(&node, "pushd_redis_connections_total"), 2);
    assert!(metric(&node, "pushd_redis_script_microseconds") > 0);
    assert!(metric(&node, "pushd_redis_probe_time_seconds") > 1_700_000_000);
    let stopped = redis.kill();
    wait_for_readiness(&node, 503);
    let failure = redis_status(&node)["failure"].clone();
    assert!(failure.is_string(), "{failure}");
    assert_eq!(metric(&node, "pushd_redis_connected"), 0);
    // One line for each use of Redis, although there are many attempts.
    node.wait_for_log("cannot read the log in Redis");
    node.wait_for_log("cannot append to the log in Redis");
    let _redis = stopped.start_again();
    wait_for_readiness(&node, 200);
    wait_until_ready(&node);
    publish(node.publish, "t", 2);
    let log = node.log();
    for (text, count) in [
        ("cannot read the log in Redis", 1),
        ("cannot append to the log in Redis", 1),
        ("reading the log in Redis", 2),
        ("appending to the log in Redis", 2),
    ] {
        assert_eq!(log.matches(text).count(), count, "{text}");
    }
    assert_eq!(log.matches("ERROR").count(), 2);
}

/// A publisher that writes on and on, while nothing is appended.
#[test]
fn memory_is_bounded_while_redis_hangs() {
    let mut redis = Redis::start();
    let node = node(
        &redis.url(),
        &["--redis-wait", "1s", "--backlog-len-max", "1MiB"],
    );
    publish(node.publish, "t", 1);
    redis.freeze();
    let mut publishers: Vec<_> = (0..30).map(|_| Publisher::connect(node.publish)).collect();
    let event = "x".repeat(100_000);
    for publisher in &mut publishers {
        publisher.send(format!("[1,1]\n[3,1,\"t\",\"{event}\"]\n").as_bytes());
    }
    let mut codes: Vec<_> = publishers
        .iter_mut()
        .map(|publisher| {
            publisher.answer();
            publisher.answer()[2]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes, ["log_unavailable", "overloaded"]);
    redis.thaw();
    wait_for_readiness(&node, 200);
    publish(node.publish, "t", 2);
}

/// A publisher with a spool writes the refused event there. Later events must not overtake it.
#[test]
fn a_publisher_with_a_spool_is_refused_until_it_asks_to_drain() {
    let mut redis = Redis::start();
    let node = node(&redis.url(), &[]);
    publish(node.publish, "t", 1);
    for (hello, codes) in [("[1,1]", [4, 4, 4]), ("[1,1,{\"spool\":true}]", [5, 9, 4])] {
        redis.freeze();
        let mut publisher = Publisher::connect(node.publish);
        publisher.send(format!("{hello}[3,1,\"t\",2]").as_bytes());
        publisher.answer();
        assert_eq!(publisher.answer()[2], "log_unavailable");
        redis.thaw();
        wait_for_readiness(&node, 200);
        let second = match codes[1] {
            9 => "[8,3]",
            _ => "[3,3,\"t\",4]",
        };
        publisher.send(format!("[3,2,\"t\",3]{second}[3,4,\"t\",5]").as_bytes());
        let answers = codes.map(|_| publisher.answer());
        let kinds = answers.each_ref().map(|answer| answer[0].clone());
        assert_eq!(kinds, codes.map(|code| json!(code)), "{answers:?}");
        if codes[0] == 5 {
            assert_eq!(answers[0][2], "overloaded");
        }
    }
}
