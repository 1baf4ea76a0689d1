//! Passwords, permissions and limits of Redis.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::Signal;
use system_tests::channels::{signed_target, write_app};
use system_tests::daemon::Daemon;
use system_tests::nodes::follower::Follower;
use system_tests::nodes::issuer::Issuer;
use system_tests::nodes::load::{answer_to, publish, publish_all};
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{
    check, doctor, metric, node, nodes, position, redis_status, wait_for_nodes,
    wait_for_redis_status, wait_until_ready,
};
use system_tests::tickets::{ticket, write_keys};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, workspace};
use tempfile::TempDir;
use xtask::http;
use xtask::process::wait_until;

const USER: &str = "pushd";

/// A `redis-wait` that no publish reaches while Redis works, also on a busy machine.
const PATIENT: &str = "10s";

/// A database other than that of a new connection.
const DATABASE: &str = "1";

/// Returns the line of the ACL file in OPERATING.md, without the word `user`.
#[track_caller]
fn documented_user() -> String {
    let path = workspace().root.join("crates/pushd/OPERATING.md");
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("user "));
    lines.next().expect("the line of the user").to_owned()
}

/// Returns the commands of the documented user.
#[track_caller]
fn documented_commands() -> BTreeSet<String> {
    let user = documented_user();
    let commands = user.split(' ').filter_map(|word| word.strip_prefix('+'));
    commands.map(str::to_owned).collect()
}

/// Redis with TLS and a user for daemons, and a file with its password.
struct Access {
    redis: Redis,
    issuer: Issuer,
    folder: TempDir,
}

impl Access {
    #[track_caller]
    fn start(password: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("users.acl");
        let user = documented_user().replace("PASSWORD", password);
        fs::write(&file, format!("user {user}\n")).unwrap();
        let issuer = Issuer::with_certificate_for("localhost");
        let redis = Redis::start_with_tls(&issuer, &["--aclfile", &file.display().to_string()]);
        let access = Self {
            redis,
            issuer,
            folder,
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

    /// Returns the settings of a node.
    fn settings(&self) -> [String; 4] {
        let port = self.redis.address().port();
        [
            "--redis".to_owned(),
            format!("rediss://{USER}@localhost:{port}/{DATABASE}"),
            "--redis-password-file".to_owned(),
            self.file(),
        ]
    }

    /// Starts a node that refuses a publish after `redis_wait`.
    #[track_caller]
    fn node(&self, redis_wait: &str) -> Daemon {
        let settings = self.settings();
        let mut flags: Vec<_> = settings.iter().map(String::as_str).collect();
        flags.extend(["--redis-wait", redis_wait, "--history-len-max", "1MiB"]);
        let keys = write_keys(self.folder.path()).display().to_string();
        flags.extend(["--presence", "room", "--ticket-key-file", &keys]);
        let app = write_app(self.folder.path());
        flags.extend(["--pusher-app", &app]);
        Daemon::start_trusting(&self.issuer.file(), &flags)
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

/// With TLS, a password from a file, and each thing that a node or the doctor does with Redis.
#[test]
fn the_documented_user_is_enough() {
    let access = Access::start("a-secret");
    let first = access.node(PATIENT);
    // The second one must find a log: it asks for its length.
    wait_until_ready(&first);
    let mut nodes = [first, access.node(PATIENT)];
    nodes.iter().for_each(|node| wait_for_nodes(node, 2));
    let begin = position(nodes[0].publish);
    let followers = Follower::one_of_each(nodes[0].web, "t", &begin, 0);
    let first = answer_to(nodes[0].publish, "t", 1, Some("id"));
    assert_eq!(answer_to(nodes[1].publish, "t", 1, Some("id"))[2], first[2]);
    // Each node reports its subscribers to the other one, also that they have gone.
    let subscribers = || answer_to(nodes[1].publish, "t", 0, None)[3].as_u64();
    assert!(wait_until(WAIT_MS, || subscribers() == Some(3)), "not told");
    // The positions of a resumed client are saved here, and loaded there.
    followers.iter().for_each(|one| one.move_to(nodes[1].web));
    followers.iter().for_each(Follower::wait_until_subscribed);
    assert!(
        wait_until(WAIT_MS, || subscribers() == Some(3)),
        "both count"
    );
    let mut published = publish_all(nodes[0].publish, "t", 2..=100);
    check::wait_for_last(&followers, &published);
    assert!(followers.iter().all(|one| one.gaps() == 0));
    doctor_checks_everything(&access, &nodes[1]);
    channels_are_listed(&nodes);
    a_user_is_present_and_revoked(&nodes);
    // A new epoch, too. This test itself must use none of the documented commands.
    access.redis.call(&["FLUSHALL"]);
    published.extend(publish_all(nodes[1].publish, "t", 101..=200));
    check::wait_for_last(&followers, &published);
    assert!(followers.iter().all(|one| one.gaps() == 1));
    // The first report after the loss has all subscribers. Only a later one tells that some have gone.
    let reported = || answer_to(nodes[0].publish, "t", 0, None)[3].as_u64();
    assert!(wait_until(WAIT_MS, || reported() == Some(3)), "not told");
    drop(followers);
    let entries = publish_long(&nodes[1]);
    assert!(nodes[0].end_by(Signal::SIGTERM).success());
    let unused = || &documented_commands() - &used(&access.redis);
    let all_used = || unused().is_empty();
    assert!(wait_until(WAIT_MS, all_used), "unused: {:?}", unused());
    let denied = access.redis.call(&["ACL", "LOG"]);
    assert_eq!(denied.array(), [], "{denied:?}");
    wait_until_ready(&nodes[1]);
    let mut client = access.redis.client();
    client.call(&["SELECT", DATABASE]);
    // A node trims what it has read, when it appends the next time: that may be its probe.
    let mut len = || client.call(&["XLEN", "{pushd}:log"]).number();
    let is_trimmed = wait_until(2 * WAIT_MS, || len() < entries);
    assert!(is_trimmed, "the log is not trimmed: {} entries", len());
}

/// Presence and revocation go through Redis, too.
#[track_caller]
fn a_user_is_present_and_revoked(nodes: &[Daemon; 2]) {
    let mut page = Wamp::connect_with(nodes[0].web, Some(&ticket(&["room"], "7")));
    page.subscribe("room");
    let is_present = wait_until(WAIT_MS, || {
        let answer = http::get(nodes[1].publish, "/presence/room").unwrap();
        answer.text().contains(r#""members":[{"sub":"7"}]"#)
    });
    assert!(is_present);
    let answer = http::post(nodes[1].publish, "/revoke/7", "").unwrap();
    assert_eq!(answer.status, 200);
}

/// The list of channels has those of the other node.
#[track_caller]
fn channels_are_listed(nodes: &[Daemon; 2]) {
    let _page = Wamp::subscribed(nodes[0].web, "channel");
    let is_listed = wait_until(WAIT_MS, || {
        let answer = http::get(nodes[1].publish, &signed_target("/channels")).unwrap();
        answer.text().contains(r#""channel":{}"#)
    });
    assert!(is_listed);
}

/// The user may run all commands of the doctor.
#[track_caller]
fn doctor_checks_everything(access: &Access, node: &Daemon) {
    let settings = access.settings();
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let steps = doctor(node, &access.issuer.file(), &settings);
    for name in ["redis", "replicas", "memory", "file", "clock", "nodes"] {
        let mut its = steps.iter().filter(|step| step["step"] == name);
        let step = its.next().unwrap_or_else(|| panic!("{name}: {steps:?}"));
        assert!(!step.to_string().contains("not checked"), "{step}");
        assert_ne!(step["status"], "failed", "{step}");
    }
}

/// Publishes more than the log keeps. Returns the number of events.
#[track_caller]
fn publish_long(node: &Daemon) -> u64 {
    let body = format!("\"{}\"", "x".repeat(100_000));
    for _ in 0..40 {
        let answer = http::post_json(node.publish, "/publish/t", &body).unwrap();
        assert_eq!(answer.status, 200);
    }
    40
}

#[test]
fn a_password_is_replaced_by_a_reload() {
    let access = Access::start("the-first");
    let mut node = access.node(PATIENT);
    publish(node.publish, "t", 1);
    // Both work for a while.
    access.redis.call(&["ACL", "SETUSER", USER, ">the-second"]);
    access.write_password("the-second");
    node.process.signal(Signal::SIGHUP);
    node.wait_for_log("the settings were read again");
    publish(node.publish, "t", 2);
    assert_eq!(
        metric(&node, "pushd_redis_connections_total"),
        2,
        "they stay"
    );
    access.redis.call(&["ACL", "SETUSER", USER, "<the-first"]);
    access.redis.kill_clients();
    publish(node.publish, "t", 3);
    wait_until_ready(&node);
    node.assert_running();
}

#[test]
fn a_wrong_password_is_reported_until_it_is_corrected() {
    let access = Access::start("the-right-one");
    access.write_password("the-wrong-one");
    let mut node = access.node("2s");
    node.wait_for_log("cannot append to the log in Redis");
    wait_for_redis_status(&node, "a failure", |redis| {
        redis["failure"]
            .as_str()
            .is_some_and(|text| text.contains("authentication failed"))
    });
    assert_eq!(http::get(node.publish, "/readyz").unwrap().status, 503);
    assert_eq!(answer_to(node.publish, "t", 1, None)[2], "log_unavailable");
    access.write_password("the-right-one");
    node.process.signal(Signal::SIGHUP);
    wait_until_ready(&node);
    publish(node.publish, "t", 2);
    for text in [node.log(), redis_status(&node).to_string()] {
        assert!(
            !text.contains("right-one") && !text.contains("wrong-one"),
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
    let nodes = nodes(&redis.url(), 2, &[]);
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
    let mut node = node(&redis.url(), &["--config", &path]);
    publish_long(&node);
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
