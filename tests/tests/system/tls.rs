//! pushd with its own certificate.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use system_tests::browser::Browser;
use system_tests::daemon::{self, Daemon};
use system_tests::log::Log;
use system_tests::php::{Application, Php, Server};
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, document, program};
use tempfile::TempDir;
use xtask::http;
use xtask::process::{Background, wait_until};

/// A certificate for `localhost` in a folder. Tests can replace it.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self::good_for(1000)
    }

    /// Makes a certificate that is valid for `days` and an hour.
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

    /// Replaces the two files one after the other, as certbot does.
    fn replace(&self) {
        self.replace_by(1000);
    }

    fn replace_by(&self, days: i64) {
        let key = self.replace_certificate(days);
        put(&self.key(), &key);
    }

    /// Replaces the certificate. Returns its key, which is not in the key file yet.
    fn replace_certificate(&self, days: i64) -> String {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let end_s = seconds_since_1970() + days * 24 * 3600 + 3600;
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        params.not_after = epoch + Duration::from_secs(end_s.try_into().unwrap());
        let key = KeyPair::generate().unwrap();
        put(&self.chain(), &params.self_signed(&key).unwrap().pem());
        key.serialize_pem()
    }

    /// Copies the certificate, for clients that trust this one and no later one.
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

/// Replaces a file in one step, so that no reader sees half of it.
fn put(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

/// Returns whether a client that trusts these certificates accepts the server.
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
    // The same port does not serve clients without TLS.
    Wamp::connect(daemon.web);
}

#[test]
fn a_replaced_certificate_is_loaded_without_disconnects() {
    let files = Files::new();
    let first = files.copy("first.pem");
    let daemon = files.start(&[]);
    let mut early = Wamp::subscribed(daemon.web, "t");
    assert!(is_trusted(&daemon, &first));
    let key = files.replace_certificate(1000);
    let second = files.copy("second.pem");
    daemon.wait_for_log("the files with certificates and keys stay as they were");
    assert!(
        is_trusted(&daemon, &first),
        "half of the new pair has changed something"
    );
    put(&files.key(), &key);
    daemon.wait_for_log("the files with certificates and keys were read again");
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

/// The state of TLS is not handed over.
#[test]
fn an_upgrade_closes_clients_and_they_recover() {
    let files = Files::new();
    let mut daemon = files.start(&[]);
    let mut subscribe = daemon::command("pusherd");
    subscribe
        .args(["subscribe", "t", "--count=3", "--json", "--ca-certificate"])
        .arg(files.chain())
        .arg(format!("--url=https://localhost:{}/", daemon.web.port()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = Background::start("pusherd subscribe", &mut subscribe).unwrap();
    let said = Log::follow(process.child().stderr.take().unwrap());
    let is_subscribed = |line: &str| line.contains("subscribed at").then_some(());
    said.find(WAIT_MS, is_subscribed).expect("it subscribes");
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    let mut stdout = BufReader::new(process.child().stdout.take().unwrap());
    let mut printed = String::new();
    stdout.read_line(&mut printed).unwrap();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for_log("took the connections over");
    // It has not come back yet, so it recovers at least the first of these.
    publish_raw(daemon.publish, r#"{"category":"t","n":2}"#);
    publish_raw(daemon.publish, r#"{"category":"t","n":3}"#);
    stdout.read_to_string(&mut printed).unwrap();
    let events: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let numbers: Vec<_> = events.iter().map(|event| &event["event"]["n"]).collect();
    assert_eq!(numbers, [1, 2, 3], "{printed}");
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
    let metrics = http::get(daemon.publish, "/metrics").unwrap().text();
    assert!(
        metrics.contains("\npushd_handover_connections_closed 1\n"),
        "{metrics}"
    );
}

#[test]
fn sighup_reloads_the_certificate() {
    let files = Files::new();
    let mut daemon = files.start(&[]);
    files.replace();
    let second = files.copy("second.pem");
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("the settings were read again");
    assert!(is_trusted(&daemon, &second));
}

const ENDS: &str = "the certificate expires in 29 days; renew it";
const ENDED: &str = "the certificate expired 2 days ago: browsers refuse it; renew it";

#[test]
fn a_certificate_that_expires_soon_is_logged_at_each_load() {
    let files = Files::good_for(29);
    let mut daemon = files.start(&[]);
    assert!(daemon.wait_for_log(ENDS).contains("WARN"));
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("the settings were read again");
    assert_eq!(daemon.log().matches(ENDS).count(), 2);
    // An expired certificate, such as a copy of an old one; and one with two days and 23 hours left.
    files.replace_by(-3);
    assert!(daemon.wait_for_log(ENDED).contains("ERROR"));
    // A valid certificate is not logged.
    let warnings = || daemon.log().matches("the certificate expire").count();
    let said = warnings();
    assert!(said >= 3, "{}", daemon.log());
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
    assert_eq!(warnings(), said);
}

#[test]
fn check_prints_the_expiry_of_a_certificate() {
    for (days, warning) in [
        (1000, ""),
        (29, "pushd: the certificate expires in 29 days\n"),
        (
            -3,
            "pushd: the certificate expired 2 days ago: browsers refuse it\n",
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
fn start_and_check_report_errors_in_the_files() {
    let (files, other) = (Files::new(), Files::new());
    let (chain, key) = (files.chain(), other.key());
    let rows: [(&[&str], &str); 4] = [
        (
            &["--tls-certificate", chain.to_str().unwrap()],
            "tls-key is missing",
        ),
        (
            &["--tls-key", key.to_str().unwrap()],
            "tls-certificate is missing",
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
fn the_settings_in_the_page_about_proxies_are_valid() {
    let name = "crates/pushd/PROXIES.md";
    let (page, block) = (document::read(name), document::block(name, "toml").code);
    let files = Files::new();
    let folder = "/etc/pushd/tls";
    assert!(block.contains(folder), "{block}");
    let block = block.replace(folder, files.0.path().to_str().unwrap());
    // This setting is in a comment, as in the output of `pushd setup`.
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

/// Files with a certificate and its key in the forms that openssl(1) and editors write.
#[test]
fn a_wrong_file_is_an_error_with_advice() {
    let files = Files::new();
    let path = |name: &str| files.0.path().join(name);
    let openssl = |arguments: &str| {
        let words = arguments
            .split(' ')
            .map(|word| match word.strip_prefix('@') {
                Some(name) => path(name).into_os_string(),
                None => word.into(),
            });
        program::run(Command::new("openssl").args(words), WAIT_MS).success();
    };
    fs::copy(files.chain(), path("c")).unwrap();
    fs::copy(files.key(), path("k")).unwrap();
    let check = |chain: &str, key: &str| {
        let mut command = daemon::command("pushd");
        command.arg("--tls-certificate").arg(path(chain));
        command.arg("--tls-key").arg(path(key)).arg("--check");
        program::run(&mut command, WAIT_MS)
    };
    for arguments in [
        "pkey -in @k -aes256 -passout pass:x -out @encrypted",
        "ec -in @k -aes256 -passout pass:x -out @encrypted-as-before",
        "pkey -in @k -outform DER -out @key.der",
        "pkey -in @k -pubout -out @public",
        "x509 -in @c -outform DER -out @certificate.der",
        "pkcs12 -export -in @c -inkey @k -passout pass:x -out @both.p12",
        "req -new -key @k -subj /CN=x -out @request",
    ] {
        openssl(arguments);
    }
    let utf16 = fs::read_to_string(path("c")).unwrap();
    let utf16: Vec<u8> = utf16.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(path("utf16"), [b"\xff\xfe".to_vec(), utf16].concat()).unwrap();
    fs::write(path("ssh"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
    fs::write(path("none"), "").unwrap();
    for (chain, key, file, part) in [
        ("c", "encrypted", "encrypted", "the key is encrypted"),
        (
            "c",
            "encrypted-as-before",
            "encrypted-as-before",
            "`openssl pkey -in",
        ),
        ("c", "key.der", "key.der", "`openssl pkey -inform DER"),
        ("c", "public", "public", "public key"),
        ("c", "ssh", "ssh", "SSH"),
        ("c", "c", "c", "swapped"),
        ("k", "c", "k", "swapped"),
        ("c", "none", "none", "empty"),
        (
            "certificate.der",
            "k",
            "certificate.der",
            "`openssl x509 -inform DER",
        ),
        ("both.p12", "k", "both.p12", "`openssl pkcs12"),
        ("c", "both.p12", "both.p12", "`openssl pkcs12"),
        ("request", "k", "request", "request"),
        ("utf16", "k", "utf16", "UTF-16"),
    ] {
        let ended = check(chain, key);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        let start = format!("pushd: {}: ", path(file).display());
        assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    // These settings mean the same in another notation.
    for name in ["c", "k"] {
        let text = fs::read_to_string(path(name)).unwrap();
        let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        fs::write(path(name), text).unwrap();
    }
    check("c", "k").success();
}
