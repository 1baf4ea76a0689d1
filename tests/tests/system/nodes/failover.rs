//! Another Redis server takes over, and has less than the one before.

use std::collections::BTreeSet;

use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::heard::Heard;
use system_tests::nodes::load::{Load, publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{KEEPS_ALL, check, node, nodes, position, wait_for_nodes};
use system_tests::relay::{Direction, Relay};

/// A Redis server with a replica, and two daemons that use the server, each through a relay of its own.
struct World {
    main: Redis,
    replica: Redis,
    /// The replica gets its copy through this.
    replication: Relay,
    relays: [Relay; 2],
    nodes: [Daemon; 2],
    begin: String,
    /// A client of each protocol at both.
    followers: Vec<Follower>,
}

impl World {
    #[track_caller]
    fn start() -> Self {
        let main = Redis::start_on_tcp(&[]);
        let replica = Redis::start_on_tcp(&[]);
        let replication = Relay::start(main.address());
        replica.follow(replication.address);
        let relays = [(); 2].map(|()| Relay::start(main.address()));
        let nodes =
            [&relays[0], &relays[1]].map(|relay| node(&format!("redis://{}", relay.address), &[]));
        nodes.iter().for_each(|node| wait_for_nodes(node, 2));
        let begin = position(nodes[0].publish);
        let followers = Follower::at_each(&nodes, "t", &begin);
        Self {
            main,
            replica,
            replication,
            relays,
            nodes,
            begin,
            followers,
        }
    }

    fn load(&self) -> Load {
        Load::at_each(&self.nodes, "t")
    }

    /// From here, the replica gets nothing.
    #[track_caller]
    fn make_replica_lag(&self) {
        let count = self
            .main
            .call(&["WAIT", "1", &WAIT_MS.to_string()])
            .number();
        assert_eq!(count, 1, "the replica has everything so far");
        self.replication.forget(Direction::Both);
    }

    #[track_caller]
    fn promote_replica(&self) {
        self.replica.call(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Leads the connections of a daemon to another server.
    fn lead(&self, node: usize, to: &Redis) {
        self.relays[node].redirect(to.address());
        self.relays[node].reset();
    }

    /// Publishes a last event, and checks that everybody has everything, or was told.
    #[track_caller]
    fn check(&self, load: Load) {
        let mut published = load.finish();
        published.push(publish(self.nodes[1].publish, "t", 0));
        check::all_are_told(&self.followers, "t", &self.begin, &published);
        for follower in &self.followers {
            assert!(follower.gaps() > 0, "{:?}", follower.dialect);
        }
    }
}

/// A number that was given to an event is never given to another one, although the new server does not know it.
#[test]
fn a_replica_that_lagged_gives_no_position_twice() {
    let world = World::start();
    let mut published = publish_all(world.nodes[0].publish, "t", 1..=50);
    world.make_replica_lag();
    published.extend(publish_all(world.nodes[1].publish, "t", 51..=100));
    check::wait_for_last(&world.followers, &published);
    world.promote_replica();
    for node in [0, 1] {
        world.lead(node, &world.replica);
    }
    let later = publish_all(world.nodes[0].publish, "t", 101..=200);
    check::wait_for_last(&world.followers, &later);
    let epochs: BTreeSet<_> = later.iter().map(|one| one.position.epoch).collect();
    assert_eq!(epochs.len(), 1, "one new epoch");
    assert!(later[0].position.epoch > published[99].position.epoch);
    published.extend(later);
    check::one_event_per_position(&world.followers, &published);
    for follower in &world.followers {
        check::complete_or_gap(follower, "t", &world.begin, &published);
        assert_eq!(follower.gaps(), 1, "{:?}", follower.dialect);
    }
    // A page that was away meanwhile.
    let late = Follower::one_of_each(
        world.nodes[1].web,
        "t",
        &published[99].position.to_string(),
        9,
    );
    for follower in &late {
        follower.wait_for_gaps(1);
        assert!(matches!(follower.heard()[0], Heard::Gap(_)));
    }
}

#[test]
fn a_failover_under_load_loses_nothing_silently() {
    let world = World::start();
    let load = world.load();
    load.wait_for_more(200);
    world.make_replica_lag();
    load.wait_for_more(200);
    world.promote_replica();
    world.lead(0, &world.replica);
    world.lead(1, &world.replica);
    load.wait_for_more(400);
    world.check(load);
}

/// For a while, each daemon writes to another server.
#[test]
fn two_servers_that_both_accept_writes_give_no_position_twice() {
    let world = World::start();
    let load = world.load();
    load.wait_for_more(200);
    world.make_replica_lag();
    world.promote_replica();
    world.lead(0, &world.replica);
    load.wait_for_more(600);
    world.lead(1, &world.replica);
    load.wait_for_more(400);
    world.check(load);
}

/// The daemons go to another server and back. Each server lacks the entries of the other.
#[test]
fn a_server_that_comes_back_gives_no_position_twice() {
    let world = World::start();
    let load = world.load();
    load.wait_for_more(200);
    world.make_replica_lag();
    world.promote_replica();
    for server in [&world.replica, &world.main, &world.replica] {
        world.lead(0, server);
        load.wait_for_more(200);
        world.lead(1, server);
        load.wait_for_more(200);
    }
    world.check(load);
}

/// Redis then changes the id by which a failover is known.
#[test]
fn the_first_replica_of_a_server_loses_nothing_silently() {
    let main = Redis::start_on_tcp(&[]);
    let nodes = nodes(&main.url(), 2, &KEEPS_ALL);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[1].web, "t", &begin, 0);
    let load = Load::start(&[nodes[0].publish, nodes[1].publish], &["t"]);
    load.wait_for_more(200);
    let replicas = [(); 2].map(|()| {
        let replica = Redis::start();
        replica.follow(main.address());
        load.wait_for_more(200);
        replica
    });
    let mut published = load.finish();
    published.push(publish(nodes[0].publish, "t", 0));
    check::wait_for_last(&followers, &published);
    check::one_event_per_position(&followers, &published);
    for follower in &followers {
        assert_eq!(follower.gaps(), 1, "once for {} replicas", replicas.len());
        check::complete_or_gap(follower, "t", &begin, &published);
    }
}
