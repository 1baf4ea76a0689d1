//! pusher.js in Node, over a real connection.

use std::process::{Command, Stdio};

use system_tests::daemon::Daemon;
use system_tests::log::Log;
use system_tests::publisher::publish_raw;
use system_tests::{WAIT_MS, workspace};
use xtask::process::Background;

/// Node 22 and later have a `WebSocket`. For older versions, Debian's package `node-ws` provides one.
const SCRIPT: &str = "
    globalThis.WebSocket ??= require('/usr/share/nodejs/ws');
    const [script, url] = process.argv.slice(-2);
    const Pusher = require(script);
    const pusher = new Pusher(url, {backoffBaseMs: 50, backoffMaxMs: 100});
    pusher.watch(state => console.log(`state ${state}`));
    pusher.subscribe('t', (event, topic) => {
        console.log(`event ${topic} ${event.n}`);
        if (event.n === 'last') pusher.close();
    });
";

#[test]
fn it_reconnects_after_a_restart_and_lets_the_process_end() {
    let daemon = Daemon::start();
    let (mut node, log) = start(&format!("ws://{}/", daemon.web));
    publish_until(&daemon, &log, "first");
    let daemon = daemon.kill_and_restart();
    publish_until(&daemon, &log, "last");
    let status = node.wait(WAIT_MS).expect("Node ends after close()");
    assert!(status.success(), "{status}\n{}", log.text());
    let states: Vec<_> = log
        .text()
        .lines()
        .filter_map(|line| Some(line.strip_prefix("state ")?.to_owned()))
        .collect();
    let comes_back = ["open", "waiting", "connecting", "open", "closed"];
    let mut seen = states.iter();
    assert!(
        comes_back
            .iter()
            .all(|state| seen.any(|known| known == state)),
        "{states:?}"
    );
}

fn start(url: &str) -> (Background, Log) {
    let mut command = Command::new("node");
    command
        .args(["--eval", SCRIPT, "--"])
        .arg(workspace().root.join("crates/pusher-core/js/pusher.js"))
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut node =
        Background::start("node", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
    let stdout = node.child().stdout.take().expect("stdout is piped");
    (node, Log::follow(stdout))
}

/// Nothing shows that Node has subscribed, so the test publishes until Node prints the event.
#[track_caller]
fn publish_until(daemon: &Daemon, log: &Log, n: &str) {
    let event = format!(r#"{{"category":"t","n":"{n}"}}"#);
    let shown = format!("event t {n}");
    let came = xtask::process::wait_until(WAIT_MS, || {
        publish_raw(daemon.publish, &event);
        log.text().contains(&shown)
    });
    assert!(came, "Node does not show `{shown}`:\n{}", log.text());
}
