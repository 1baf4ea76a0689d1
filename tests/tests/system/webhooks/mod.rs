//! Webhooks over HTTPS, checked by the libraries of others: the npm package `pusher` and the PyPI package `pusher`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use system_tests::channels::{KEY, SECRET, write_app};
use system_tests::daemon::Daemon;
use system_tests::log::Log;
use system_tests::nodes::issuer::Issuer;
use system_tests::nodes::nodes;
use system_tests::nodes::redis::Redis;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program, workspace};
use xtask::process::{Background, wait_until};
use xtask::{npm, pip};

/// The library that checks webhooks in Python.
const LIBRARY: &str = "pusher==3.3.4";

/// The folder `node_modules` with pusher and pusher-js. Tests that run at the same time install them once.
static MODULES: LazyLock<PathBuf> =
    LazyLock::new(|| npm::install(&workspace(), &file("package.json"), "webhooks").unwrap());

fn file(name: &str) -> PathBuf {
    let folder = workspace().root.join("tests/tests/system/webhooks");
    folder.join(name)
}

/// The site that receives webhooks, and its page.
struct Site {
    log: Log,
    stdin: ChildStdin,
    port: u16,
    _process: Background,
}

impl Site {
    #[track_caller]
    fn start(key_and_certificate: &[PathBuf]) -> Self {
        let mut command = Command::new("node");
        command
            .arg(file("site.cjs"))
            .arg(&*MODULES)
            .args([KEY, SECRET])
            .args(key_and_certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Background::start("the site", &mut command).unwrap();
        let stdin = process.child().stdin.take().unwrap();
        let log = Log::follow(process.child().stdout.take().unwrap());
        let port = log.find(WAIT_MS, |line| line.strip_prefix("port ")?.parse().ok());
        Self {
            port: port.expect("the site listens"),
            log,
            stdin,
            _process: process,
        }
    }

    #[track_caller]
    fn tell(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").unwrap();
    }

    /// Returns how often the site was told of an event.
    fn count(&self, event: &Value) -> usize {
        let text = self.log.text();
        let webhooks = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        webhooks
            .filter_map(|webhook: Value| Some(webhook["events"].as_array()?.clone()))
            .map(|events| events.iter().filter(|found| *found == event).count())
            .sum()
    }

    /// Waits until the site was told of an event so often.
    #[track_caller]
    fn wait_for(&self, count: usize, event: &Value) {
        let is_told = wait_until(WAIT_MS, || self.count(event) == count);
        assert!(is_told, "not {count} times {event}:\n{}", self.log.text());
    }

    /// Waits for the webhook with an event, which must be valid.
    #[track_caller]
    fn webhook_with(&self, event: &Value) -> Value {
        let found = self.log.find(WAIT_MS, |line| {
            let webhook: Value = serde_json::from_str(line).ok()?;
            let is_it = webhook["events"].as_array()?.contains(event);
            is_it.then_some(webhook)
        });
        let webhook = found.unwrap_or_else(|| panic!("no {event}:\n{}", self.log.text()));
        assert_eq!(webhook["isValid"], true, "{webhook}");
        assert!(webhook["ageMs"].as_i64().unwrap() < WAIT_MS.try_into().unwrap());
        webhook
    }
}

/// Returns the body of a webhook as the library for Python reads it, or null if the library refuses it.
fn check_in_python(secret: &str, webhook: &Value) -> Value {
    let python = pip::install(&workspace(), LIBRARY).unwrap();
    let mut command = Command::new(python);
    command
        .arg(file("validate.py"))
        .args([KEY, secret])
        .arg(webhook.to_string());
    let ended = program::run(&mut command, WAIT_MS);
    serde_json::from_str(&ended.success()).unwrap()
}

#[test]
fn libraries_of_others_accept_webhooks_over_https() {
    let issuer = Issuer::with_certificate_for("localhost");
    let mut site = Site::start(&issuer.key_and_certificate());
    let folder = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}/webhook?site=1", site.port);
    let app = write_app(folder.path());
    let flags = ["--pusher-app", &app, "--pusher-webhook", &url];
    let daemon = Daemon::start_trusting(&issuer.file(), &flags);
    // A channel is a topic, whatever protocol its subscribers have.
    let browser = Wamp::subscribed(daemon.web, "orders");
    site.webhook_with(&json!({"name": "channel_occupied", "channel": "orders"}));
    drop(browser);
    site.webhook_with(&json!({"name": "channel_vacated", "channel": "orders"}));

    site.tell(&format!("join {} presence-cats", daemon.web.port()));
    let member = |name| json!({"name": name, "channel": "presence-cats", "user_id": "猫 7"});
    let webhook = site.webhook_with(&member("member_added"));
    let checked = check_in_python(SECRET, &webhook);
    assert_eq!(checked["events"], webhook["events"]);
    assert_eq!(check_in_python("another secret", &webhook), Value::Null);
    site.tell("leave");
    site.webhook_with(&member("member_removed"));
}

#[test]
fn a_site_with_an_unknown_certificate_gets_nothing() {
    let [issuer, other] = ["localhost"; 2].map(Issuer::with_certificate_for);
    let site = Site::start(&issuer.key_and_certificate());
    let folder = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}/webhook?token=s3cret", site.port);
    let app = write_app(folder.path());
    let flags = ["--pusher-app", &app, "--pusher-webhook", &url];
    let daemon = Daemon::start_trusting(&other.file(), &flags);
    let _browser = Wamp::subscribed(daemon.web, "orders");
    let line = daemon.wait_for_log("webhook failed");
    assert!(line.contains("the TLS handshake failed"), "{line}");
    assert!(!daemon.log().contains("s3cret"), "{}", daemon.log());
    assert!(!site.log.text().contains("orders"), "{}", site.log.text());
}

#[test]
fn a_member_at_two_nodes_is_added_once_and_removed_once() {
    let redis = Redis::start();
    let mut site = Site::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}/", site.port);
    let app = write_app(folder.path());
    let nodes = nodes(
        &redis.url(),
        2,
        &["--pusher-app", &app, "--pusher-webhook", &url],
    );
    let channel = |name| json!({"name": name, "channel": "presence-cats"});
    let member = |name| json!({"name": name, "channel": "presence-cats", "user_id": "猫 7"});
    for node in &nodes {
        site.tell(&format!("join {} presence-cats", node.web.port()));
    }
    // Each node tells of its own subscribers.
    site.wait_for(2, &channel("channel_occupied"));
    site.wait_for(1, &member("member_added"));
    site.tell("leave");
    site.wait_for(1, &channel("channel_vacated"));
    assert_eq!(site.count(&member("member_removed")), 0);
    site.tell("leave");
    site.wait_for(2, &channel("channel_vacated"));
    site.wait_for(1, &member("member_removed"));
    assert_eq!(site.count(&member("member_added")), 1);
}
