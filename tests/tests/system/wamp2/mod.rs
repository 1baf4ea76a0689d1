//! autobahn-browser from npm in Chromium, and autobahn from PyPI: both speak WAMP v2, and none of our code is in them.

mod browser;
mod python;

use std::path::{Path, PathBuf};

use serde_json::Value;
use system_tests::daemon::Daemon;
use system_tests::tickets::{ticket, write_keys};
use system_tests::workspace;
use xtask::http;

/// Returns a file of this folder.
fn file(name: &str) -> PathBuf {
    workspace().root.join("tests/tests/system/wamp2").join(name)
}

/// Starts a daemon where browsers may publish to `chat`, and the topics `orders.*` are private. `folder` is for the keys.
#[track_caller]
fn start(folder: &Path) -> Daemon {
    let keys = write_keys(folder);
    Daemon::start_with(&[
        "--ticket-key-file",
        keys.to_str().unwrap(),
        "--private-topics",
        "orders.*",
        "--client-publish",
        "chat",
    ])
}

/// Returns the address for a client with a ticket for `orders.1`.
fn url(daemon: &Daemon) -> String {
    format!("ws://{}/?ticket={}", daemon.web, ticket(&["orders.1"], "7"))
}

#[track_caller]
fn publish(daemon: &Daemon, topic: &str, event: &Value) {
    let path = format!("/publish/{topic}");
    let answer = http::post_json(daemon.publish, &path, &event.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Revokes the tickets of the clients.
#[track_caller]
fn revoke(daemon: &Daemon) {
    let answer = http::post_json(daemon.publish, "/revoke/7", "").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
