//! pushd with a certificate of its own.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::json;
use system_tests::browser::Browser;
use system_tests::daemon::{self, Daemon};
use system_tests::php::{Application, Php, Server};
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program, workspace};
use tempfile::TempDir;
use xtask::process::wait_until;

/// A certificate for `localhost` in a folder, which can be replaced.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.replace();
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
        let key = self.replace_certificate();
        put(&self.key(), &key);
    }

    /// The new certificate's key, which is not there yet.
    fn replace_certificate(&self) -> String {
        let new = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        put(&self.chain(), &new.cert.pem());
        new.signing_key.serialize_pem()
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
    let key = files.replace_certificate();
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
fn sighup_reads_the_certificate_too() {
    let files = Files::new();
    let mut daemon = files.start(&[]);
    files.replace();
    let second = files.copy("second.pem");
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("the settings were read again");
    assert!(is_trusted(&daemon, &second));
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
