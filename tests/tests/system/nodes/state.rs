//! Somebody writes into the state of the log: the daemons say so, publishers are refused, and nothing gets a wrong position.

use std::thread;

use system_tests::WAIT_MS;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{answer_to, publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{
    check, node, position, redis_status, wait_for_redis_status, wait_until_ready,
};
use xtask::http;
use xtask::process::wait_until;

/// Values of the fields `epoch` and `sequence` that no daemon writes.
const DAMAGE: [(&str, &str); 14] = [
    ("epoch", ""),
    ("epoch", "junk"),
    ("epoch", "-1"),
    ("epoch", "0"),
    ("epoch", "1.5"),
    ("epoch", "+1"),
    ("epoch", "18446744073709551615"),
    ("epoch", "99999999999999999999999999999999"),
    ("sequence", ""),
    ("sequence", "junk"),
    ("sequence", "-5"),
    ("sequence", "1e3"),
    ("sequence", "4503599627370497"),
    ("sequence", "18446744073709551615"),
];

/// Numbers that a daemon could have written, of another log.
const OTHER: [(&str, &str); 6] = [
    ("epoch", "1"),
    ("epoch", "9999999999999999998"),
    ("sequence", "0"),
    ("sequence", "1000000000"),
    ("sequence", "4503599627370496"),
    ("server", "junk"),
];

/// A daemon, and a second one that starts when the state is written.
struct World<'a> {
    redis: &'a Redis,
    state: String,
    flags: [String; 2],
}

impl<'a> World<'a> {
    fn new(redis: &'a Redis, prefix: &str) -> Self {
        let flags = ["--redis-prefix", prefix];
        Self {
            redis,
            state: format!("{{{prefix}}}:state"),
            flags: flags.map(str::to_owned),
        }
    }

    /// Writes the state, and deletes it again when both daemons have reported the damage.
    #[track_caller]
    fn check_damage(&self, write: &[&str]) {
        let flags = self.flags.each_ref().map(String::as_str);
        let first = node(&self.redis.url(), &flags);
        let begin = position(first.publish);
        let followers = Follower::one_of_each(first.web, "t", &begin, 0);
        let mut published = publish_all(first.publish, "t", 1..=10);
        check::wait_for_last(&followers, &published);
        self.redis.call(write);
        let refusal = answer_to(first.publish, "t", 11, None);
        assert_eq!(refusal[2], "log_unavailable", "{write:?}: {refusal}");
        let late = node(&self.redis.url(), &flags);
        for node in [&first, &late] {
            wait_for_redis_status(node, &format!("the damage of {write:?}"), |redis| {
                let failure = redis["failure"].as_str().unwrap_or_default();
                failure.contains(&self.state) && failure.contains("damaged")
            });
            assert_eq!(http::get(node.publish, "/readyz").unwrap().status, 503);
            node.wait_for_log("cannot append to the log in Redis: publishers are refused");
        }
        late.wait_for_log("cannot read the log in Redis: browsers get no events");
        self.redis.call(&["DEL", &self.state]);
        [&first, &late].into_iter().for_each(wait_until_ready);
        published.extend(publish_all(late.publish, "t", 12..=20));
        check::all_are_told(&followers, "t", &begin, &published);
    }

    /// Writes a field. Everybody gets everything, or is told.
    #[track_caller]
    fn check_other(&self, field: &str, value: &str) {
        let flags = self.flags.each_ref().map(String::as_str);
        let first = node(&self.redis.url(), &flags);
        let begin = position(first.publish);
        let followers = Follower::one_of_each(first.web, "t", &begin, 0);
        let mut published = publish_all(first.publish, "t", 1..=10);
        check::wait_for_last(&followers, &published);
        self.redis.call(&["HSET", &self.state, field, value]);
        let is_taken = || answer_to(first.publish, "t", 0, None)[0] == 4;
        // The last sequence number can be given, and no one behind it.
        if !(is_taken() && is_taken()) {
            self.redis.call(&["DEL", &self.state]);
            let failure = redis_status(&first);
            assert!(wait_until(WAIT_MS, is_taken), "{field} {value}: {failure}");
        }
        let late = node(&self.redis.url(), &flags);
        for (node, payload) in [&first, &late].into_iter().zip(11..) {
            wait_until_ready(node);
            published.push(publish(node.publish, "t", payload));
        }
        check::all_are_told(&followers, "t", &begin, &published);
    }
}

/// Runs a check for each row, all at once, because each waits for some seconds.
fn check_all(rows: &[(&str, &str)], check: impl Fn(&World<'_>, &str, &str) + Sync) {
    let redis = Redis::start();
    thread::scope(|scope| {
        for (number, (field, value)) in rows.iter().enumerate() {
            let (redis, check) = (&redis, &check);
            scope.spawn(move || check(&World::new(redis, &format!("p{number}")), field, value));
        }
    });
}

#[test]
fn a_damaged_state_is_reported_until_it_is_deleted() {
    check_all(&DAMAGE, |world, field, value| {
        world.check_damage(&["HSET", &world.state, field, value]);
    });
}

#[test]
fn a_state_that_is_no_hash_is_reported_until_it_is_deleted() {
    let redis = Redis::start();
    let world = World::new(&redis, "pushd");
    world.check_damage(&["SET", &world.state, "junk"]);
}

#[test]
fn a_state_of_another_log_loses_nothing_silently() {
    check_all(&OTHER, |world, field, value| {
        world.check_other(field, value);
    });
}
