//! pushd with a certificate of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use system_tests::browser::Browser;
use system_tests::daemon::{self, Daemon};
use system_tests::php::{Application, Php, Server};
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program, workspace};
use tempfile::TempDir;
use xtask::http;
use xtask::process::wait_until;

/// A certificate for `localhost` in a folder, which can be replaced.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self::good_for(1000)
    }

    /// For so many days from now, and an hour.
    fn good_for(days: i64) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.replace_by(days);
        files
    }

    fn chain(&self) -> PathBuf {
        self.0.path().join("fullchain.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("privkey.pem")
    }

    /// As certbot does it: one file after the other.
    fn replace(&self) {
        self.replace_by(1000);
    }

    fn replace_by(&self, days: i64) {
        let key = self.replace_certificate(days);
        put(&self.key(), &key);
    }

    /// The new certificate's key, which is not there yet.
    fn replace_certificate(&self, days: i64) -> String {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let end_s = seconds_since_1970() + days * 24 * 3600 + 3600;
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        params.not_after = epoch + Duration::from_secs(end_s.try_into().unwrap());
        let key = KeyPair::generate().unwrap();
        put(&self.chain(), &params.self_signed(&key).unwrap().pem());
        key.serialize_pem()
    }

    /// A copy of the certificate, for those who are to trust this one and no later one.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.0.path().join(name);
        fs::copy(self.chain(), &copy).unwrap();
        copy
    }

    fn start(&self, flags: &[&str]) -> Daemon {
        let (chain, key) = (self.chain(), self.key());
        let files = [
            "--tls-certificate",
            chain.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
        ];
        Daemon::start_with(&[&files, flags].concat())
    }
}

fn seconds_since_1970() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}

/// Never half a file.
fn put(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

/// Whether somebody who trusts these certificates finds nothing wrong.
fn is_trusted(daemon: &Daemon, roots: &Path) -> bool {
    let mut command = daemon::command("pushd");
    command
        .env("SSL_CERT_FILE", roots)
        .env("SSL_CERT_DIR", "/nonexistent");
    let url = format!("https://localhost:{}/", daemon.web.port());
    let publish = format!("--publish-address={}", daemon.publish);
    program::run(
        command.args(["--config=/dev/null", "doctor", &publish, &url]),
        4 * WAIT_MS,
    )
    .status
    .success()
}

#[test]
fn a_page_in_chromium_gets_events_by_wss() {
    let files = Files::new();
    let daemon = files.start(&[]);
    let page = format!(
        "<!doctype html><link rel=icon href=data:,><ul id=list></ul>\
         <script src=https://localhost:{}/pusher.js></script><script>\
         const pusher = new Pusher();\
         pusher.subscribe('t', event => {{ list.appendChild(document.createElement('li')).textContent = event.n; }});\
         </script>",
        daemon.web.port()
    );
    let application = Application::of(&[("index.html", &page)]);
    let server = Server::start(&Php::plain(), application.path(), &[]);
    let mut browser = Browser::start_with(&["--ignore-certificate-errors"]);
    let mut page = browser.open(&format!("http://localhost:{}/", server.address.port()));
    page.wait_for("pusher.state === 'open'");
    assert_eq!(
        page.evaluate("pusher.url"),
        json!(format!("wss://localhost:{}/", daemon.web.port()))
    );
    let came = wait_until(WAIT_MS, || {
        publish_raw(daemon.publish, r#"{"category":"t","n":"新しい子猫"}"#);
        page.evaluate("list.textContent.startsWith('新しい子猫')") == json!(true)
    });
    assert!(came, "no event has come");
    // And without TLS at the same port.
    Wamp::connect(daemon.web);
}

#[test]
fn a_replaced_certificate_is_noticed_and_nobody_is_disconnected() {
    let files = Files::new();
    let first = files.copy("first.pem");
    let daemon = files.start(&[]);
    let mut early = Wamp::subscribed(daemon.web, "t");
    assert!(is_trusted(&daemon, &first));
    let key = files.replace_certificate(1000);
    let second = files.copy("second.pem");
    daemon.wait_for_log("the certificate stays as it was");
    assert!(
        is_trusted(&daemon, &first),
        "half of the new pair has changed something"
    );
    put(&files.key(), &key);
    daemon.wait_for_log("the certificate was read again");
    assert!(is_trusted(&daemon, &second) && !is_trusted(&daemon, &first));
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    early.event("t");
}

#[test]
fn the_shells_commands_speak_wss() {
    let files = Files::new();
    let daemon = files.start(&[]);
    let command = |address: &str| {
        let mut command = daemon::command("pusherd");
        command
            .env("SSL_CERT_FILE", files.chain())
            .env("SSL_CERT_DIR", "/nonexistent")
            .env("PUSHD_PUBLISH_LISTEN", daemon.publish.to_string())
            .args([
                "bench",
                "--json",
                "--subscribers=7",
                "--seconds=1",
                "--rate=20",
            ])
            .arg(format!("--url=https://{address}:{}/", daemon.web.port()));
        program::run(&mut command, WAIT_MS)
    };
    let counted: Value = serde_json::from_str(&command("localhost").success()).unwrap();
    let publishes = counted["publishes"].as_u64().unwrap();
    assert!(publishes > 0, "{counted}");
    assert_eq!(counted["deliveries"], publishes * 7, "{counted}");
    // The certificate is for another name.
    let ended = command("127.0.0.1");
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stderr.contains("not for 127.0.0.1"),
        "{}",
        ended.stderr
    );
}

#[test]
fn sighup_reads_the_certificate_too() {
    let files = Files::new();
    let mut daemon = files.start(&[]);
    files.replace();
    let second = files.copy("second.pem");
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("the settings were read again");
    assert!(is_trusted(&daemon, &second));
}

const ENDS: &str = "the certificate ends in 29 days; renew it";
const ENDED: &str = "the certificate ended 2 days ago: browsers refuse it; renew it";

#[test]
fn a_certificate_near_its_end_is_told_whenever_it_is_read() {
    let files = Files::good_for(29);
    let mut daemon = files.start(&[]);
    assert!(daemon.wait_for_log(ENDS).contains("WARN"));
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("the settings were read again");
    assert_eq!(daemon.log().matches(ENDS).count(), 2);
    // Over, as a copy of an old one is; two days and 23 hours.
    files.replace_by(-3);
    assert!(daemon.wait_for_log(ENDED).contains("ERROR"));
    // A good one is nothing to talk about.
    let said = daemon.log().matches("the certificate end").count();
    files.replace();
    let metrics = || {
        let answer = http::get(daemon.publish, "/metrics").unwrap().text();
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix("pushd_certificate_expiry_timestamp_seconds "));
        line.unwrap().parse::<i64>().unwrap()
    };
    let is_good = || metrics() > seconds_since_1970() + 900 * 24 * 3600;
    assert!(wait_until(WAIT_MS, is_good));
    assert_eq!(daemon.log().matches("the certificate end").count(), said);
}

#[test]
fn the_check_tells_when_a_certificate_ends_and_is_satisfied() {
    for (days, warning) in [
        (1000, ""),
        (29, "pushd: the certificate ends in 29 days\n"),
        (
            -3,
            "pushd: the certificate ended 2 days ago: browsers refuse it\n",
        ),
    ] {
        let files = Files::good_for(days);
        let mut command = daemon::command("pushd");
        command
            .args(["--config=/dev/null", "--check", "--tls-certificate"])
            .arg(files.chain())
            .arg("--tls-key")
            .arg(files.key());
        let ended = program::run(&mut command, WAIT_MS);
        assert_eq!(ended.stderr, warning);
        ended.success();
    }
}

#[test]
fn what_is_wrong_with_the_files_is_told_at_the_start_and_by_the_check() {
    let (files, other) = (Files::new(), Files::new());
    let (chain, key) = (files.chain(), other.key());
    let rows: [(&[&str], &str); 4] = [
        (
            &["--tls-certificate", chain.to_str().unwrap()],
            "tls-key is missing",
        ),
        (
            &["--tls-key", key.to_str().unwrap()],
            "without tls-certificate",
        ),
        (
            &["--tls-certificate=/nonexistent", "--tls-key=/nonexistent"],
            "cannot read /nonexistent",
        ),
        (
            &[
                "--tls-certificate",
                chain.to_str().unwrap(),
                "--tls-key",
                key.to_str().unwrap(),
            ],
            "does not belong",
        ),
    ];
    for (flags, part) in rows {
        for (more, code) in [
            (
                &["--listen=127.0.0.1:0", "--publish-listen=127.0.0.1:0"][..],
                1,
            ),
            (&["--check"], 2),
        ] {
            let mut command = daemon::command("pushd");
            let ended = program::run(
                command.arg("--config=/dev/null").args(flags).args(more),
                WAIT_MS,
            );
            assert_eq!(
                ended.status.code(),
                Some(code),
                "{flags:?}: {}",
                ended.stderr
            );
            assert!(ended.stderr.contains(part), "{flags:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn the_settings_in_the_page_about_proxies_are_some() {
    let page = fs::read_to_string(workspace().root.join("crates/pushd/PROXIES.md")).unwrap();
    let (_, block) = page.split_once("```toml,no_run\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let files = Files::new();
    let live = "/etc/letsencrypt/live/site.example";
    let block = block.replace(live, files.0.path().to_str().unwrap());
    // What `pushd setup` says in comments, too.
    let more = page
        .lines()
        .find(|line| line.starts_with("#     trust-proxy = "))
        .unwrap();
    let settings = format!("{block}\n{}\n", more.trim_start_matches('#').trim());
    let file = files.0.path().join("pushd.toml");
    fs::write(&file, settings).unwrap();
    let mut command = daemon::command("pushd");
    program::run(command.arg("--config").arg(file).arg("--check"), WAIT_MS).success();
}
