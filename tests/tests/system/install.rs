//! `cargo xtask install` on a machine without PHP: the installed files, and their use.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, os::unix::fs::MetadataExt};

use serde_json::json;
use system_tests::c::exported_symbols;
use system_tests::daemon::{self, listening};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, debug_program, program, workspace};
use tempfile::TempDir;
use xtask::process::Background;

/// Time limit. The library is built in its own target folder.
const BUILD_MS: u64 = 600_000;
/// Time limit for a compiler.
const COMPILE_MS: u64 = 60_000;

/// Installs. Returns the output of xtask.
#[track_caller]
fn install(prefix: &Path, destdir: Option<&Path>) -> String {
    let mut command = Command::new(debug_program("xtask"));
    command.arg("install").arg("--prefix").arg(prefix);
    if let Some(destdir) = destdir {
        command.arg("--destdir").arg(destdir);
    }
    program::run(&mut command, BUILD_MS).success()
}

/// Returns every file and link below `folder`, as relative paths.
fn files_in(folder: &Path) -> Vec<String> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                files.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    files.sort();
    files
}

/// Returns the files that xtask reports as installed.
fn files_said(output: &str) -> Vec<String> {
    let (_, list) = output.split_once("Installing in ").unwrap();
    let mut files: Vec<String> = list
        .lines()
        .filter_map(|line| Some(line.strip_prefix("    ")?.split(" -> ").next()?.to_owned()))
        .collect();
    files.sort();
    files
}

/// A temporary prefix with everything installed.
struct Installed(TempDir);

impl Installed {
    #[track_caller]
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path(), None);
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the output of pkg-config.
    #[track_caller]
    fn flags(&self, words: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command
            .args(words)
            .args(["--cflags", "--libs", "pusher"])
            .env("PKG_CONFIG_PATH", self.path("lib/pkgconfig"));
        let flags = program::run(&mut command, WAIT_MS).success();
        flags.split_whitespace().map(str::to_owned).collect()
    }

    /// Compiles a file of `tests/c`. Returns the program.
    #[track_caller]
    fn compile(&self, compiler: &[&str], source: &str, flags: &[String]) -> PathBuf {
        let to = self.path(&format!("{source}-{}", flags.len()));
        let mut command = Command::new(compiler[0]);
        command
            .args(&compiler[1..])
            .args(["-Wall", "-Wextra", "-Werror", "-pedantic"])
            .arg(workspace().root.join("tests/c").join(source))
            .args(flags)
            .arg("-o")
            .arg(&to);
        program::run(&mut command, COMPILE_MS).success();
        to
    }

    fn rpath(&self) -> String {
        format!("-Wl,-rpath,{}", self.path("lib").display())
    }
}

/// Starts the installed daemon by its second name.
struct Pusherd {
    web: std::net::SocketAddr,
    publish: std::net::SocketAddr,
    process: Background,
}

impl Pusherd {
    #[track_caller]
    fn start(installed: &Installed) -> Self {
        let mut command = daemon::server_command(&installed.path("bin/pusherd"));
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(["--publish-listen", "127.0.0.1:0"]);
        let (process, log) = daemon::start(&mut command);
        Self {
            web: listening(&log, "browsers"),
            publish: listening(&log, "publishers"),
            process,
        }
    }

    /// Returns the command of a publishing program.
    fn publisher(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("PUSH_ADDRESS", format!("tcp://{}", self.publish))
            .env("PUSH_TIMEOUT_MS", WAIT_MS.to_string());
        command
    }
}

/// Publishes with an example. A browser gets the event.
#[track_caller]
fn check_example(pusherd: &Pusherd, program: &Path) {
    let mut browser = Wamp::subscribed(pusherd.web, "t");
    let mut command = pusherd.publisher(program);
    command.args(["t", "[1]"]);
    assert_eq!(program::run(&mut command, WAIT_MS).success(), "1\n");
    assert_eq!(browser.event("t"), json!([1]));
}

#[test]
fn the_examples_compile_and_run_with_the_flags_of_pkg_config() {
    let installed = Installed::new();
    let pusherd = Pusherd::start(&installed);
    let mut flags = installed.flags(&[]);
    flags.push(installed.rpath());
    let c = ["gcc", "-std=c99"];
    let cpp = ["g++", "-std=c++11", "-pthread"];
    check_example(&pusherd, &installed.compile(&c, "publish.c", &flags));
    check_example(&pusherd, &installed.compile(&cpp, "publish.cpp", &flags));
    let wrapper = installed.compile(&cpp, "client.cpp", &flags);
    program::run(&mut pusherd.publisher(&wrapper), WAIT_MS).success();
}

#[test]
fn a_program_can_link_the_static_library() {
    let installed = Installed::new();
    let pusherd = Pusherd::start(&installed);
    let mut flags = installed.flags(&["--static"]);
    flags.push("-static".to_owned());
    let program = installed.compile(&["gcc", "-std=c99"], "publish.c", &flags);
    fs::remove_dir_all(installed.path("lib")).unwrap();
    check_example(&pusherd, &program);
}

#[test]
fn every_function_has_its_manual() {
    let installed = Installed::new();
    for function in exported_symbols(&installed.path("lib/libpusher.so")) {
        let page = fs::read_to_string(installed.path(&format!("share/man/man3/{function}.3")));
        let page = page.unwrap_or_else(|error| panic!("{function}: {error}"));
        assert!(page.contains(&format!("\n.Nm {function}")), "{function}");
    }
}

#[test]
fn destdir_stands_for_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let said = install(Path::new("/usr/local"), Some(folder.path()));
    let files = files_in(&folder.path().join("usr/local"));
    assert_eq!(files_said(&said), files, "all of it, and nothing else");
    assert_eq!(files_in(folder.path()).len(), files.len());
    for (name, mode) in [
        ("bin/pusherd", 0o755),
        ("lib/libpusher.so", 0o644),
        ("lib/libpusher.a", 0o644),
        ("lib/pkgconfig/pusher.pc", 0o644),
        ("include/pusher.h", 0o644),
        ("include/pusher.hpp", 0o644),
        ("share/man/man3/push_publish.3", 0o644),
        ("share/man/man8/pusherd.8", 0o644),
    ] {
        let path = folder.path().join("usr/local").join(name);
        let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(metadata.mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn reinstalling_does_not_disturb_a_running_daemon() {
    let installed = Installed::new();
    let mut pusherd = Pusherd::start(&installed);
    let mut flags = installed.flags(&[]);
    flags.push(installed.rpath());
    let program = installed.compile(&["gcc", "-std=c99"], "publish.c", &flags);
    install(installed.0.path(), None);
    check_example(&pusherd, &program);
    assert!(pusherd.process.exited().unwrap().is_none());
}
