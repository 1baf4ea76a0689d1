//! The network between a node and Redis loses all packets: nothing ends a connection.

use system_tests::WAIT_MS;
use system_tests::cable::{self, Cable, Host};
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, WINDOW};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{
    KEEPS_ALL, check, node, position, redis_status, wait_for_nodes, wait_until_ready,
};
use xtask::http;
use xtask::process::wait_until;

mod needs_namespaces {
    use super::*;

    #[test]
    fn a_node_whose_cable_is_pulled_misses_nothing() {
        let name = "nodes::cable::needs_namespaces::a_node_whose_cable_is_pulled_misses_nothing";
        if cable::is_inside(name, 8 * WAIT_MS) {
            pull_for_long();
        }
    }

    #[test]
    fn a_cable_that_is_plugged_in_again_at_once_goes_unnoticed() {
        let name = "nodes::cable::needs_namespaces::a_cable_that_is_plugged_in_again_at_once_goes_unnoticed";
        if cable::is_inside(name, 8 * WAIT_MS) {
            pull_for_a_moment();
        }
    }
}

/// Two nodes, each with a cable of its own to the host with Redis, and a client of each protocol at both.
struct World<'a> {
    _redis: Redis,
    cables: [Cable<'a>; 2],
    nodes: [Daemon; 2],
    followers: Vec<Follower>,
}

impl<'a> World<'a> {
    fn start(host: &'a Host, redis_wait: &str) -> Self {
        let cables = [1, 2].map(|number| host.connect(number));
        let redis = host.run(|| {
            // It listens at the ends of both cables.
            Redis::start_on_tcp(&["--bind", "0.0.0.0", "--protected-mode", "no"])
        });
        let flags = [&["--redis-wait", redis_wait][..], &KEEPS_ALL].concat();
        let port = redis.address().port();
        let nodes = [0, 1].map(|number: usize| {
            let url = format!("redis://{}:{port}", cables[number].there());
            node(&url, &flags)
        });
        nodes.iter().for_each(|node| wait_for_nodes(node, 2));
        let begin = position(nodes[0].publish);
        let followers = Follower::at_each(&nodes, "t", &begin);
        Self {
            _redis: redis,
            cables,
            nodes,
            followers,
        }
    }

    /// Checks that everybody has everything once, without a gap, and that no browser was disconnected.
    fn check(&self, load: Load) {
        let published = load.finish();
        check::wait_for_last(&self.followers, &published);
        check::one_event_per_position(&self.followers, &published);
        for follower in &self.followers {
            check::complete(follower, "t", &published);
            assert_eq!(follower.connections(), 1, "browsers stay connected");
        }
    }
}

/// Longer than replies may take, so the node gives its connections up. Redis keeps them.
fn pull_for_long() {
    let host = Host::start();
    let world = World::start(&host, "1s");
    let load = Load::at_each(&world.nodes, "t");
    load.wait_for_more(200);
    world.cables[0].pull();
    let refused = || load.refusals() > 50;
    assert!(wait_until(4 * WAIT_MS, refused), "{}", load.refusals());
    let readyz = |node: &Daemon| http::get(node.publish, "/readyz").unwrap().status;
    let node = &world.nodes[0];
    assert!(wait_until(WAIT_MS, || readyz(node) == 503), "it is ready");
    assert!(redis_status(node)["failure"].is_string());
    // The other node goes on, and soon does not count the browsers of the first one.
    load.wait_for_more_of(1, 200);
    wait_for_nodes(&world.nodes[1], 1);
    assert_eq!(readyz(&world.nodes[1]), 200);
    world.cables[0].plug_in();
    wait_until_ready(node);
    world.nodes.iter().for_each(|node| wait_for_nodes(node, 2));
    load.wait_for_more(400);
    world.check(load);
}

/// The kernel sends the lost packets again.
fn pull_for_a_moment() {
    let host = Host::start();
    let world = World::start(&host, "10s");
    let load = Load::at_each(&world.nodes, "t");
    for _ in 0..5 {
        load.wait_for_more_of(0, 50);
        world.cables[0].pull();
        let receipts = load.receipts_of(0);
        load.wait_for_more_of(1, 50);
        // The receipts that were under way may have come.
        assert!(
            load.receipts_of(0) <= receipts + WINDOW,
            "it is not cut off"
        );
        world.cables[0].plug_in();
    }
    assert_eq!(load.refusals(), 0, "nobody waits for so long");
    world.check(load);
}
