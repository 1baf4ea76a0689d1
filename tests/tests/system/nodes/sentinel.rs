//! Sentinels promote a replica, and the nodes follow them.

use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{Load, publish};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::sentinel::Sentinel;
use system_tests::nodes::{Dialect, KEEPS_ALL, check, nodes, position, wait_for_redis_status};

/// A Redis server with a replica, three Sentinels, and two nodes that ask them.
struct World {
    replica: Redis,
    sentinels: [Sentinel; 3],
    nodes: Vec<Daemon>,
    begin: String,
    /// A client of each protocol at both nodes.
    followers: Vec<Follower>,
    load: Load,
}

impl World {
    /// Starts everything, with some publishes on the first server.
    #[track_caller]
    fn start() -> (Redis, Self) {
        let main = Redis::start_on_tcp(&[]);
        let replica = Redis::start_on_tcp(&[]);
        replica.follow(main.address());
        let sentinels = Sentinel::start_three(main.address());
        let nodes = nodes(&Sentinel::url(&sentinels), 2, &KEEPS_ALL);
        let begin = position(nodes[0].publish);
        let followers = Follower::at_each(&nodes, "t", &begin);
        let load = Load::at_each(&nodes, "t");
        load.wait_for_more(200);
        let world = Self {
            replica,
            sentinels,
            nodes,
            begin,
            followers,
            load,
        };
        (main, world)
    }

    /// Waits until both nodes use the replica, and publish there.
    #[track_caller]
    fn wait_for_promotion(&self) {
        let address = self.replica.address();
        self.sentinels[2].wait_for_master(address);
        for node in &self.nodes {
            wait_for_redis_status(node, "the new server is used", |redis| {
                redis["server"] == address.to_string() && redis["failure"].is_null()
            });
        }
        self.load.wait_for_more(400);
    }

    /// Checks that everybody has everything, or was told.
    #[track_caller]
    fn check(self) {
        let role = self.replica.call(&["ROLE"]);
        assert_eq!(role.array()[0].text(), "master");
        let mut published = self.load.finish();
        published.push(publish(self.nodes[1].publish, "t", 0));
        check::all_are_told(&self.followers, "t", &self.begin, &published);
        // The new server may lack the last events, so nobody goes on without a gap.
        assert!(self.followers.iter().all(|follower| follower.gaps() > 0));
        // An event stream ends with its gap, and connects again.
        let is_socket = |follower: &&Follower| follower.dialect != Dialect::EventStream;
        for follower in self.followers.iter().filter(is_socket) {
            assert_eq!(follower.connections(), 1, "{:?}", follower.dialect);
        }
    }
}

/// The machine with the server and the first Sentinel.
#[test]
fn a_promoted_replica_is_followed_when_a_machine_dies() {
    let (main, mut world) = World::start();
    world.sentinels[0].kill();
    let _stopped = main.kill();
    world.wait_for_promotion();
    world.check();
}

/// The server comes back, and believes for a while that it is the master.
#[test]
fn a_promoted_replica_is_followed_when_the_server_hangs() {
    let (mut main, world) = World::start();
    main.freeze();
    world.wait_for_promotion();
    main.thaw();
    world.load.wait_for_more(400);
    main.wait_until_it_follows(world.replica.address());
    world.load.wait_for_more(400);
    world.check();
}
