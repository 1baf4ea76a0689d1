//! Passwords, permissions and limits of Redis.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::Signal;
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::load::{answer_to, publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{
    check, metric, node, nodes, position, redis_status, wait_for_redis_status, wait_until_ready,
};
use tempfile::TempDir;
use xtask::http;
use xtask::process::wait_until;

const USER: &str = "pushd";

/// The commands that a daemon uses. A user of Redis with them, and the keys `{pushd}:*`, is enough.
const COMMANDS: [&str; 23] = [
    "evalsha",
    "script|load",
    "get",
    "set",
    "hget",
    "hmget",
    "hset",
    "hdel",
    "hexists",
    "xadd",
    "xread",
    "xtrim",
    "xlen",
    "zadd",
    "zrem",
    "zrange",
    "zrangebyscore",
    "zremrangebyscore",
    "del",
    "unlink",
    "pexpire",
    "time",
    "info",
];

/// Redis with a user for daemons, and a file with its password.
struct Access {
    redis: Redis,
    folder: TempDir,
}

impl Access {
    #[track_caller]
    fn start(password: &str) -> Self {
        let redis = Redis::start_on_tcp(&[]);
        let mut command: Vec<String> = ["ACL", "SETUSER", USER, "reset", "on", "~{pushd}:*"]
            .map(str::to_owned)
            .to_vec();
        command.push(format!(">{password}"));
        command.extend(COMMANDS.iter().map(|name| format!("+{name}")));
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        redis.call(&command);
        let access = Self {
            redis,
            folder: TempDir::new().unwrap(),
        };
        access.write_password(password);
        access
    }

    fn file(&self) -> String {
        self.folder.path().join("password").display().to_string()
    }

    fn write_password(&self, password: &str) {
        fs::write(self.file(), format!("{password}\n")).unwrap();
    }

    #[track_caller]
    fn node(&self) -> Daemon {
        let url = format!("redis://{USER}@{}", self.redis.address());
        node(
            &url,
            &[
                "--redis-password-file",
                &self.file(),
                "--redis-wait",
                "500ms",
            ],
        )
    }
}

/// The commands that were used so far.
#[track_caller]
fn used(redis: &Redis) -> BTreeSet<String> {
    let stats = redis.call(&["INFO", "commandstats"]);
    let lines = stats.text().lines();
    let names = lines.filter_map(|line| line.strip_prefix("cmdstat_")?.split(':').next());
    names.map(str::to_owned).collect()
}

#[test]
fn a_user_with_the_least_commands_is_enough() {
    let access = Access::start("a secret");
    let mut nodes = [access.node(), access.node()];
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[0].web, "t", &begin, 0);
    let first = answer_to(nodes[0].publish, "t", 1, Some("id"));
    assert_eq!(answer_to(nodes[1].publish, "t", 1, Some("id"))[2], first[2]);
    followers.iter().for_each(|one| one.move_to(nodes[1].web));
    followers.iter().for_each(Follower::wait_until_subscribed);
    let mut published = publish_all(nodes[0].publish, "t", 2..=100);
    check::wait_for_last(&followers, &published);
    // A new epoch, too.
    access.redis.call(&["DEL", "{pushd}:state"]);
    published.extend(publish_all(nodes[1].publish, "t", 101..=200));
    check::wait_for_last(&followers, &published);
    assert!(followers.iter().all(|one| one.gaps() == 1));
    drop(followers);
    assert!(nodes[0].end_by(Signal::SIGTERM).success());
    let unused = || {
        let used = used(&access.redis);
        let unused = COMMANDS.iter().filter(|name| !used.contains(**name));
        unused.copied().collect::<Vec<_>>()
    };
    assert!(
        wait_until(WAIT_MS, || unused().is_empty()),
        "{:?}",
        unused()
    );
    let denied = access.redis.call(&["ACL", "LOG"]);
    assert_eq!(denied.array(), [], "{denied:?}");
    wait_until_ready(&nodes[1]);
}

#[test]
fn a_password_is_replaced_by_a_reload() {
    let access = Access::start("the first");
    let mut node = access.node();
    publish(node.publish, "t", 1);
    // Both work for a while.
    access.redis.call(&["ACL", "SETUSER", USER, ">the second"]);
    access.write_password("the second");
    node.process.signal(Signal::SIGHUP);
    node.wait_for_log("the settings were read again");
    publish(node.publish, "t", 2);
    assert_eq!(
        metric(&node, "pushd_redis_connections_total"),
        2,
        "they stay"
    );
    access.redis.call(&["ACL", "SETUSER", USER, "<the first"]);
    access.redis.kill_clients();
    publish(node.publish, "t", 3);
    wait_until_ready(&node);
    node.assert_running();
}

#[test]
fn a_wrong_password_is_reported_until_it_is_corrected() {
    let access = Access::start("the right one");
    access.write_password("the wrong one");
    let mut node = access.node();
    node.wait_for_log("cannot append to the log in Redis");
    wait_for_redis_status(&node, "a failure", |redis| {
        redis["failure"]
            .as_str()
            .is_some_and(|text| text.contains("authentication failed"))
    });
    assert_eq!(http::get(node.publish, "/readyz").unwrap().status, 503);
    assert_eq!(answer_to(node.publish, "t", 1, None)[2], "log_unavailable");
    access.write_password("the right one");
    node.process.signal(Signal::SIGHUP);
    wait_until_ready(&node);
    publish(node.publish, "t", 2);
    for text in [node.log(), redis_status(&node).to_string()] {
        assert!(
            !text.contains("right one") && !text.contains("wrong one"),
            "{text}"
        );
    }
    node.assert_running();
}

/// Bytes that Redis uses.
#[track_caller]
fn used_memory(redis: &Redis) -> u64 {
    let info = redis.call(&["INFO", "memory"]);
    let mut lines = info.text().lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"));
    used.expect("a figure").parse().unwrap()
}

#[test]
fn publishers_are_refused_while_redis_is_full() {
    let redis = Redis::start();
    let nodes = nodes(&redis.url(), 2, &["--redis-wait", "500ms"]);
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[1].web, "t", &begin, 0);
    let mut published = vec![publish(nodes[0].publish, "t", 1)];
    redis.call(&["SET", "of another program", &"x".repeat(5_000_000)]);
    let limit = used_memory(&redis) - 1_000_000;
    redis.call(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    let refusal = answer_to(nodes[0].publish, "t", 2, Some("id"));
    assert_eq!(refusal[2], "log_unavailable");
    assert!(refusal[3].as_str().unwrap().contains("OOM"), "{refusal}");
    wait_for_redis_status(&nodes[0], "a failure", |redis| redis["failure"].is_string());
    redis.call(&["DEL", "of another program"]);
    wait_until_ready(&nodes[0]);
    published.push(publish(nodes[0].publish, "t", 2));
    check::wait_for_last(&followers, &published);
    for follower in &followers {
        check::complete(follower, "t", &published);
    }
}

/// The log itself fills Redis, and then may become shorter.
#[test]
fn a_full_redis_is_freed_by_trimming_the_log() {
    let redis = Redis::start();
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("pushd.toml");
    fs::write(&config, "history-len-max = \"16MiB\"\n").unwrap();
    let path = config.display().to_string();
    let mut node = node(&redis.url(), &["--config", &path, "--redis-wait", "500ms"]);
    let event = "x".repeat(100_000);
    for _ in 0..50 {
        let body = format!("\"{event}\"");
        assert_eq!(
            http::post_json(node.publish, "/publish/t", &body)
                .unwrap()
                .status,
            200
        );
    }
    let limit = used_memory(&redis) - 1_000_000;
    redis.call(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
    assert_eq!(answer_to(node.publish, "t", 1, None)[2], "log_unavailable");
    fs::write(&config, "history-len-max = \"1MiB\"\n").unwrap();
    node.process.signal(Signal::SIGHUP);
    let is_appended = || answer_to(node.publish, "t", 2, None)[0] == 4;
    assert!(wait_until(WAIT_MS, is_appended), "Redis is still full");
    wait_until_ready(&node);
}

/// The worst setting for a log: Redis evicts keys of pushd.
#[test]
fn everybody_is_told_when_redis_evicts_the_log() {
    let redis = Redis::start_with(&["--maxmemory-policy", "allkeys-random"]);
    let nodes = nodes(&redis.url(), 2, &[]);
    let begin = position(nodes[0].publish);
    let mut followers = Follower::one_of_each(nodes[0].web, "t", &begin, 0);
    followers.extend(Follower::one_of_each(nodes[1].web, "t", &begin, 1));
    let mut published = Vec::new();
    for round in 0..20_u64 {
        published.extend(publish_all(
            nodes[0].publish,
            "t",
            round * 10..round * 10 + 10,
        ));
        // Everything is evicted.
        redis.call(&["CONFIG", "SET", "maxmemory", "1"]);
        let is_empty = || redis.call(&["DBSIZE"]).number() == 0;
        assert!(wait_until(WAIT_MS, is_empty), "nothing is evicted");
        redis.call(&["CONFIG", "SET", "maxmemory", "0"]);
    }
    published.push(publish(nodes[1].publish, "t", 1000));
    check::wait_for_last(&followers, &published);
    check::one_event_per_position(&followers, &published);
    for follower in &followers {
        assert!(follower.gaps() > 0);
        check::complete_or_gap(follower, "t", &begin, &published);
    }
}
