//! Entries of the log that no daemon of this version has written: all clients are told of a gap, and the others go on.

use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{check, metric, node, nodes, position, wait_until_ready};
use system_tests::wamp::Wamp;

const LOG: &str = "{pushd}:log";

/// Two daemons with a follower of each protocol, and the end of their log.
struct World {
    redis: Redis,
    nodes: Vec<Daemon>,
    followers: Vec<Follower>,
    /// Number of events so far.
    events: u64,
}

impl World {
    #[track_caller]
    fn start() -> Self {
        let redis = Redis::start();
        let nodes = nodes(&redis.url(), 2, &[]);
        let begin = position(nodes[0].publish);
        let at = |page: usize| Follower::one_of_each(nodes[page].web, "t", &begin, page);
        let followers = [0, 1].into_iter().flat_map(at).collect();
        Self {
            redis,
            nodes,
            followers,
            events: 0,
        }
    }

    /// Publishes some events, which everybody must hear.
    #[track_caller]
    fn publish(&mut self) {
        let first = self.events + 1;
        self.events += 10;
        let published = publish_all(self.nodes[0].publish, "t", first..=self.events);
        check::wait_for_last(&self.followers, &published);
    }

    /// Appends an entry by hand, with this id or the next one of the epoch.
    #[track_caller]
    fn append(&self, id: Option<&str>, fields: &[&str]) {
        let mut redis = self.redis.client();
        let last = redis.call(&["XREVRANGE", LOG, "+", "-", "COUNT", "1"]);
        let last = last.array()[0].array()[0].text().to_owned();
        let (epoch, sequence) = last.split_once('-').expect("an id");
        let next = format!("{epoch}-{}", sequence.parse::<u64>().unwrap() + 1);
        let mut command = vec!["XADD", LOG, id.unwrap_or(&next)];
        command.extend(fields);
        redis.call(&command);
    }

    /// Everybody hears of one gap more, and of later events.
    #[track_caller]
    fn check_gap(&mut self, gaps: usize) {
        self.followers
            .iter()
            .for_each(|one| one.wait_for_gaps(gaps));
        self.publish();
        self.nodes.iter_mut().for_each(Daemon::assert_running);
        self.nodes.iter().for_each(|node| wait_until_ready(node));
    }
}

#[test]
fn unreadable_entries_are_gaps() {
    let mut world = World::start();
    world.publish();
    let entries: [&[&str]; 7] = [
        &["junk", "1"],
        // Of a later version.
        &["m", "1", "t", "t", "e", "1", "new", "1"],
        &["m", "1", "t", "t", "e", "not JSON"],
        &["m", "1", "t", "", "e", "1"],
        &["m", "1", "t", "t"],
        &["m", "1", "t", "t", "e", "1", "r", "everybody"],
        &[
            "m",
            "1",
            "t",
            "t",
            "e",
            "1",
            "r",
            "{\"exclude\":[\"x\"],\"eligible\":null}",
        ],
    ];
    for (entry, gaps) in entries.into_iter().zip(1..) {
        world.append(None, entry);
        world.check_gap(gaps);
    }
    let heard = world.followers[0].payloads();
    assert_eq!(heard, (1..=world.events).collect::<Vec<_>>());
    check_gap_counts(&world);
    world.nodes[0].wait_for_log("an entry of the log in Redis is not readable");
}

/// Each gap that a follower has heard of counts once, and none counts as a slow consumer.
#[track_caller]
fn check_gap_counts(world: &World) {
    for (node, its) in world.nodes.iter().zip(world.followers.chunks(3)) {
        // An event stream is told at its end, or when it comes back.
        let counted = |reason| metric(node, &format!("pushd_gaps_total{{reason=\"{reason}\"}}"));
        let heard: usize = its.iter().map(Follower::gaps).sum();
        let told = counted("shared_log") + counted("epoch");
        assert_eq!(told, heard as u64);
        assert_eq!(counted("slow"), 0);
        let slow = metric(node, "pushd_slow_consumers_total{reason=\"history\"}");
        assert_eq!(slow, 0);
    }
}

/// A readable entry is an event, whoever wrote it.
#[test]
fn an_entry_by_hand_is_an_event() {
    let mut world = World::start();
    world.publish();
    world.append(None, &["m", "0", "t", "t", "e", "1000"]);
    for follower in &world.followers {
        let heard = |payload| follower.payloads().contains(&payload);
        assert!(xtask::process::wait_until(system_tests::WAIT_MS, || heard(
            1000
        )));
        assert_eq!(follower.gaps(), 0);
    }
    // The number is given, so later events begin another epoch.
    world.check_gap(1);
}

#[test]
fn entries_with_extreme_ids_are_gaps() {
    for id in [
        "18446744073709551615-18446744073709551615",
        "18446744073709551615-1",
        "18446744073709551614-18446744073709551615",
        "18446744073709551614-0",
    ] {
        let mut world = World::start();
        world.publish();
        world.append(Some(id), &["m", "0", "t", "t", "e", "1000"]);
        world.check_gap(1);
        let late = node(&world.redis.url(), &[]);
        let mut browser = Wamp::subscribed(late.web, "t");
        publish(world.nodes[0].publish, "t", 5000);
        assert_eq!(browser.event("t"), 5000, "{id}");
    }
}

#[test]
fn keys_of_another_kind_are_reported() {
    let mut world = World::start();
    world.publish();
    world.redis.call(&["SET", LOG, "a string"]);
    world.nodes[0].wait_for_log("cannot append to the log in Redis");
    world.nodes[0].wait_for_log("cannot read the log in Redis");
    world.redis.call(&["DEL", LOG]);
    world.nodes.iter().for_each(|node| wait_until_ready(node));
    world.publish();
}
