//! Several daemons that share one log in Redis, and their clients.
//!
//! | module | has |
//! |---|---|
//! | [`redis`] | redis-server |
//! | [`issuer`] | its certificate |
//! | [`sentinel`] | Sentinels, which promote a replica |
//! | [`resp`] | a client for both |
//! | [`follower`] | a client that follows a topic from daemon to daemon |
//! | [`heard`] | an event or a gap that it has heard |
//! | [`load`] | publishers at all daemons |
//! | [`check`] | checks of the events that followers have heard |

pub mod check;
mod dialect;
mod event_stream;
pub mod follower;
pub mod heard;
pub mod issuer;
pub mod load;
pub mod redis;
pub mod resp;
pub mod sentinel;

use std::net::SocketAddr;
use std::path::Path;

pub use dialect::Dialect;
use serde_json::Value;
use xtask::http;
use xtask::process::wait_until;

use crate::daemon::{self, Daemon};
use crate::{WAIT_MS, program};

/// Flags of a daemon that keeps all events of a test. A client that is slow for a moment, on a busy machine, finds all of
/// them in the log.
pub const KEEPS_ALL: [&str; 3] = [
    "--history-topic-events-max=10000000",
    "--history-topic-len-max=4GiB",
    "--history-len-max=4GiB",
];

/// Starts a daemon with the log at an address of Redis.
#[track_caller]
pub fn node(redis_url: &str, flags: &[&str]) -> Daemon {
    let mut all = vec!["--redis", redis_url];
    all.extend(flags);
    Daemon::start_with(&all)
}

/// Starts `count` daemons, and waits until each of them knows the others.
#[track_caller]
pub fn nodes(redis_url: &str, count: usize, flags: &[&str]) -> Vec<Daemon> {
    let nodes: Vec<_> = (0..count).map(|_| node(redis_url, flags)).collect();
    for node in &nodes {
        wait_for_nodes(node, count);
    }
    nodes
}

/// Waits until a daemon knows this number of nodes, itself included.
#[track_caller]
pub fn wait_for_nodes(node: &Daemon, count: usize) {
    wait_for_redis_status(node, &format!("{count} nodes"), |redis| {
        redis["nodes"].as_array().map(Vec::len) == Some(count)
    });
}

/// Waits until the member `redis` of `/status.json` has a property.
#[track_caller]
pub fn wait_for_redis_status(node: &Daemon, what: &str, property: impl Fn(&Value) -> bool) {
    let mut last = Value::Null;
    let is_so = wait_until(WAIT_MS, || {
        last = redis_status(node);
        property(&last)
    });
    assert!(is_so, "not after {WAIT_MS} ms: {what}; {last}");
}

/// Waits until a daemon can use the log.
#[track_caller]
pub fn wait_until_ready(node: &Daemon) {
    wait_for_redis_status(node, "no failure", |redis| redis["failure"].is_null());
}

/// Returns the member `redis` of `/status.json`.
#[track_caller]
pub fn redis_status(node: &Daemon) -> Value {
    let status = http::get(node.publish, "/status.json").unwrap().text();
    serde_json::from_str::<Value>(&status).unwrap()["redis"].take()
}

/// Returns a figure of `/metrics`.
#[track_caller]
pub fn metric(node: &Daemon, name: &str) -> u64 {
    let value = daemon::metric(node.publish, name);
    value.unwrap_or_else(|| panic!("no metric {name}"))
}

/// Runs the doctor for a node, with settings of Redis, and returns its steps.
#[track_caller]
pub fn doctor(node: &Daemon, issuers: &Path, settings: &[&str]) -> Vec<Value> {
    let mut command = daemon::command("pushd");
    daemon::trust(&mut command, issuers);
    command.args(settings).args(["doctor", "--json"]);
    command.arg(format!("--publish-address={}", node.publish));
    command.arg(format!("ws://{}/", node.web));
    let ended = program::run(&mut command, 4 * WAIT_MS);
    let report: Result<Value, _> = serde_json::from_str(&ended.stdout);
    let mut report = report.unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    match report["steps"].take() {
        Value::Array(steps) => steps,
        other => panic!("no steps: {other}"),
    }
}

/// Returns the position that a site gets from a daemon.
#[track_caller]
pub fn position(publish: SocketAddr) -> String {
    let answer = http::get(publish, "/position").unwrap().text();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["position"].as_str().expect("a position").to_owned()
}
