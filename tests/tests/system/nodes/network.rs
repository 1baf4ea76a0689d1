//! The network between daemons and Redis fails, and Redis does not.

use std::collections::BTreeSet;

use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, Published, publish};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{KEEPS_ALL, check, metric, node, position, wait_for_nodes};
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
        let flags = [&["--redis-wait", redis_wait][..], &KEEPS_ALL].concat();
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

#[test]
fn subscribers_that_leave_meanwhile_do_not_count() {
    let redis = Redis::start_on_tcp(&[]);
    let relay = Relay::start(redis.address());
    let cut_off = node(&format!("redis://{}", relay.address), &[]);
    let other = node(&redis.url(), &[]);
    let browser = Wamp::subscribed(cut_off.web, "t");
    let count = || publish(other.publish, "t", 1).receipt[3].as_u64();
    assert!(wait_until(WAIT_MS, || count() == Some(1)), "not reported");
    relay.cut();
    drop(browser);
    let is_alone = || metric(&cut_off, "pushd_browsers") == 0;
    assert!(wait_until(WAIT_MS, is_alone), "the browser stays");
    relay.restore();
    assert!(wait_until(WAIT_MS, || count() == Some(0)), "it counts");
}

/// The connections that a daemon uses all the time: to append, to read, and to report.
const CONNECTIONS: usize = 3;

/// Their last commands. That of the connection for rare requests is another one.
const COMMANDS: [&str; 2] = ["evalsha", "xread"];

/// Returns the ids of the clients that the daemon uses all the time.
#[track_caller]
fn used_clients(redis: &Redis) -> BTreeSet<String> {
    let clients = redis.tcp_clients().into_iter();
    let used = clients.filter(|(_, command)| COMMANDS.contains(&&**command));
    used.map(|(id, _)| id).collect()
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
    let mut old = BTreeSet::new();
    let are_known = wait_until(WAIT_MS, || {
        old = used_clients(&redis);
        old.len() == CONNECTIONS
    });
    assert!(are_known, "{old:?}");
    relay.delay();
    // Sent on the old connection, and then on a new one.
    publish(node.publish, "t", 2);
    publish(node.publish, "t", 3);
    let are_replaced = || used_clients(&redis).difference(&old).count() == CONNECTIONS;
    assert!(wait_until(WAIT_MS, are_replaced), "the connections stay");
    relay.deliver();
    let all_gone = || redis.tcp_clients().keys().all(|id| !old.contains(id));
    assert!(wait_until(WAIT_MS, all_gone), "the old connections stay");
    publish(node.publish, "t", 4);
    for payload in 1..=4 {
        assert_eq!(browser.event("t"), payload);
    }
    browser.assert_nothing_waits();
}

/// The numbers of subscribers that a daemon has sent on a connection that broke are old when they arrive.
#[test]
fn a_report_that_arrives_late_does_not_count() {
    let redis = Redis::start_on_tcp(&[]);
    let relay = Relay::start(redis.address());
    let url = format!("redis://{}", relay.address);
    let late = node(&url, &["--redis-wait", "10s"]);
    let mut old = BTreeSet::new();
    let are_known = wait_until(WAIT_MS, || {
        old = used_clients(&redis);
        old.len() == CONNECTIONS
    });
    assert!(are_known, "{old:?}");
    let other = node(&redis.url(), &[]);
    wait_for_nodes(&other, 2);
    let count = || publish(other.publish, "t", 1).receipt[3].as_u64();
    relay.delay();
    // Reported on the old connection, and then on a new one.
    let browser = Wamp::subscribed(late.web, "t");
    publish(late.publish, "t", 1);
    assert!(wait_until(WAIT_MS, || count() == Some(1)), "not reported");
    drop(browser);
    assert!(wait_until(WAIT_MS, || count() == Some(0)), "it counts");
    let are_replaced = || used_clients(&redis).difference(&old).count() == CONNECTIONS;
    assert!(wait_until(WAIT_MS, are_replaced), "the connections stay");
    relay.deliver();
    let all_gone = || redis.tcp_clients().keys().all(|id| !old.contains(id));
    assert!(wait_until(WAIT_MS, all_gone), "the old connections stay");
    assert_eq!(count(), Some(0), "it counts again");
}
