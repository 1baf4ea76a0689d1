//! The formats of the log: for people, for programs, for systemd's journal.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;
use system_tests::daemon::{self, Daemon};
use system_tests::publisher::publish_raw;
use system_tests::{WAIT_MS, program};
use xtask::process::{Background, wait_until};

#[test]
fn json_has_one_object_per_line() {
    let mut command = daemon::command("pushd");
    command.args(["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"]);
    let (mut process, log) = daemon::start(command.args(["--log-format", "json"]));
    let address = log.find(WAIT_MS, |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let is_it = line["message"] == "listening for publishers";
        is_it
            .then(|| line["address"].as_str()?.parse().ok())
            .flatten()
    });
    publish_raw(address.unwrap(), "{\"category\":[]}");
    let complained = log.find(WAIT_MS, |line| {
        line.contains("dropping a publisher").then_some(())
    });
    assert!(complained.is_some());
    process.signal(Signal::SIGTERM);
    process.wait(WAIT_MS).unwrap();
    log.find(WAIT_MS, |line| line.contains("\"ended\"").then_some(()))
        .unwrap();
    let lines: Vec<Value> = log
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    let find = |part: &str| {
        let mut lines = lines.iter();
        let found = lines.find(|line| line["message"].as_str().unwrap().contains(part));
        found.unwrap_or_else(|| panic!("{part}: {lines:?}"))
    };
    let listening = find("listening for browsers");
    assert_eq!(listening["level"], "INFO");
    assert!(
        listening["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    let complaint = find("dropping a publisher");
    assert_eq!(complaint["level"], "WARN");
    assert!(
        complaint["peer"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:"),
        "{complaint}"
    );
}

#[test]
fn the_journal_format_has_levels_and_no_time() {
    let daemon = Daemon::start_with(&["--log-format", "journald"]);
    publish_raw(daemon.publish, "{\"category\":[]}");
    let line = daemon.wait_for_log("dropping a publisher");
    assert!(line.starts_with("<4>dropping a publisher"), "{line}");
    assert!(
        daemon
            .log()
            .starts_with("<6>listening for browsers address=127.0.0.1:")
    );
    let mut fails = daemon::command("pushd");
    fails.args([
        "--log-format",
        "journald",
        "--listen",
        &daemon.web.to_string(),
    ]);
    let ended = program::run(&mut fails, WAIT_MS);
    assert!(
        ended.stderr.starts_with("<3>cannot listen"),
        "{}",
        ended.stderr
    );
}

/// Returns the log of a daemon whose standard error is a file, up to its first line.
fn first_line(command: &mut Command) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let file = File::create(&path).unwrap();
    let meta = file.metadata().unwrap();
    // systemd sets this variable to identify the stream.
    let stream = match command.get_envs().any(|(name, _)| name == "ELSEWHERE") {
        true => format!("{}:{}", meta.dev(), meta.ino() + 1),
        false => format!("{}:{}", meta.dev(), meta.ino()),
    };
    command
        .env("JOURNAL_STREAM", stream)
        .args(["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(file);
    let _process = Background::start("pushd", command).unwrap();
    let read = || fs::read_to_string(&path).unwrap();
    assert!(wait_until(WAIT_MS, || read().contains('\n')));
    read().lines().next().unwrap().to_owned()
}

#[test]
fn the_journal_is_detected_by_its_stream_not_by_the_variable_alone() {
    let line = first_line(&mut daemon::command("pushd"));
    assert!(line.starts_with("<6>listening"), "{line}");
    let line = first_line(daemon::command("pushd").env("ELSEWHERE", "1"));
    assert!(
        line.starts_with("20") && line.contains(" INFO listening"),
        "{line}"
    );
}
