//! The daemon from the operator's view: names, flags, ports, signals, exit codes.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::sys::signal::Signal;
use system_tests::daemon::{self, Daemon};
use system_tests::program;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;
use system_tests::wire::{Wire, first, text};
use system_tests::{WAIT_MS, artefact};
use xtask::http;

mod needs_namespaces {
    use super::*;
    use xtask::requirements::NAMESPACES;

    /// Runs in a network namespace, because other programs may use the two ports.
    #[test]
    fn without_arguments_it_listens_where_the_recipe_does() {
        let (_process, log) = daemon::start(NAMESPACES.unshare(&["--net"]).arg(artefact("pushd")));
        let web = daemon::listening(&log, "browsers");
        assert_eq!(web.to_string(), "0.0.0.0:8080");
        let publish = daemon::listening(&log, "publishers");
        assert_eq!(publish.to_string(), "127.0.0.1:5555");
    }
}

#[test]
fn it_serves_on_the_configured_ports() {
    let daemon = Daemon::start();
    assert!(daemon.web.port() != 0 && daemon.publish.port() != 0);
    let mut browser = Wamp::subscribed(daemon.web, "t");
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    browser.event("t");
}

#[test]
fn it_answers_to_its_second_name() {
    let version = |name| program::run(daemon::command(name).arg("--version"), WAIT_MS).success();
    assert!(version("pushd").contains(env!("CARGO_PKG_VERSION")));
    assert!(version("pusherd").contains(env!("CARGO_PKG_VERSION")));
    let mut command = daemon::command("pusherd");
    command.args(["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"]);
    let (_process, log) = daemon::start(&mut command);
    daemon::listening(&log, "browsers");
}

#[test]
fn help_has_every_flag_with_its_default_and_the_second_name() {
    let help = program::run(daemon::command("pushd").arg("--help"), WAIT_MS).success();
    for part in [
        "--listen",
        "0.0.0.0:8080",
        "--publish-listen",
        "127.0.0.1:5555",
        "--log",
        "--version",
        "pusherd",
    ] {
        assert!(
            help.contains(part),
            "--help does not mention {part}:\n{help}"
        );
    }
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for [theirs, ours] in [
        ["--listen", "--publish-listen"],
        ["--publish-listen", "--listen"],
    ] {
        let mut command = daemon::command("pushd");
        command.args([theirs, &address, ours, "127.0.0.1:0"]);
        let ended = program::run(&mut command, WAIT_MS);
        assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
        let line = ended.stderr.lines().find(|line| line.contains(&address));
        let line = line.unwrap_or_else(|| panic!("{address} is not named: {}", ended.stderr));
        assert!(line.to_lowercase().contains("in use"), "{line}");
    }
}

#[test]
fn a_listener_that_cannot_open_is_an_error_with_the_reason() {
    // An address for documentation, which no machine has.
    for (flag, address, part) in [
        (
            "--listen",
            "192.0.2.1:0",
            "this machine does not have the address",
        ),
        ("--publish-listen", "192.0.2.1:0", "needs a token"),
        (
            "--publish-listen",
            "unix:/nonexistent/p",
            "the folder must exist",
        ),
    ] {
        let other = match flag {
            "--listen" => "--publish-listen",
            _ => "--listen",
        };
        let mut command = daemon::command("pushd");
        command.args([flag, address, other, "127.0.0.1:0"]);
        let ended = program::run(&mut command, WAIT_MS);
        assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn a_wrong_flag_is_an_error_that_names_it() {
    for words in [
        ["--listen", "nowhere"],
        ["--no-such-flag", "1"],
        ["--log", "info=loud"],
        ["--log", "warning"],
    ] {
        let ended = program::run(daemon::command("pushd").args(words), WAIT_MS);
        assert_eq!(ended.status.code(), Some(2), "{words:?}");
        assert!(ended.stderr.contains(words[0]), "{}", ended.stderr);
    }
}

/// Width of a terminal and of a manual page, in columns.
#[test]
fn help_fits_into_80_columns() {
    let commands = [
        "",
        "publish",
        "subscribe",
        "topics",
        "status",
        "bench",
        "doctor",
        "setup",
        "completions",
    ];
    for name in commands {
        for flag in ["-h", "--help"] {
            let words = [name, flag];
            let words = words.iter().filter(|word| !word.is_empty());
            let mut command = daemon::command("pusherd");
            let help = program::run(command.args(words), WAIT_MS).success();
            let longest = help.lines().max_by_key(|line| line.chars().count());
            let longest = longest.unwrap();
            assert!(longest.chars().count() <= 80, "{name} {flag}: {longest}");
        }
    }
}

/// Root has no thread limit, so the test switches to a user without other processes.
#[test]
fn without_threads_it_ends_with_an_error() {
    let is_root = nix::unistd::geteuid().is_root();
    let copy = ReadableByAll::of("pushd");
    // One thread serves the log, three serve browsers.
    for threads in 1..=4 {
        let mut command = match is_root {
            true => Command::new("setpriv"),
            false => Command::new("env"),
        };
        if is_root {
            command.args(["--reuid=54321", "--regid=54321", "--clear-groups"]);
        }
        let limit = format!("--nproc={threads}");
        command.args(["prlimit", &limit]).arg(&copy.path).args([
            "--config=/dev/null",
            "--listen=127.0.0.1:0",
            "--publish-listen=127.0.0.1:0",
            "--threads=3",
        ]);
        let ended = program::run(&mut command, WAIT_MS);
        assert_eq!(ended.status.code(), Some(1), "{threads}: {}", ended.stderr);
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.contains("cannot start a thread: Resource"), "{last}");
        assert!(last.contains("raise the limit of threads"), "{last}");
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

/// A copy of the program for other users, because the checkout may be in a private home directory.
struct ReadableByAll {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl ReadableByAll {
    fn of(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), all).unwrap();
        let path = folder.path().join(name);
        std::fs::copy(artefact(name), &path).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }
}

/// logrotate and similar programs may send signals that only the previous server handled.
#[test]
fn unused_signals_are_logged_and_ignored() {
    let mut daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    for (signal, line) in [
        (Signal::SIGUSR1, "there is no file to open again"),
        (Signal::SIGALRM, "it has no meaning here"),
        (Signal::SIGVTALRM, "it has no meaning here"),
        (Signal::SIGPROF, "it has no meaning here"),
        (Signal::SIGIO, "it has no meaning here"),
        (Signal::SIGXCPU, "it has no meaning here"),
        (Signal::SIGPWR, "it has no meaning here"),
        (Signal::SIGSTKFLT, "it has no meaning here"),
    ] {
        daemon.process.signal(signal);
        let told = daemon.wait_for_log(&format!("signal=\"{signal}\""));
        assert!(told.contains(line), "{told}");
    }
    for signal in [Signal::SIGXFSZ, Signal::SIGPIPE, Signal::SIGHUP] {
        daemon.process.signal(signal);
    }
    daemon.wait_for_log("the settings were read again");
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    browser.event("t");
}

#[test]
fn a_signal_to_end_ends_it_with_exit_code_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let mut daemon = Daemon::start();
        let _browser = Wamp::subscribed(daemon.web, "t");
        assert_eq!(daemon.end_by(signal).code(), Some(0), "{signal}");
        daemon.wait_for_log(signal.as_str());
        assert!(
            TcpListener::bind(daemon.publish).is_ok(),
            "the port is free again"
        );
    }
}

// After a close frame, autobahn.js would not reconnect.
#[test]
fn shutdown_sends_queued_events_without_a_close_frame() {
    let mut daemon = Daemon::start();
    let mut browser = Wire::open(daemon.web);
    browser.send(&text(r#"[5,"t"]"#));
    browser.send(&system_tests::wire::masked(first::PING, b""));
    assert_eq!(browser.frame().first, first::PONG);
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    assert_eq!(browser.frame().text(), r#"[8,"t",{"category":"t"}]"#);
    assert_eq!(daemon.end_by(Signal::SIGTERM).code(), Some(0));
    assert_eq!(browser.next_frame(), None);
}

#[test]
fn it_restarts_at_once_on_the_same_ports() {
    let daemon = Daemon::start();
    let before = (daemon.web, daemon.publish);
    let _browser = Wamp::subscribed(daemon.web, "t");
    let daemon = daemon.kill_and_restart();
    assert_eq!((daemon.web, daemon.publish), before);
    let mut browser = Wamp::subscribed(daemon.web, "t");
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    browser.event("t");
}

#[test]
fn the_log_follows_its_flag_and_has_no_payload() {
    let loud = Daemon::start_with(&["--log", "trace"]);
    let mut browser = Wamp::subscribed(loud.web, "t");
    publish_raw(loud.publish, r#"{"category":"t","text":"confidential"}"#);
    browser.event("t");
    assert!(!loud.log().contains("confidential"), "{}", loud.log());
    loud.wait_for_log("DEBUG");
    let quiet = Daemon::start();
    let _browser = Wamp::connect(quiet.web);
    assert!(!quiet.log().contains("DEBUG"));
}

#[test]
fn it_serves_the_clients_script_on_the_public_listener() {
    let daemon = Daemon::start();
    let script = http::get(daemon.web, "/pusher.js").unwrap();
    assert_eq!(script.status, 200);
    // A request that a web server forwards.
    let below = http::get(daemon.web, "/site/push/pusher.js?v=1").unwrap();
    assert_eq!((below.status, below.text()), (200, script.text()));
    assert!(
        script
            .head
            .to_lowercase()
            .contains("content-type: text/javascript"),
        "{}",
        script.head
    );
    let source = system_tests::workspace()
        .root
        .join("crates/pusher-core/js/pusher.js");
    let source = std::fs::read_to_string(source).unwrap();
    assert!(
        script.text().starts_with(&source),
        "not the file of the working tree: is the build old?"
    );
    assert_eq!(http::get(daemon.web, "/no-such-file").unwrap().status, 404);
}
