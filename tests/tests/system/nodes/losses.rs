//! Redis loses connections, or the log: nothing is lost, or all are told.

use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, Published, publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{Dialect, KEEPS_ALL, check, metric, nodes, position};

const LOG: &str = "{pushd}:log";

/// Two daemons, and a client of each protocol at both.
struct World {
    nodes: Vec<Daemon>,
    begin: String,
    followers: Vec<Follower>,
}

impl World {
    #[track_caller]
    fn start(redis: &Redis) -> Self {
        let nodes = nodes(&redis.url(), 2, &KEEPS_ALL);
        let begin = position(nodes[0].publish);
        let followers = Follower::at_each(&nodes, "t", &begin);
        Self {
            nodes,
            begin,
            followers,
        }
    }

    fn load(&self) -> Load {
        Load::at_each(&self.nodes, "t")
    }

    /// Publishes a last event, and checks that everybody has everything, or was told.
    #[track_caller]
    fn check(&self, mut published: Vec<Published>) {
        published.push(publish(self.nodes[1].publish, "t", 0));
        check::all_are_told(&self.followers, "t", &self.begin, &published);
    }

    #[track_caller]
    fn wait_for_gaps(&self) {
        self.followers.iter().for_each(|one| one.wait_for_gaps(1));
    }
}

#[test]
fn a_storm_of_lost_connections_loses_and_doubles_nothing() {
    let redis = Redis::start();
    let world = World::start(&redis);
    let load = world.load();
    for _ in 0..300 {
        redis.kill_clients();
        load.wait_for_more(5);
    }
    load.wait_for_more(500);
    assert_eq!(load.refusals(), 0);
    let mut published = load.finish();
    published.push(publish(world.nodes[0].publish, "t", 0));
    check::wait_for_last(&world.followers, &published);
    check::one_event_per_position(&world.followers, &published);
    for follower in &world.followers {
        check::complete(follower, "t", &published);
        assert_eq!(follower.connections(), 1, "browsers stay connected");
    }
    for node in &world.nodes {
        assert!(metric(node, "pushd_redis_connections_total") > 100);
        assert_eq!(metric(node, "pushd_redis_gaps_total"), 0);
    }
}

#[track_caller]
fn killed_and_restarted(options: &[&str]) {
    let redis = Redis::start_with(options);
    let world = World::start(&redis);
    let load = world.load();
    load.wait_for_more(300);
    let stopped = redis.kill();
    let redis = stopped.start_again();
    load.wait_for_more(300);
    let stopped = redis.kill();
    let _redis = stopped.start_again();
    load.wait_for_more(300);
    let published = load.finish();
    world.wait_for_gaps();
    for one in &published {
        assert_eq!(one.receipt[4]["stored"], "memory", "{one:?}");
    }
    world.check(published);
}

#[test]
fn everybody_is_told_when_redis_was_killed() {
    killed_and_restarted(&[]);
}

#[test]
fn everybody_is_told_when_redis_was_killed_with_an_append_only_file() {
    killed_and_restarted(&["--appendonly", "yes"]);
}

#[test]
fn everybody_is_told_when_redis_lost_all_keys() {
    let redis = Redis::start();
    let world = World::start(&redis);
    let load = world.load();
    load.wait_for_more(300);
    redis.call(&["FLUSHALL"]);
    load.wait_for_more(300);
    world.wait_for_gaps();
    redis.call(&["DEL", "{pushd}:state"]);
    load.wait_for_more(300);
    world.check(load.finish());
}

/// Nobody publishes, so only the probe of a node finds it.
#[test]
fn a_log_that_was_lost_while_nobody_published_is_found() {
    let redis = Redis::start();
    let world = World::start(&redis);
    let published = publish_all(world.nodes[0].publish, "t", 1..=100);
    check::wait_for_last(&world.followers, &published);
    redis.call(&["FLUSHALL"]);
    world.wait_for_gaps();
    world.check(published);
}

#[test]
fn a_log_without_entries_loses_nothing_for_readers_that_had_them() {
    for command in [&["DEL", LOG][..], &["XTRIM", LOG, "MAXLEN", "0"]] {
        let redis = Redis::start();
        let world = World::start(&redis);
        let mut published = publish_all(world.nodes[0].publish, "t", 1..=100);
        check::wait_for_last(&world.followers, &published);
        redis.call(command);
        published.extend(publish_all(world.nodes[1].publish, "t", 101..=200));
        check::wait_for_last(&world.followers, &published);
        for follower in &world.followers {
            check::complete(follower, "t", &published);
        }
        // A later node has the later part.
        let late = system_tests::nodes::node(&redis.url(), &[]);
        let follower = Follower::start(Dialect::Pushd1, late.web, "t", &world.begin);
        follower.wait_for_gaps(1);
        let known = published[99].position.to_string();
        let follower = Follower::start(Dialect::Pushd1, late.web, "t", &known);
        check::wait_for_last(std::slice::from_ref(&follower), &published);
        check::complete(&follower, "t", &published[100..]);
    }
}

/// One of the nodes is stopped while the log is trimmed, so it misses entries.
#[test]
fn clients_of_a_node_that_missed_trimmed_entries_are_told() {
    for command in [&["DEL", LOG][..], &["XTRIM", LOG, "MAXLEN", "1"]] {
        let redis = Redis::start();
        let mut world = World::start(&redis);
        let mut published = publish_all(world.nodes[0].publish, "t", 1..=10);
        check::wait_for_last(&world.followers, &published);
        world.nodes[1].freeze();
        // More than a reply of Redis to the stopped node can have.
        let load = Load::start(&[world.nodes[0].publish], &["t"]);
        load.wait_for_more(2_000);
        redis.call(command);
        load.wait_for_more(100);
        world.nodes[1].thaw();
        published.extend(load.finish());
        published.push(publish(world.nodes[0].publish, "t", 0));
        check::wait_for_last(&world.followers, &published);
        let (first, second) = world.followers.split_at(3);
        for follower in first {
            check::complete(follower, "t", &published);
        }
        for follower in second {
            assert_eq!(follower.gaps(), 1, "{:?}", follower.dialect);
            check::complete_or_gap(follower, "t", &world.begin, &published);
        }
        assert_eq!(metric(&world.nodes[1], "pushd_redis_gaps_total"), 1);
        world.nodes[1].wait_for_log("telling all clients of a gap");
    }
}
