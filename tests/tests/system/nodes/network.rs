//! The network between daemons and Redis fails, and Redis does not.

use std::collections::BTreeSet;

use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, Published, publish};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{check, node, position, wait_for_nodes};
use system_tests::relay::{Direction, Relay};
use system_tests::wamp::Wamp;
use xtask::process::wait_until;

/// Two daemons. The first one uses Redis through a relay.
struct World {
    _redis: Redis,
    relay: Relay,
    nodes: [Daemon; 2],
    followers: Vec<Follower>,
}

impl World {
    #[track_caller]
    fn start(redis_wait: &str) -> Self {
        let redis = Redis::start_on_tcp(&[]);
        let relay = Relay::start(redis.address());
        // A client that is slow for a moment, on a busy machine, finds all events in the log.
        let kept = ["--history-topic-events-max", "100000"];
        let flags = [["--redis-wait", redis_wait], kept].concat();
        let through_relay = format!("redis://{}", relay.address);
        let nodes = [node(&through_relay, &flags), node(&redis.url(), &flags)];
        nodes.iter().for_each(|node| wait_for_nodes(node, 2));
        let begin = position(nodes[0].publish);
        let followers = Follower::at_each(&nodes, "t", &begin);
        Self {
            _redis: redis,
            relay,
            nodes,
            followers,
        }
    }

    fn load(&self) -> Load {
        Load::at_each(&self.nodes, "t")
    }

    #[track_caller]
    fn check(&self, load: Load, mut published: Vec<Published>) {
        published.extend(load.finish());
        published.push(publish(self.nodes[0].publish, "t", 0));
        check::wait_for_last(&self.followers, &published);
        check::one_event_per_position(&self.followers, &published);
        for follower in &self.followers {
            check::complete(follower, "t", &published);
            assert_eq!(follower.connections(), 1, "browsers stay connected");
        }
    }
}

#[test]
fn connections_that_go_silent_are_replaced() {
    for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
        let world = World::start("10s");
        let load = world.load();
        load.wait_for_more(200);
        world.relay.forget(direction);
        let first = publish(world.nodes[0].publish, "t", 1);
        load.wait_for_more(200);
        world.check(load, vec![first]);
    }
}

#[test]
fn a_daemon_that_was_cut_off_misses_nothing() {
    let world = World::start("500ms");
    let load = world.load();
    load.wait_for_more(200);
    world.relay.cut();
    let refused = || load.refusals() > 50;
    assert!(wait_until(4 * WAIT_MS, refused), "{}", load.refusals());
    world.relay.restore();
    load.wait_for_more(400);
    world.check(load, Vec::new());
}

#[test]
fn resets_lose_and_double_nothing() {
    let world = World::start("10s");
    let load = world.load();
    for _ in 0..50 {
        load.wait_for_more(20);
        world.relay.reset();
    }
    world.check(load, Vec::new());
}

/// The connections of a daemon: to append, to read, and to report.
const CONNECTIONS: usize = 3;

/// The ids of the clients of Redis that use TCP.
#[track_caller]
fn clients(redis: &Redis) -> BTreeSet<String> {
    let list = redis.call(&["CLIENT", "LIST", "TYPE", "normal"]);
    let lines = list.text().lines();
    let lines = lines.filter(|line| line.contains("addr=127.0.0.1:"));
    let ids = lines.filter_map(|line| line.split(' ').next());
    ids.map(str::to_owned).collect()
}

/// The bytes of a closed connection arrive late, behind later publishes.
#[test]
fn a_publish_that_arrives_late_is_not_doubled() {
    let redis = Redis::start_on_tcp(&[]);
    let relay = Relay::start(redis.address());
    let url = format!("redis://{}", relay.address);
    let node = node(&url, &["--redis-wait", "10s"]);
    let mut browser = Wamp::subscribed(node.web, "t");
    publish(node.publish, "t", 1);
    let old = clients(&redis);
    assert_eq!(old.len(), CONNECTIONS);
    relay.delay();
    // Sent on the old connection, and then on a new one.
    publish(node.publish, "t", 2);
    publish(node.publish, "t", 3);
    let are_replaced = || clients(&redis).difference(&old).count() == CONNECTIONS;
    assert!(wait_until(WAIT_MS, are_replaced), "the connections stay");
    relay.deliver();
    let all_gone = || clients(&redis).is_disjoint(&old);
    assert!(wait_until(WAIT_MS, all_gone), "the old connections stay");
    publish(node.publish, "t", 4);
    for payload in 1..=4 {
        assert_eq!(browser.event("t"), payload);
    }
    browser.assert_nothing_waits();
}
