//! The files for containers, in `crates/pushd/deploy`: their schemas, and a pushd with their settings. There is no container
//! engine here.

mod compose;
mod kubernetes;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use system_tests::daemon;
use system_tests::{WAIT_MS, program, workspace};

/// Returns a file of the folder.
fn file(name: &str) -> PathBuf {
    workspace().root.join("crates/pushd/deploy").join(name)
}

/// Returns a command for pushd with the variables of a container, and no others that are settings.
fn pushd(name: &str, variables: &[(String, String)]) -> Command {
    let mut command = daemon::command(name);
    command
        .env_remove("PUSHD_CONFIG")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Checks the settings in these variables, and returns all settings as pushd prints them.
#[track_caller]
fn settings(variables: &[(String, String)]) -> String {
    program::run(pushd("pushd", variables).arg("--check"), WAIT_MS).success();
    program::run(pushd("pushd", variables).arg("--print-config"), WAIT_MS).success()
}

/// Returns the value of a setting, without its quotes.
#[track_caller]
fn setting<'a>(settings: &'a str, name: &str) -> &'a str {
    let line = settings
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
    let line = line.unwrap_or_else(|| panic!("no {name}:\n{settings}"));
    let (value, _) = line.split_once("  #").unwrap_or((line, ""));
    value.trim_matches('"')
}

/// Returns the longest time that pushd takes to stop.
#[track_caller]
fn stop_time(settings: &str) -> Duration {
    duration(setting(settings, "closing-grace")) + duration(setting(settings, "flush-timeout"))
}

/// Parses `100ms` or `5s`.
#[track_caller]
fn duration(text: &str) -> Duration {
    let parsed = match text.strip_suffix("ms") {
        Some(number) => number.parse().map(Duration::from_millis),
        None => text.trim_end_matches('s').parse().map(Duration::from_secs),
    };
    parsed.unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Returns a text of a document.
#[track_caller]
fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
}

/// Returns the list at a place of a document.
#[track_caller]
fn list<'a>(document: &'a Value, pointer: &str) -> &'a [Value] {
    let found = document.pointer(pointer).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list {pointer} in {document}"))
}
