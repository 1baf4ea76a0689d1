//! autobahn for Python, with asyncio.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use system_tests::log::Log;
use system_tests::{WAIT_MS, workspace};
use xtask::pip;
use xtask::process::Background;

use super::{file, publish, revoke, start, url};

/// A running `client.py`.
struct Client {
    process: Background,
    log: Log,
    /// The lines of an earlier session.
    seen: usize,
}

impl Client {
    #[track_caller]
    fn start(url: &str, topics: &[&str]) -> Self {
        let python = pip::install(&workspace(), "autobahn==26.10.2");
        let mut command = Command::new(python.unwrap());
        command
            .arg(file("client.py"))
            .arg(url)
            .args(topics)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Background::start("client.py", &mut command).unwrap();
        let log = Log::follow(process.child().stdout.take().unwrap());
        Self {
            process,
            log,
            seen: 0,
        }
    }

    /// Waits until the client has said this, after the last [`forget`](Self::forget).
    #[track_caller]
    fn heard(&self, wanted: &Value) {
        let mut line_number = 0;
        let found = self.log.find(WAIT_MS, |line| {
            line_number += 1;
            let line: Value = serde_json::from_str(line).ok()?;
            (line_number > self.seen && line == *wanted).then_some(())
        });
        assert!(found.is_some(), "not {wanted}:\n{}", self.log.text());
    }

    fn forget(&mut self) {
        self.seen = self.log.text().lines().count();
    }
}

#[test]
fn a_program_subscribes_publishes_and_reconnects() {
    let keys = tempfile::tempdir().unwrap();
    let daemon = start(keys.path());
    let topics = ["chat", "orders.1", "orders.2", "pushd:denied"];
    let mut client = Client::start(&url(&daemon), &topics);
    let reason = "wamp.error.not_authorized";
    for topic in ["chat", "orders.1", "pushd:denied"] {
        client.heard(&json!(["subscribed", topic]));
    }
    client.heard(&json!(["refused", "orders.2", reason, ["ticket_topic"]]));
    client.heard(&json!(["published", "chat"]));
    client.heard(&json!(["event", "chat", [1], {"a": "猫"}]));
    client.heard(&json!(["unpublished", "pushd:denied", reason]));
    publish(&daemon, "orders.1", &json!({"title": "子猫"}));
    client.heard(&json!(["event", "orders.1", [{"title": "子猫"}], {}]));

    // An UNSUBSCRIBED that it has not asked for would end the connection.
    revoke(&daemon);
    let denied = json!({"topic": "orders.1", "code": "ticket_revoked"});
    client.heard(&json!(["event", "pushd:denied", [denied], {}]));
    publish(&daemon, "chat", &json!("still there"));
    client.heard(&json!(["event", "chat", ["still there"], {}]));

    client.forget();
    let daemon = daemon.terminate().start_again();
    client.heard(&json!(["published", "chat"]));
    publish(&daemon, "chat", &json!("leave"));
    client.heard(&json!(["event", "chat", ["leave"], {}]));
    let status = client.process.wait(WAIT_MS).expect("it ends");
    assert!(status.success(), "{status}");
}
