//! Users of tickets at several daemons: revocation and presence.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::nodes::load::publish_all;
use system_tests::nodes::redis::Redis;
use system_tests::nodes::{node, nodes, wait_until_ready};
use system_tests::tickets::{sign, ticket, write_keys};
use system_tests::wamp::Wamp;
use tempfile::TempDir;
use xtask::http;
use xtask::process::wait_until;

/// Longest time until the lease of a dead node's user has ended and another node has noticed: 60 s and 20 s.
const LEASE_MS: u64 = 120_000;

const TOPIC: &str = "chat";
const PRESENCE: &str = "pushd:presence:chat";

/// Redis, and the settings of daemons with a private topic.
struct Site {
    redis: Redis,
    folder: TempDir,
}

impl Site {
    #[track_caller]
    fn start() -> Self {
        Self {
            redis: Redis::start(),
            folder: TempDir::new().unwrap(),
        }
    }

    fn flags(&self) -> [String; 3] {
        let file = write_keys(self.folder.path());
        [
            format!("--ticket-key-file={}", file.display()),
            format!("--private-topics={TOPIC}"),
            format!("--presence={TOPIC}"),
        ]
    }

    #[track_caller]
    fn nodes(&self, count: usize) -> Vec<Daemon> {
        let flags = self.flags();
        nodes(
            &self.redis.url(),
            count,
            &flags.each_ref().map(|flag| &**flag),
        )
    }

    #[track_caller]
    fn node(&self) -> Daemon {
        let flags = self.flags();
        node(&self.redis.url(), &flags.each_ref().map(|flag| &**flag))
    }
}

#[track_caller]
fn user(node: &Daemon, sub: &str) -> Wamp {
    Wamp::connect_with(node.web, Some(&ticket(&[TOPIC], sub)))
}

#[track_caller]
fn revoke(node: &Daemon, sub: &str) {
    let answer = http::post(node.publish, &format!("/revoke/{sub}"), "").unwrap();
    assert!(answer.text().contains("sessions"), "{}", answer.text());
}

/// Waits until a user may no longer subscribe at a node.
#[track_caller]
fn wait_until_revoked(node: &Daemon, ticket: &str) {
    let mut last = Value::Null;
    let is_revoked = wait_until(WAIT_MS, || {
        let mut page = Wamp::connect_with(node.web, Some(ticket));
        page.send(&json!([5, TOPIC]));
        page.send(&json!([5, "pushd:presence:none"]));
        last = page.event("pushd:denied");
        last["topic"] == TOPIC && last["code"] == "ticket_revoked"
    });
    assert!(is_revoked, "{last}");
}

#[test]
fn revocation_holds_at_all_nodes() {
    let site = Site::start();
    let nodes = site.nodes(2);
    let ticket = ticket(&[TOPIC], "7");
    let mut pages: Vec<_> = nodes
        .iter()
        .map(|node| {
            let mut page = Wamp::connect_with(node.web, Some(&ticket));
            page.subscribe(TOPIC);
            page
        })
        .collect();
    revoke(&nodes[0], "7");
    for page in &mut pages {
        let denied = page.event("pushd:denied");
        assert_eq!(denied, json!({"topic": TOPIC, "code": "ticket_revoked"}));
    }
    // Also at a node that was not there.
    wait_until_revoked(&site.node(), &ticket);
}

#[test]
fn revocation_survives_the_loss_of_redis_data() {
    let site = Site::start();
    let nodes = site.nodes(2);
    let ticket = ticket(&[TOPIC], "7");
    revoke(&nodes[0], "7");
    wait_until_revoked(&nodes[1], &ticket);
    site.redis.call(&["FLUSHALL"]);
    for node in &nodes {
        wait_until_revoked(node, &ticket);
    }
    // A node gives Redis what it knows within a minute.
    let has_come_back = wait_until(LEASE_MS, || {
        site.redis.call(&["ZCARD", "{pushd}:revoked"]).number() == 1
    });
    assert!(has_come_back);
    wait_until_revoked(&site.node(), &ticket);
}

#[test]
fn a_node_that_starts_without_redis_gives_a_revoked_user_nothing() {
    let mut site = Site::start();
    let first = site.node();
    let ticket = ticket(&[TOPIC], "7");
    revoke(&first, "7");
    publish_all(first.publish, TOPIC, 1..=1);
    site.redis.freeze();
    let late = site.node();
    let mut page = Wamp::connect_with(late.web, Some(&ticket));
    page.subscribe(TOPIC);
    page.send(&json!([5, PRESENCE]));
    page.barrier();
    site.redis.thaw();
    wait_until_ready(&first);
    publish_all(first.publish, TOPIC, 2..=2);
    for _topic in [TOPIC, PRESENCE] {
        let denied = page.event("pushd:denied");
        assert_eq!(denied["code"], "ticket_revoked", "{denied}");
    }
    wait_until_ready(&late);
    page.barrier();
    assert_eq!(page.take_waiting(), Vec::<Value>::new());
}

#[test]
fn new_info_of_a_user_is_told_at_all_nodes() {
    let site = Site::start();
    let nodes = site.nodes(2);
    let now_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let signed = |info: u64, age_s: u64| {
        let times = (now_s - age_s, now_s + 300);
        sign(&json!({"topics": [TOPIC], "sub": "7", "info": info, "iat": times.0, "exp": times.1}))
    };
    let mut watcher = user(&nodes[0], "watcher");
    watcher.send(&json!([5, PRESENCE]));
    assert_eq!(watcher.event(PRESENCE), json!({"here": [], "count": 0}));
    let subscribe = |node: &Daemon, info, age_s| {
        let mut page = Wamp::connect_with(node.web, Some(&signed(info, age_s)));
        page.subscribe(TOPIC);
        page
    };
    let _first = subscribe(&nodes[0], 1, 20);
    let joined = json!({"joined": {"sub": "7", "info": 1}, "count": 1});
    assert_eq!(watcher.event(PRESENCE), joined);
    // The ticket of the second page is older, and that of the third is newer.
    let _second = subscribe(&nodes[1], 2, 30);
    let _third = subscribe(&nodes[1], 3, 10);
    let left = json!({"left": {"sub": "7"}, "count": 0});
    assert_eq!(watcher.event(PRESENCE), left);
    let joined = json!({"joined": {"sub": "7", "info": 3}, "count": 1});
    assert_eq!(watcher.event(PRESENCE), joined);
    for node in &nodes {
        let answer = http::get(node.publish, "/presence/chat").unwrap().text();
        assert!(answer.contains(r#"[{"sub":"7","info":3}]"#), "{answer}");
    }
}

#[test]
fn a_user_is_present_once_at_all_nodes() {
    let site = Site::start();
    let nodes = site.nodes(2);
    let mut watcher = user(&nodes[0], "watcher");
    watcher.send(&json!([5, PRESENCE]));
    assert_eq!(watcher.event(PRESENCE), json!({"here": [], "count": 0}));
    let mut pages: Vec<_> = nodes.iter().map(|node| user(node, "7")).collect();
    pages[1].subscribe(TOPIC);
    let joined = json!({"joined": {"sub": "7"}, "count": 1});
    assert_eq!(watcher.event(PRESENCE), joined);
    pages[0].subscribe(TOPIC);
    let mut other = user(&nodes[1], "9");
    other.subscribe(TOPIC);
    let joined = json!({"joined": {"sub": "9"}, "count": 2});
    assert_eq!(watcher.event(PRESENCE), joined);
    for node in &nodes {
        let answer = http::get(node.publish, "/presence/chat").unwrap().text();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["count"], 2, "{answer}");
        let mut late = user(node, "late");
        late.send(&json!([5, PRESENCE]));
        assert_eq!(late.event(PRESENCE)["here"].as_array().unwrap().len(), 2);
    }
    // One of its two sessions ends, and then that of the other user.
    drop(pages.remove(0));
    drop(other);
    let left = json!({"left": {"sub": "9"}, "count": 1});
    assert_eq!(watcher.event(PRESENCE), left);
    drop(pages);
    let left = json!({"left": {"sub": "7"}, "count": 0});
    assert_eq!(watcher.event(PRESENCE), left);
}

#[test]
fn users_of_a_dead_node_leave_when_their_leases_end() {
    let site = Site::start();
    let mut nodes = site.nodes(2);
    let mut page = user(&nodes[1], "7");
    page.subscribe(TOPIC);
    let watch = |node: &Daemon| {
        let mut watcher = user(node, "watcher");
        watcher.send(&json!([5, PRESENCE]));
        watcher.event(PRESENCE)["count"].clone()
    };
    let has_joined = wait_until(WAIT_MS, || watch(&nodes[0]) == 1);
    assert!(has_joined);
    let mut watcher = user(&nodes[0], "watcher");
    watcher.send(&json!([5, PRESENCE]));
    assert_eq!(watcher.event(PRESENCE)["count"], 1);
    nodes[1].process.signal(Signal::SIGKILL);
    let mut heard = Vec::new();
    let has_left = wait_until(LEASE_MS, || {
        watcher.barrier();
        heard.extend(watcher.take_waiting());
        !heard.is_empty()
    });
    assert!(has_left);
    let left = json!({"left": {"sub": "7"}, "count": 0});
    assert_eq!(heard, [json!([8, PRESENCE, left])]);
    let answer = http::get(nodes[0].publish, "/presence/chat").unwrap();
    assert!(answer.text().contains("\"count\":0"), "{}", answer.text());
}
