//! The daemon as a service. There is one service of this name, so one test does everything with it.

use std::fs;

use system_tests::ports::free_addresses;
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, wine};
use xtask::http;
use xtask::process::wait_until;

/// Removes the service at the end of the test.
struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        let _ended = wine::pushd(&["service", "remove"]);
    }
}

#[test]
fn a_service_runs_reads_its_settings_again_and_is_removed() {
    let folder = wine::disk_c("ProgramData/pushd");
    fs::create_dir_all(&folder).unwrap();
    let log_file = folder.join("pushd.log");
    let _none = fs::remove_file(&log_file);
    let [web, publish] = free_addresses();
    let settings = |more: &str| {
        let text = format!("listen = [\"{web}\"]\r\npublish-listen = [\"{publish}\"]\r\n{more}");
        fs::write(folder.join("pushd.toml"), text).unwrap();
    };
    settings("");

    let flags = wine::pushd(&["--ping-interval", "7s", "service", "install"]);
    assert_eq!(flags.status.code(), Some(2), "{flags:?}");
    let installed = Installed;
    let text = wine::pushd(&["service", "install"]).success();
    assert!(text.contains("runs, and starts with Windows"), "{text}");
    let answers = || http::get(publish, "/healthz").is_ok_and(|answer| answer.status == 200);
    assert!(wait_until(WAIT_MS, answers), "it serves");
    let twice = wine::pushd(&["service", "install"]);
    assert!(twice.stderr.contains("`pushd service remove`"), "{twice:?}");

    let mut page = Wamp::subscribed(web, "kittens");
    page.barrier();
    settings("log = \"debug\"\r\n");
    let text = wine::pushd(&["reload"]).success();
    assert!(text.starts_with("1 setting changed"), "{text}");
    let log = || fs::read_to_string(&log_file).unwrap_or_default();
    let mut publisher = Publisher::connect(publish);
    publisher.send(b"[1,1][3,1,\"kittens\",\"after\"]");
    assert_eq!(page.event("kittens"), "after");

    drop(installed);
    let log = log();
    assert!(
        log.contains("ending event=\"the service is stopped\""),
        "{log}"
    );
    assert!(log.trim_end().ends_with("ended"), "{log}");
    let removed = wine::pushd(&["service", "remove"]);
    assert!(
        removed.stderr.contains("`pushd service install`"),
        "{removed:?}"
    );
}
