//! Private topics: the key file, a round with and without a ticket, the site's clock and cookie.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::{Found, Meddling, Pushd, doctor_with, html, proxy, pushd, web_server};

/// A key file and a daemon with private topics.
struct Private {
    folder: TempDir,
    daemon: Pushd,
    patterns: String,
}

impl Private {
    #[track_caller]
    fn start(patterns: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        fs::write(&file, "k1 0123456789abcdef0123456789abcdef\n").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let patterns_of_flags = patterns
            .split(',')
            .map(|one| format!("--private-topics={one}"));
        let mut flags: Vec<String> = patterns_of_flags.collect();
        flags.push(format!("--ticket-key-file={}", file.display()));
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let daemon = Pushd::start(&flags);
        Self {
            folder,
            daemon,
            patterns: patterns.to_owned(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// Runs the doctor with the settings of the daemon.
    #[track_caller]
    fn doctor(&self, words: &[&str]) -> Found {
        self.doctor_with_file(&self.file(), words)
    }

    #[track_caller]
    fn doctor_with_file(&self, file: &std::path::Path, words: &[&str]) -> Found {
        let mut command = pushd();
        command
            .env("PUSHD_PRIVATE_TOPICS", &self.patterns)
            .env("PUSHD_TICKET_KEY_FILE", file)
            .env("PUSHD_PUBLISH_LISTEN", self.daemon.publish.to_string());
        doctor_with(&mut command, words)
    }
}

/// Returns a web server whose clock differs by some seconds.
fn site(seconds: i64) -> String {
    let address = web_server(move |_| {
        let now = SystemTime::now();
        let differs = Duration::from_secs(seconds.unsigned_abs());
        let date = if seconds < 0 {
            now - differs
        } else {
            now + differs
        };
        html(
            "200 OK",
            &format!("Date: {}\r\n", httpdate::fmt_http_date(date)),
        )
    });
    format!("--site=http://{address}/page")
}

#[test]
fn a_private_topic_is_tried_with_and_without_a_ticket() {
    let private = Private::start("orders.*,admin");
    let found = private.doctor(&[&private.daemon.url(), &site(0)]);
    assert_eq!(found.code, 0, "{}", found.report);
    let what = |step: &str| found.step(step)["what"].as_str().unwrap().to_owned();
    let keys = format!("pushd has the keys of {}: k1", private.file().display());
    assert_eq!(what("keys"), keys);
    let tickets = what("tickets");
    assert!(tickets.starts_with("orders.pushd-doctor-"), "{tickets}");
    let end = " is refused without a ticket, and a page with a ticket gets its events";
    assert!(tickets.ends_with(end), "{tickets}");
    let clock = "the clock of 127.0.0.1 agrees with this machine's to ";
    assert!(what("site").starts_with(clock), "{}", what("site"));
    assert_eq!(what("cookie"), "a cookie of 127.0.0.1 reaches pushd");
    // Neither a key nor a ticket is in the report.
    let report = found.report.to_string();
    assert!(
        !report.contains("0123456789") && !report.contains("eyJ"),
        "{report}"
    );
}

#[test]
fn a_topic_that_pages_have_gets_no_event() {
    let private = Private::start("admin");
    let found = private.doctor(&[&private.daemon.url(), &site(0)]);
    let what = "admin is refused without a ticket, and a page with a ticket may subscribe";
    assert_eq!(found.step("tickets")["what"], what, "{}", found.report);
    assert_eq!(found.code, 0);
}

#[test]
fn every_topic_may_be_private() {
    let private = Private::start("*");
    let found = private.doctor(&[&private.daemon.url(), &site(0)]);
    assert_eq!(found.step("tickets")["status"], "ok", "{}", found.report);
    assert_eq!(found.code, 0);
}

#[test]
fn key_file_is_checked() {
    let private = Private::start("orders.*");
    let url = private.daemon.url();
    let other = private.folder.path().join("other");
    let found = private.doctor_with_file(&other, &[&url]);
    found.assert_fault("keys", "ticket-keys", "No such file");
    fs::write(&other, "k2 fedcba9876543210fedcba9876543210\n").unwrap();
    let found = private.doctor_with_file(&other, &[&url]);
    found.assert_fault("keys", "ticket-keys-exposed", "chmod o-rwx");
    let rotate = format!("\n    pusherd ticket rotate {}", other.display());
    let todo = found.step("keys")["todo"].as_str().unwrap().to_owned();
    assert_eq!(todo.matches(&rotate).count(), 2, "{todo}");
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    let found = private.doctor_with_file(&other, &[&url]);
    found.assert_fault(
        "keys",
        "ticket-keys-differ",
        "has the keys k2, and pushd has k1",
    );
    // Without the daemon's keys, the round finds the difference.
    let found = private.doctor_with_file(&other, &["--no-publish", &url]);
    found.assert_fault("tickets", "ticket-refused", "ticket_unknown_key");
}

#[test]
fn daemon_without_private_topics_is_found() {
    let private = Private::start("other");
    let mut command = pushd();
    command
        .env("PUSHD_PRIVATE_TOPICS", "orders.*")
        .env("PUSHD_TICKET_KEY_FILE", private.file());
    let words = ["--no-publish", "--timeout=2", &private.daemon.url()];
    let found = doctor_with(&mut command, &words);
    found.assert_fault("tickets", "ticket-not-needed", "reload");
}

#[test]
fn proxy_that_removes_cookies_is_found() {
    let private = Private::start("orders.*");
    let removes_cookies = Meddling {
        in_request: Some(("Cookie: ", "X-Cookie: ")),
        ..Meddling::default()
    };
    let url = format!("ws://{}/", proxy(&private.daemon, removes_cookies));
    let found = private.doctor(&["--no-publish", &url]);
    found.assert_fault("tickets", "ticket-cookie-lost", "removes cookies");
}

#[test]
fn clock_of_the_site_is_compared() {
    let private = Private::start("orders.*");
    for (seconds, part) in [
        (90, "ahead of this machine's"),
        (-90, "behind this machine's"),
    ] {
        let found = private.doctor(&["--no-publish", &private.daemon.url(), &site(seconds)]);
        let step = found.step("site");
        assert_eq!(
            (&step["status"], &step["code"]),
            (&"warning".into(), &"site-clock".into())
        );
        assert!(step["what"].as_str().unwrap().contains(part), "{step}");
        assert_eq!(found.code, 0);
    }
    let silent = web_server(|_| html("200 OK", ""));
    let silent = format!("--site=http://{silent}/");
    // Without --site, it is the origin, here pushd itself.
    for words in [&["--no-publish", &silent][..], &["--no-publish"]] {
        let found = private.doctor(&[words, &[&private.daemon.url()]].concat());
        let step = found.step("site");
        assert_eq!(step["status"], "warning", "{step}");
        assert_eq!(step["code"], "site-unknown");
    }
}

#[test]
fn cookie_of_another_host_does_not_reach_pushd() {
    let private = Private::start("orders.*");
    let site = site(0).replace("127.0.0.1", "localhost");
    let found = private.doctor(&["--no-publish", &private.daemon.url(), &site]);
    found.assert_warning("cookie", "ticket-cookie", "ticket: ...");
}
