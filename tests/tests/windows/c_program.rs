//! A C program with pusher.dll.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use system_tests::daemon::Daemon;
use system_tests::wamp::Wamp;
use system_tests::{wine, workspace};
use tempfile::TempDir;
use xtask::http;

/// Compiles a program of `tests/c` with the header and the library of the .zip, and puts the library beside it.
#[track_caller]
fn compile(source: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program.exe");
    let package = wine::folder();
    let mut gcc = Command::new("x86_64-w64-mingw32-gcc");
    gcc.args(["-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program);
    gcc.arg(workspace().root.join("tests/c").join(source));
    gcc.arg("-I").arg(package.join("include"));
    gcc.arg("-L").arg(package.join("lib")).arg("-lpusher");
    wine::run(&mut gcc).success();
    for library in ["pusher.dll", "bcryptprimitives.dll"] {
        fs::copy(package.join(library), folder.path().join(library)).unwrap();
    }
    (folder, program)
}

#[test]
fn it_publishes() {
    let daemon = Daemon::start_in_wine(&[]);
    let mut page = Wamp::subscribed(daemon.web, "kittens");
    page.barrier();
    let (_folder, program) = compile("publish.c");
    let mut command = wine::command(&program);
    command.env("PUSH_ADDRESS", daemon.push_address());
    // Programs for Windows get their arguments in the old encoding.
    command.args(["kittens", "{\"title\":\"\\u5b50\\u732b\"}"]);
    assert_eq!(wine::run(&mut command).success().trim(), "1");
    assert_eq!(page.event("kittens")["title"], "子猫");
}

#[test]
fn it_spools_while_the_daemon_is_away() {
    let spool = tempfile::tempdir().unwrap();
    let (_folder, program) = compile("spool.c");
    let mut command = wine::command(&program);
    command.env("PUSH_ADDRESS", "127.0.0.1:1");
    command.env("PUSH_SPOOL", wine::path(spool.path()));
    command.args(["kittens", "10", "3"]);
    assert_eq!(wine::run(&mut command).success().trim(), "spooled");
    let daemon = Daemon::start_in_wine(&["--spool-dir", &wine::path(spool.path())]);
    daemon.wait_for_log("ready");
    let history = || {
        let history = http::get(daemon.publish, "/history/kittens").unwrap();
        serde_json::from_str::<Value>(&history.text()).unwrap()["events"].clone()
    };
    let is_drained = || history().as_array().is_some_and(|events| events.len() == 3);
    let came = xtask::process::wait_until(system_tests::WAIT_MS, is_drained);
    assert!(came, "{}", history());
}

#[test]
fn the_library_exports_its_functions_only() {
    let mut objdump = Command::new("x86_64-w64-mingw32-objdump");
    objdump.arg("-p").arg(wine::folder().join("pusher.dll"));
    let text = wine::run(&mut objdump).success();
    let (_, table) = text.split_once("[Ordinal/Name Pointer] Table").unwrap();
    let names: Vec<_> = table
        .lines()
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert!(names.contains(&"push_publish"), "{names:?}");
    let strange: Vec<_> = names
        .iter()
        .filter(|name| !name.starts_with("push_"))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}
