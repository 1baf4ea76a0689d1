//! Compressed messages in a real browser.

use serde_json::json;
use system_tests::WAIT_MS;
use system_tests::browser::Browser;
use system_tests::daemon::{self, Daemon};
use system_tests::publisher::publish_raw;
use xtask::process::wait_until;

const CONNECT: &str = "new Promise((loaded, failed) => {
        window.heard = [], window.states = [];
        const script = document.createElement('script');
        Object.assign(script, {src: '/pusher.js', onload: loaded, onerror: failed});
        document.head.append(script);
    }).then(() => {
        window.pusher = new Pusher();
        pusher.subscribe('t', event => heard.push(event));
        pusher.watch(state => states.push(state));
    }).then(() => true)";

#[test]
fn chromium_gets_and_sends_compressed_messages() {
    let daemon = Daemon::start_with(&["--compression-len-min=1KiB"]);
    let mut browser = Browser::start();
    let mut page = browser.open(&format!("http://{}/empty", daemon.web));
    page.evaluate(CONNECT);
    page.wait_for("states.includes('open')");
    // Chromium compresses what it sends.
    page.evaluate("pusher.subscribe('u'.repeat(200), event => heard.push(event))");
    let subscribed = || daemon::metric(daemon.publish, "pushd_topics") == Some(2);
    assert!(wait_until(WAIT_MS, subscribed));
    let text = "kittens ".repeat(10_000);
    publish_raw(
        daemon.publish,
        &json!({"category": "t", "text": text}).to_string(),
    );
    page.wait_for("heard.length === 1");
    let len = page.evaluate("heard[0].text.length");
    assert_eq!(len, text.len());
    let sent = || daemon::metric(daemon.publish, "pushd_delivery_bytes_total").unwrap();
    assert!(wait_until(WAIT_MS, || sent() > 0));
    assert!(sent() < 2_000, "{} bytes", sent());
    assert_eq!(page.evaluate("states.at(-1)"), "open");
}
