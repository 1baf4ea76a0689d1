//! Server libraries of Pusher Channels, unchanged from npm and PyPI, as a site uses them. pusher-js is in the pages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use system_tests::channels::{KEY, SECRET, write_app};
use system_tests::daemon::Daemon;
use system_tests::log::Log;
use system_tests::nodes::nodes;
use system_tests::nodes::redis::Redis;
use system_tests::{WAIT_MS, program, workspace};
use tempfile::TempDir;
use xtask::process::{Background, wait_until};
use xtask::{http, npm, pip};

/// The folder with the packages of npm.
static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest = file("package.json");
    npm::install(&workspace(), &manifest, "server-libraries").unwrap()
});

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/server_libraries");
    folder.join(name)
}

/// Returns the flags of a daemon with an application, whose secret is in a folder.
#[track_caller]
fn flags(folder: &TempDir) -> [String; 2] {
    [
        format!("--pusher-app={}", write_app(folder.path())),
        "--pusher-listen=127.0.0.1:0".to_owned(),
    ]
}

/// Two users, who are subscribed to `news` and `presence-chat`.
struct Members {
    log: Log,
    _process: Background,
}

impl Members {
    #[track_caller]
    fn join(daemon: &Daemon) -> Self {
        let mut command = Command::new("node");
        command
            .args([&file("members.cjs"), &*MODULES])
            .args([&daemon.web.to_string(), KEY, SECRET])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Background::start("node", &mut command).unwrap();
        let log = Log::follow(process.child().stdout.take().unwrap());
        let members = Self {
            log,
            _process: process,
        };
        for user in ["ann", "bob"] {
            members.hear(&json!([user, "signed in"]));
            for channel in ["news", "presence-chat"] {
                members.hear(&json!([user, "subscribed", channel]));
            }
        }
        members
    }

    #[track_caller]
    fn hear(&self, wanted: &Value) {
        let wanted = wanted.to_string();
        let found = self
            .log
            .find(WAIT_MS, |line| (line == wanted).then_some(()));
        assert!(found.is_some(), "not {wanted}:\n{}", self.log.text());
    }

    #[track_caller]
    fn socket_id(&self, user: &str) -> String {
        let start = format!(r#"["{user}","connected",""#);
        let id = |line: &str| {
            Some(
                line.strip_prefix(&start)?
                    .trim_end_matches("\"]")
                    .to_owned(),
            )
        };
        self.log.find(WAIT_MS, id).unwrap()
    }

    fn events(&self, user: &str) -> Vec<Value> {
        let text = self.log.text();
        let said = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        said.filter(|words| words[0] == user && words[1] == "event")
            .map(|words| words[2].clone())
            .collect()
    }
}

/// Runs the program of a site, and checks its answers and what the pages hear.
#[track_caller]
fn check(site: &mut Command, members: &Members) {
    let said = program::run(site, WAIT_MS).success();
    let answers: Value = serde_json::from_str(&said).unwrap();
    let expect = json!({
        "trigger": {},
        "batch": {},
        "user": {},
        "channels": {"channels": {"presence-chat": {"user_count": 2}}},
        "channel": {"occupied": true, "user_count": 2},
        "users": {"users": [{"id": "ann"}, {"id": "bob"}]},
        "terminate": {},
        "unsigned": 401,
        "tooMany": 400,
    });
    assert_eq!(sorted(answers), expect);
    members.hear(&json!(["ann", "error", 4009]));
    members.hear(&json!(["bob", "event", "greeting", {"id": 4}]));
    assert_eq!(
        members.events("bob"),
        ["added", "second", "third", "greeting"]
    );
    // Its socket id was excluded from the first.
    assert_eq!(members.events("ann"), ["second", "third"]);
}

/// The users are in the order in which they joined, which is not determined.
fn sorted(mut answers: Value) -> Value {
    if let Some(users) = answers["users"]["users"].as_array_mut() {
        users.sort_by_key(ToString::to_string);
    }
    answers
}

fn node_site(daemon: &Daemon, members: &Members) -> Command {
    let mut site = Command::new("node");
    site.args([&file("site.cjs"), &*MODULES])
        .args([&daemon.publish.to_string(), KEY, SECRET])
        .arg(members.socket_id("ann"));
    site
}

/// Returns the answer to a signed request.
#[track_caller]
fn get(address: SocketAddr, path: &str, info: &str) -> Value {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let query = format!(
        "auth_key={KEY}&auth_timestamp={}&auth_version=1.0&info={info}",
        now_s.as_secs()
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("GET\n{path}\n{query}").as_bytes());
    let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
    let answer = http::get(
        address,
        &format!("{path}?{query}&auth_signature={signature}"),
    )
    .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn the_library_for_node() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(&flags(&folder).each_ref().map(String::as_str));
    let members = Members::join(&daemon);
    check(&mut node_site(&daemon, &members), &members);
}

#[test]
fn the_library_for_node_with_pages_at_another_node() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().unwrap();
    let flags = flags(&folder);
    let daemons = nodes(&redis.url(), 2, &flags.each_ref().map(String::as_str));
    let members = Members::join(&daemons[0]);
    let expect = json!({"channels": {
        "#server-to-user-ann": {"subscription_count": 1},
        "#server-to-user-bob": {"subscription_count": 1},
        "news": {"subscription_count": 2},
        "presence-chat": {"subscription_count": 2, "user_count": 2},
    }});
    let mut last = Value::Null;
    let is_known = wait_until(WAIT_MS, || {
        last = get(
            daemons[1].publish,
            "/apps/1/channels",
            "subscription_count,user_count",
        );
        last == expect
    });
    assert!(is_known, "{last}");
    check(&mut node_site(&daemons[1], &members), &members);
}

#[test]
fn the_library_for_python_at_the_listener_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(&flags(&folder).each_ref().map(String::as_str));
    let members = Members::join(&daemon);
    let python = pip::install(&workspace(), "pusher==3.3.4").unwrap();
    let mut site = Command::new(python);
    site.arg(file("site.py"))
        .arg(daemon.signed_requests().to_string())
        .args([KEY, SECRET])
        .arg(members.socket_id("ann"));
    check(&mut site, &members);
}
