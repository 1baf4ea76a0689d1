//! Clients that go from one daemon to another, and miss nothing.

use nix::sys::signal::Signal;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{Dialect, KEEPS_ALL, check, nodes, position, wait_for_nodes};

#[test]
fn a_client_that_wanders_misses_nothing() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 3, &KEEPS_ALL);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[0].web, "t", &begin, 0);
    let addresses: Vec<_> = nodes.iter().map(|node| node.publish).collect();
    let load = Load::start(&addresses, &["t", "other"]);
    for step in 1..=20 {
        load.wait_for_more(50);
        for follower in &followers {
            follower.move_to(nodes[step % 3].web);
        }
        followers.iter().for_each(Follower::wait_until_subscribed);
    }
    let mut published = load.finish();
    // The last event may be of the other topic.
    published.push(publish(nodes[0].publish, "t", 1));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        assert!(follower.connections() > 20);
        check::complete(follower, "t", &published);
    }
}

#[test]
fn a_client_with_a_position_beyond_its_new_node_misses_nothing() {
    let redis = Redis::start();
    let mut nodes = nodes(&redis.url(), 2, &[]);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[0].web, "t", &begin, 0);
    let mut published = vec![publish(nodes[0].publish, "t", 1)];
    check::wait_for_last(&followers, &published);
    // This one reads nothing of the log until it is continued.
    nodes[1].freeze();
    published.extend(publish_all(nodes[0].publish, "t", 2..=100));
    check::wait_for_last(&followers, &published);
    followers.iter().for_each(|one| one.move_to(nodes[1].web));
    published.extend(publish_all(nodes[0].publish, "t", 101..=120));
    nodes[1].thaw();
    followers.iter().for_each(Follower::wait_until_subscribed);
    published.extend(publish_all(nodes[1].publish, "t", 121..=130));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        check::complete(follower, "t", &published);
    }
}

/// The node confirms positions to Redis within some seconds, so a resumed client gets events again, and loses none.
#[test]
fn clients_of_a_killed_node_go_on_at_another() {
    let redis = Redis::start();
    let mut nodes = nodes(&redis.url(), 2, &KEEPS_ALL);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[1].web, "t", &begin, 0);
    let load = Load::start(&[nodes[0].publish], &["t"]);
    load.wait_for_more(300);
    for follower in &followers {
        follower.move_later_to(nodes[0].web);
    }
    nodes.pop().unwrap().kill();
    load.wait_for_more(300);
    let published = load.finish();
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        assert_eq!(follower.connections(), 2, "{:?}", follower.dialect);
        check::complete_or_gap(follower, "t", &begin, &published);
    }
    // Those with a position of their own need no help of the killed node.
    for follower in &followers[..2] {
        check::complete(follower, "t", &published);
    }
    // Its browsers do not count any more, as soon as its lease has ended.
    wait_for_nodes(&nodes[0], 1);
    let receipt = publish(nodes[0].publish, "t", 1).receipt;
    assert_eq!((&receipt[3], &receipt[4]["nodes"]), (&3.into(), &1.into()));
}

/// A page that loses its connection a moment after it has opened it.
#[test]
fn a_client_of_a_node_that_is_killed_at_once_is_told() {
    let redis = Redis::start();
    let mut nodes = nodes(&redis.url(), 2, &[]);
    let begin = position(nodes[0].publish);
    let followers: Vec<_> = (0..5)
        .map(|number| Follower::start(Dialect::Resumed(number), nodes[1].web, "t", &begin))
        .collect();
    for follower in &followers {
        follower.move_later_to(nodes[0].web);
    }
    nodes.pop().unwrap().kill();
    let mut published = publish_all(nodes[0].publish, "t", 1..=10);
    followers.iter().for_each(Follower::wait_until_subscribed);
    published.push(publish(nodes[0].publish, "t", 11));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        check::complete_or_gap(follower, "t", &begin, &published);
    }
}

#[test]
fn a_node_that_ends_leaves_at_once() {
    let redis = Redis::start();
    let mut nodes = nodes(&redis.url(), 2, &[]);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[1].web, "t", &begin, 0);
    let mut published = vec![publish(nodes[0].publish, "t", 1)];
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        follower.move_later_to(nodes[0].web);
    }
    let status = nodes.pop().unwrap().end_by(Signal::SIGTERM);
    assert!(status.success());
    // In Redis, without the wait for the end of a lease.
    let prefix = "{pushd}:";
    let left = redis.call(&["ZCARD", &format!("{prefix}nodes")]).number();
    assert_eq!(left, 1, "nodes");
    let topics = redis.call(&["KEYS", &format!("{prefix}topics:*")]);
    assert!(topics.array().len() <= 1, "{topics:?}");
    published.extend(publish_all(nodes[0].publish, "t", 2..=20));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        check::complete(follower, "t", &published);
    }
}

/// The browsers of the node get its last events, and no gap, although other nodes go on.
#[test]
fn a_node_that_ends_under_load_tells_nobody_of_a_gap() {
    let redis = Redis::start();
    let mut nodes = nodes(&redis.url(), 2, &KEEPS_ALL);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[1].web, "t", &begin, 0);
    let load = Load::start(&[nodes[0].publish], &["t"]);
    load.wait_for_more(200);
    for follower in &followers {
        follower.move_later_to(nodes[0].web);
    }
    let mut node = nodes.pop().unwrap();
    let status = node.end_by(Signal::SIGTERM);
    assert!(status.success());
    assert!(
        !node.log().contains("telling all clients of a gap"),
        "{}",
        node.log()
    );
    load.wait_for_more(200);
    let published = load.finish();
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        check::complete(follower, "t", &published);
    }
}
