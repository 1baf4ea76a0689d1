//! Several daemons that share one log in Redis, and their clients.
//!
//! | module | has |
//! |---|---|
//! | [`redis`] | redis-server |
//! | [`resp`] | a client for it |
//! | [`follower`] | a client that follows a topic from daemon to daemon |
//! | [`heard`] | an event or a gap that it has heard |
//! | [`load`] | publishers at all daemons |
//! | [`check`] | checks of the events that followers have heard |

pub mod check;
mod dialect;
mod event_stream;
pub mod follower;
pub mod heard;
pub mod load;
pub mod redis;
pub mod resp;

use std::net::SocketAddr;

pub use dialect::Dialect;
use serde_json::Value;
use xtask::http;
use xtask::process::wait_until;

use crate::WAIT_MS;
use crate::daemon::Daemon;

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
    let metrics = http::get(node.publish, "/metrics").unwrap().text();
    let value = metrics.lines().find_map(|line| {
        let (found, value) = line.split_once(' ')?;
        (found == name).then(|| value.parse().expect("a number"))
    });
    value.unwrap_or_else(|| panic!("no metric {name}"))
}

/// Returns the position that a site gets from a daemon.
#[track_caller]
pub fn position(publish: SocketAddr) -> String {
    let answer = http::get(publish, "/position").unwrap().text();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["position"].as_str().expect("a position").to_owned()
}
