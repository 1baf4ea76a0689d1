//! The Laravel package, in a site with Debian's Laravel, and pages with laravel-echo in Node.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::process::{ChildStdin, Command, Stdio};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use system_tests::daemon::Daemon;
use system_tests::log::Log;
use system_tests::php::{Application, Php, Server};
use system_tests::tickets::write_keys;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact, program, workspace};
use tempfile::TempDir;
use xtask::process::Background;
use xtask::{echo, http};

use crate::php_packages::composer;

/// The packages of Laravel that the package requires. Debian installs them, outside of Composer.
const OF_DEBIAN: [&str; 4] = ["broadcasting", "console", "contracts", "support"];

/// A site, and what pushd and the site share.
struct Site {
    files: Application,
    keys: TempDir,
}

impl Site {
    #[track_caller]
    fn install() -> Self {
        let root = workspace().root;
        let mut provided: serde_json::Map<_, _> = OF_DEBIAN
            .iter()
            .map(|name| (format!("illuminate/{name}"), json!("8.83.26")))
            .collect();
        for name in ["http-kernel", "process"] {
            provided.insert(format!("symfony/{name}"), json!("5.4.0"));
        }
        let package = |path: &str| {
            let url = root.join(path);
            json!({"type": "path", "url": url, "options": {"symlink": false}})
        };
        let manifest = json!({
            "require": {"pushd/laravel": "@dev", "pushd/pusher": "@dev"},
            "provide": provided,
            "repositories": [{"packagist.org": false}, package("php"), package("php/laravel")],
        });
        let files = Application::of(&[("composer.json", &manifest.to_string())]);
        for name in ["app.php", "artisan", "config", "public"] {
            files.copy_in(&root.join("php/laravel/tests/site").join(name));
        }
        for folder in ["bootstrap/cache", "storage/framework", "storage/logs"] {
            fs::create_dir_all(files.path().join(folder)).unwrap();
        }
        composer(files.path(), &["install", "--no-dev"]);
        Self {
            files,
            keys: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts a pushd whose topics `private-*` and `presence-*` are private.
    #[track_caller]
    fn daemon(&self) -> Daemon {
        let keys = write_keys(self.keys.path());
        Daemon::start_with(&[
            "--ticket-key-file",
            keys.to_str().unwrap(),
            "--private-topics",
            "private-*",
            "--private-topics",
            "presence-*",
            "--presence",
            "presence-*",
            "--client-publish",
            "presence-chat.*",
        ])
    }

    fn environment(&self, daemon: &Daemon) -> Vec<(&'static str, String)> {
        let keys = self.keys.path().join("ticket.key");
        vec![
            ("BROADCAST_CONNECTION", "pushd".to_owned()),
            ("PUSHD_ADDRESS", daemon.push_address()),
            ("PUSHD_TICKET_KEY_FILE", keys.display().to_string()),
            ("PUSHD_URL", format!("http://{}/", daemon.web)),
            ("APP_URL", format!("http://{}", daemon.web)),
            ("APP_DEBUG", "1".to_owned()),
        ]
    }

    #[track_caller]
    fn serve(&self, php: &Php, daemon: &Daemon) -> Server {
        let docroot = self.files.path().join("public");
        Server::start(php, &docroot, &self.environment(daemon))
    }

    /// Runs the doctor where `programs` is the path for programs. Returns whether it succeeded, and its output.
    #[track_caller]
    fn doctor(&self, programs: &str, environment: Vec<(&str, String)>) -> (bool, String) {
        let mut command = Php::plain().command();
        command
            .arg(self.files.path().join("artisan"))
            .arg("pushd:doctor")
            .env("PATH", programs)
            .envs(environment);
        let ended = program::run(&mut command, WAIT_MS);
        (ended.status.success(), ended.stdout + &ended.stderr)
    }
}

#[track_caller]
fn post(site: SocketAddr, channels: &[&str], title: &str) -> http::Response {
    let body = json!({"channels": channels, "title": title});
    http::post_json(site, "/post", &body.to_string()).unwrap()
}

#[test]
fn a_broadcast_reaches_each_channel() {
    let package = workspace().root.join("php/laravel");
    composer(&package, &["validate", "--no-check-lock"]);
    let site = Site::install();
    let daemon = site.daemon();
    let mut browser = Wamp::subscribed(daemon.web, "kittens");
    for php in [Php::plain(), Php::with_extension(daemon.push_address())] {
        let server = site.serve(&php, &daemon);
        let answer = post(server.address, &["kittens", "private-orders.7"], "Mia");
        assert_eq!((answer.status, &*answer.text()), (200, "posted"));
        let event = json!({"event": "Posted", "data": {"title": "Mia"}});
        assert_eq!(browser.event("kittens"), event);
    }
    browser.assert_nothing_waits();
}

#[test]
fn a_failed_broadcast_is_an_exception() {
    let site = Site::install();
    let daemon = site.daemon();
    let server = site.serve(&Php::plain(), &daemon);
    assert_eq!(post(server.address, &["kittens"], "Mia").status, 200);
    let _stopped = daemon.kill();
    let answer = post(server.address, &["kittens"], "Mia");
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("pushd: "), "{}", answer.text());
}

#[test]
fn events_that_are_too_long_for_one_call_are_published_too() {
    let site = Site::install();
    let daemon = site.daemon();
    let mut browsers = ["a", "b", "c"].map(|topic| Wamp::subscribed(daemon.web, topic));
    let php = Php::plain().set("pusher.timeout_ms", WAIT_MS);
    let server = site.serve(&php, &daemon);
    // Three of them are longer than the limit of one call, 4 MiB.
    let title = "x".repeat(2_000_000);
    assert_eq!(post(server.address, &["a", "b", "c"], &title).status, 200);
    for (browser, topic) in browsers.iter_mut().zip(["a", "b", "c"]) {
        assert_eq!(browser.event(topic)["data"]["title"], json!(title));
    }
}

/// Asks the site for a ticket. Returns the status, the claims of the ticket, and the denied channels.
#[track_caller]
fn authorize(site: SocketAddr, query: &str, body: &Value) -> (u16, Value, Value) {
    let path = format!("/broadcasting/auth{query}");
    let answer = http::post_json(site, &path, &body.to_string()).unwrap();
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
        return (answer.status, Value::Null, Value::Null);
    };
    let claims = body["ticket"].as_str().map_or(Value::Null, |ticket| {
        let part = ticket.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    });
    (answer.status, claims, body["denied"].clone())
}

#[test]
fn a_ticket_has_the_channels_that_the_user_may_join() {
    let site = Site::install();
    let daemon = site.daemon();
    let server = site.serve(&Php::plain(), &daemon);
    let asked = json!({"channels": [
        "private-orders.7", "private-orders.8", "private-orders.*", "private-gone.1", "private-admins",
        "private-unknown", "kittens", "private-encrypted-orders.7", 5,
    ]});
    let (status, claims, denied) = authorize(server.address, "?user=7", &asked);
    assert_eq!(status, 200);
    assert_eq!(
        (&claims["topics"], &claims["sub"], &claims["info"]),
        (&json!(["private-orders.7"]), &json!("7"), &Value::Null)
    );
    let ttl_s = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(ttl_s, 300);
    let names = &asked["channels"].as_array().unwrap()[1..8];
    assert_eq!(denied.as_array().unwrap(), names);

    // As other connectors ask. The ticket has the info that the callback returns.
    let one = json!({"channel_name": "presence-chat.1"});
    let (_, claims, _) = authorize(server.address, "?user=7", &one);
    let info = json!({"id": "7", "name": "Ann", "room": "1"});
    assert_eq!(claims["info"], info);
    // With several channels, the info that is the same in all of them.
    let two = json!({"channels": ["presence-chat.1", "presence-chat.2", "private-orders.7"]});
    let (_, claims, _) = authorize(server.address, "?user=7", &two);
    assert_eq!(claims["info"], json!({"id": "7", "name": "Ann"}));

    for (query, body, status) in [
        ("", json!({"channels": ["private-orders.7"]}), 403),
        ("?user=7", json!({"channels": ["private-orders.8"]}), 403),
        ("?user=7", json!({"channels": "private-orders.7"}), 403),
        ("?user=7", json!({}), 403),
        ("?user=7", json!({"channels": ["private-broken"]}), 500),
    ] {
        assert_eq!(authorize(server.address, query, &body).0, status, "{body}");
    }
}

#[test]
fn the_doctor_names_each_fault() {
    let site = Site::install();
    let daemon = site.daemon();
    let programs = tempfile::tempdir().unwrap();
    symlink(artefact("pushd"), programs.path().join("pusherd")).unwrap();
    let programs = programs.path().to_str().unwrap();
    let (is_well, said) = site.doctor(programs, site.environment(&daemon));
    assert!(is_well, "{said}");
    assert!(said.contains("event arrived after"), "{said}");

    // pusherd has no HTTP for publishers, so it checks only how browsers connect.
    let mut environment = site.environment(&daemon);
    environment.push(("PUSHD_ADDRESS", format!("http://{}", daemon.publish)));
    let (is_well, said) = site.doctor(programs, environment);
    assert!(is_well, "{said}");
    assert!(said.contains("pushd answers; the position"), "{said}");
    assert!(!said.contains("event arrived after"), "{said}");

    let mut environment = site.environment(&daemon);
    environment.retain(|(name, _)| *name != "BROADCAST_CONNECTION");
    environment.push(("WITHOUT_ROUTES", "1".to_owned()));
    let _stopped = daemon.kill();
    fs::remove_file(site.keys.path().join("ticket.key")).unwrap();
    let (is_well, said) = site.doctor("/nowhere", environment);
    assert!(!is_well, "{said}");
    for fault in [
        "FAULT   broadcasts go to the connection null: set BROADCAST_CONNECTION=pushd",
        "FAULT   pushd does not answer: ",
        "FAULT   private channels cannot be joined: ",
        "FAULT   pages cannot get tickets: ",
        "This machine has no pusherd",
    ] {
        assert!(said.contains(fault), "{fault}\n{said}");
    }
}

/// A page with Echo, in Node.
struct Page {
    log: Log,
    stdin: ChildStdin,
    _process: Background,
}

impl Page {
    #[track_caller]
    fn open(daemon: &Daemon, site: SocketAddr, user: &str, channels: &[&str]) -> Self {
        let workspace = workspace();
        let mut command = Command::new("node");
        command
            .arg(workspace.root.join("php/laravel/tests/page.cjs"))
            .arg(echo::install(&workspace).unwrap())
            .args([format!("http://{}/", daemon.web), format!("http://{site}")])
            .arg(user)
            .args(channels)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Background::start("node", &mut command).unwrap();
        let stdin = process.child().stdin.take().unwrap();
        let log = Log::follow(process.child().stdout.take().unwrap());
        Self {
            log,
            stdin,
            _process: process,
        }
    }

    #[track_caller]
    fn tell(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").unwrap();
    }

    #[track_caller]
    fn heard(&self, wanted: &Value) {
        let found = self.log.find(WAIT_MS, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line == *wanted).then_some(())
        });
        assert!(found.is_some(), "not {wanted}:\n{}", self.log.text());
    }
}

/// Both pages get the events of a channel in one order, so an event that a page has not heard before a later one never comes.
#[test]
fn to_others_excludes_the_page_that_caused_the_event() {
    let site = Site::install();
    let daemon = site.daemon();
    for php in [Php::plain(), Php::with_extension(daemon.push_address())] {
        let server = site.serve(&php, &daemon);
        let open = || {
            let page = Page::open(&daemon, server.address, "", &["public:kittens"]);
            page.heard(&json!(["subscribed", "public:kittens"]));
            page
        };
        let (mut ann, mut bo) = (open(), open());
        let posted = |title: &str| json!(["posted", "public:kittens", {"title": title}]);
        ann.tell("post Mia");
        bo.heard(&posted("Mia"));
        ann.heard(&json!(["answered", 200]));
        bo.tell("post Leo");
        ann.heard(&posted("Leo"));
        bo.heard(&json!(["answered", 200]));
        // Without a page, and with a socket id that is none: for both.
        post(server.address, &["kittens"], "Tom");
        ann.tell("forge Pip");
        for page in [&ann, &bo] {
            page.heard(&posted("Tom"));
            page.heard(&posted("Pip"));
        }
        assert!(!ann.log.text().contains("Mia"), "{}", ann.log.text());
        assert!(!bo.log.text().contains("Leo"), "{}", bo.log.text());
    }
}

#[test]
fn pages_with_echo_join_private_and_presence_channels() {
    let site = Site::install();
    let daemon = site.daemon();
    let server = site.serve(&Php::plain(), &daemon);
    let site = server.address;
    let mut ann = Page::open(
        &daemon,
        site,
        "7",
        &["public:kittens", "private:orders.7", "private:orders.8"],
    );
    let guest = Page::open(&daemon, site, "", &["public:kittens", "private:orders.7"]);
    ann.heard(&json!(["subscribed", "public:kittens"]));
    ann.heard(&json!(["subscribed", "private:orders.7"]));
    guest.heard(&json!(["subscribed", "public:kittens"]));
    let reason = format!("not authorized by http://{site}/broadcasting/auth");
    ann.heard(&json!(["error", "private:orders.8", 403, reason]));
    guest.heard(&json!(["error", "private:orders.7", 403, reason]));

    post(site, &["private-orders.7"], "Mia");
    post(site, &["kittens"], "Leo");
    ann.heard(&json!(["posted", "private:orders.7", {"title": "Mia"}]));
    ann.heard(&json!(["posted", "public:kittens", {"title": "Leo"}]));
    guest.heard(&json!(["posted", "public:kittens", {"title": "Leo"}]));
    assert!(!guest.log.text().contains("Mia"), "{}", guest.log.text());

    // Joined later, with another ticket.
    ann.tell("join presence:chat.1");
    let of = |id: &str| json!({"id": id, "name": "Ann", "room": "1"});
    ann.heard(&json!(["here", "presence:chat.1", [of("7")]]));
    let mut bo = Page::open(&daemon, site, "9", &["presence:chat.1"]);
    ann.heard(&json!(["joining", "presence:chat.1", of("9")]));
    bo.heard(&json!(["subscribed", "presence:chat.1"]));
    bo.tell("whisper chat.1");
    ann.heard(&json!(["whisper", "presence:chat.1", {"by": "9"}]));
    bo.tell("leave chat.1");
    ann.heard(&json!(["leaving", "presence:chat.1", of("9")]));
}
