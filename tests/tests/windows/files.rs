//! Files, settings and what Windows does not have.

use std::fs;

use system_tests::daemon::Daemon;
use system_tests::wine;

/// The file has lines that end as on Windows, and its folder has blanks and Japanese characters in its name.
#[test]
fn a_settings_file_of_windows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("設定 of pushd");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("pushd.toml");
    let text = "# 設定\r\nping-interval = \"7s\"\r\nstate-dir = 'C:\\状態 dir'\r\n";
    fs::write(&file, text).unwrap();
    let shown = wine::pushd(&["--config", &wine::path(&file), "--print-config"]).success();
    for part in ["7s", "状態 dir", "設定 of pushd"] {
        assert!(shown.contains(part), "{shown}");
    }
    fs::write(&file, "ping-interval = \"7\"\r\n").unwrap();
    let wrong = wine::pushd(&["--config", &wine::path(&file), "--check"]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("pushd.toml:1"), "{wrong:?}");
}

/// The times of log lines are those of UTC, in each time zone.
#[test]
fn log_lines_have_the_time_of_utc() {
    let mut command = wine::server_command();
    command.env("TZ", "Asia/Tokyo");
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--publish-listen",
        "unix:/nowhere",
    ]);
    let before = now_s();
    let ended = wine::run(&mut command);
    let after = now_s();
    let time = ended.stderr.split_whitespace().next().unwrap();
    let time = unix_time_s(time);
    assert!(
        (before..=after).contains(&time),
        "{before} {ended:?} {after}"
    );
}

fn now_s() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Converts a time as `date` does.
fn unix_time_s(text: &str) -> u64 {
    let mut date = std::process::Command::new("date");
    let seconds = wine::run(date.args(["--date", text, "+%s"])).success();
    seconds.trim().parse().unwrap()
}

#[test]
fn what_windows_does_not_have_is_an_error_with_advice() {
    let unix = wine::pushd(&["--publish-listen", "unix:/run/pushd.sock"]);
    assert_eq!(unix.status.code(), Some(1), "{unix:?}");
    assert!(
        unix.stderr.contains("does not support unix sockets"),
        "{unix:?}"
    );
    let daemon = Daemon::start_in_wine(&[]);
    let address = daemon.publish.to_string();
    let upgrade = wine::pushd(&["upgrade", "--publish-address", &address]);
    assert_eq!(upgrade.status.code(), Some(1), "{upgrade:?}");
    assert!(
        upgrade.stderr.contains("restart the daemon instead"),
        "{upgrade:?}"
    );
}

/// Certificate and key are files with line ends of Windows.
#[test]
fn tls_and_the_status_page() {
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let with_crlf = |text: String| text.replace("\r\n", "\n").replace('\n', "\r\n");
    fs::write(&chain, with_crlf(signed.cert.pem())).unwrap();
    fs::write(&key, with_crlf(signed.signing_key.serialize_pem())).unwrap();
    let (chain_in_wine, key_in_wine) = (wine::path(&chain), wine::path(&key));
    let daemon = Daemon::start_in_wine(&[
        "--tls-certificate",
        &chain_in_wine,
        "--tls-key",
        &key_in_wine,
    ]);
    let mut curl = std::process::Command::new("curl");
    let url = format!("https://localhost:{}/pusher.js", daemon.web.port());
    curl.args(["--silent", "--fail", "--cacert"])
        .arg(&chain)
        .arg(&url);
    let script = wine::run(&mut curl).success();
    assert!(script.contains("Pusher"), "{script}");
    let page = xtask::http::get(daemon.publish, "/").unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<title>"), "{}", page.text());
}

#[test]
fn a_reload_without_signals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pushd.toml");
    fs::write(&file, "ping-interval = '7s'\r\n").unwrap();
    let daemon = Daemon::start_in_wine(&["--config", &wine::path(&file)]);
    fs::write(&file, "ping-interval = '8s'\r\n").unwrap();
    let address = daemon.publish.to_string();
    let text = wine::pushd(&["reload", "--publish-address", &address]).success();
    assert!(text.starts_with("1 setting changed"), "{text}");
}

#[test]
fn commands_work_with_the_running_daemon() {
    let daemon = Daemon::start_in_wine(&[]);
    let address = daemon.publish.to_string();
    let publish = [
        "publish",
        "--publish-address",
        &address,
        "kittens",
        "\"子猫\"",
    ];
    let receipt = wine::pushd(&publish).success();
    assert!(receipt.contains("published as number 1"), "{receipt}");
    let history = wine::pushd(&["history", "--publish-address", &address, "kittens"]).success();
    assert!(history.contains("子猫"), "{history}");
    let url = format!("http://{}/", daemon.web);
    let doctor = wine::pushd(&["doctor", "--publish-address", &address, &url]);
    assert!(doctor.status.success(), "{doctor:?}");
}
