//! Upgrades of a node that shares its log in Redis.

use nix::sys::signal::Signal;
use system_tests::WAIT_MS;
use system_tests::daemon::metric;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::publish_all;
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{check, node, position, wait_until_ready};
use xtask::http;
use xtask::process::wait_until;

/// The numbers of the new program's batches begin anew.
#[test]
fn publishing_goes_on() {
    let redis = Redis::start();
    let mut node = node(&redis.url(), &[]);
    let begin = position(node.publish);
    let followers = Follower::one_of_each(node.web, "t", &begin, 0);
    let mut published = Vec::new();
    for (number, events) in [(1, 1..=1), (2, 2..=30), (3, 31..=60)] {
        published.extend(publish_all(node.publish, "t", events));
        check::wait_for_last(&followers, &published);
        node.process.signal(Signal::SIGUSR2);
        let is_done = wait_until(WAIT_MS, || {
            metric(node.publish, "pushd_handovers_total") == Some(number)
        });
        assert!(is_done, "hand-over {number}");
    }
    published.extend(publish_all(node.publish, "t", 61..=61));
    check::wait_for_last(&followers, &published);
    check::all_are_told(&followers, "t", &begin, &published);
    for follower in &followers {
        assert_eq!(follower.connections(), 1, "browsers stay connected");
        assert_eq!(follower.payloads(), (1..=61).collect::<Vec<_>>());
    }
}

#[test]
fn browsers_stay_while_redis_hangs() {
    let mut redis = Redis::start();
    let mut node = node(&redis.url(), &["--redis-wait", "1s"]);
    let begin = position(node.publish);
    let followers = Follower::one_of_each(node.web, "t", &begin, 0);
    let mut published = publish_all(node.publish, "t", 1..=10);
    check::wait_for_last(&followers, &published);
    redis.freeze();
    node.process.signal(Signal::SIGUSR2);
    node.wait_for_log("took the connections over");
    let is_answered =
        || http::get(node.publish, "/readyz").is_ok_and(|answer| answer.status == 503);
    assert!(wait_until(WAIT_MS, is_answered));
    redis.thaw();
    wait_until_ready(&node);
    published.extend(publish_all(node.publish, "t", 11..=20));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        assert_eq!(follower.connections(), 1, "browsers stay connected");
        assert_eq!(follower.gaps(), 0);
        assert_eq!(follower.payloads(), (1..=20).collect::<Vec<_>>());
    }
}
