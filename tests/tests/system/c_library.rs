//! libpusher in C and C++ programs: linked both ways, under valgrind, with a real daemon.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;
use system_tests::c::{Link, Program, exported_symbols, soname};
use system_tests::daemon::Daemon;
use system_tests::log::Log;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact};
use xtask::process::Background;

const LINKS: [Link; 2] = [Link::Shared, Link::Static];

/// Return codes of `push_publish`, from `include/pusher.h`.
const PUSH_ECONNECT: &str = "-6";
const PUSH_EREFUSED: &str = "-10";
const PUSH_ETIMEOUT: &str = "-7";

/// A limit for valgrind on a busy machine. These programs do not test time.
const TIMEOUT_MS: &str = "30000";

/// Runs a program that makes its own checks, linked both ways, under valgrind.
#[track_caller]
fn check_under_valgrind(source: &str, push_address: &str) {
    check_with(Program::under_valgrind, source, push_address);
}

#[track_caller]
fn check_with(valgrind: fn(&Program) -> Command, source: &str, push_address: &str) {
    for link in LINKS {
        let program = Program::compile(source, link);
        let mut command = valgrind(&program);
        command
            .env("PUSH_ADDRESS", push_address)
            .env("PUSH_TIMEOUT_MS", TIMEOUT_MS);
        program.run(&mut command).success();
    }
}

/// Publishes with an example, linked both ways, under valgrind. Two browsers get the event.
#[track_caller]
fn check_example(source: &str) {
    let daemon = Daemon::start();
    let topic = "新しい子猫";
    let mut browsers = [(); 2].map(|()| Wamp::subscribed(daemon.web, topic));
    for link in LINKS {
        let program = Program::compile(source, link);
        let mut command = program.under_valgrind();
        command
            .args([topic, r#"{"title":"<b>猫</b> 🐈","n":1.0}"#])
            .env("PUSH_ADDRESS", daemon.push_address())
            .env("PUSH_TIMEOUT_MS", TIMEOUT_MS);
        assert_eq!(program.run(&mut command).success(), "2\n");
        for browser in &mut browsers {
            assert_eq!(
                browser.event(topic),
                json!({"title": "<b>猫</b> 🐈", "n": 1.0})
            );
        }
    }
}

#[test]
fn the_c_example_publishes() {
    check_example("publish.c");
}

#[test]
fn the_cpp_example_publishes() {
    check_example("publish.cpp");
}

#[test]
fn mistakes_are_errors() {
    check_under_valgrind("mistakes.c", "tcp://127.0.0.1:1");
}

#[test]
fn many_threads_publish() {
    check_under_valgrind("threads.c", &Daemon::start().push_address());
}

#[test]
fn parents_and_children_publish() {
    check_under_valgrind("fork.c", &Daemon::start().push_address());
}

#[test]
fn children_of_many_threads_publish() {
    let valgrind = Program::under_valgrind_losing_memory;
    check_with(valgrind, "fork_threads.c", &Daemon::start().push_address());
}

#[test]
fn a_lost_server_raises_no_signal() {
    check_under_valgrind("lost.c", "not used");
}

#[test]
fn a_canceled_thread_ends_after_its_call() {
    check_under_valgrind("cancel.c", "not used");
}

#[test]
fn output_of_a_program_without_stdout_is_not_published() {
    check_under_valgrind("closed.c", &Daemon::start().push_address());
}

/// `siglongjmp()` out of a call leaks memory, as the header documents.
#[test]
fn a_thread_that_jumped_out_of_a_call_publishes_again() {
    check_with(Program::command, "jump.c", "not used");
}

#[test]
fn without_threads_and_descriptors_a_call_returns_a_code() {
    check_with(
        Program::command,
        "limits.c",
        &Daemon::start().push_address(),
    );
}

mod needs_namespaces {
    use super::*;

    /// Not under valgrind, which does not know this `clone()`.
    #[test]
    fn a_child_with_its_parents_process_number_has_its_own_connection() {
        check_with(
            Program::command,
            "namespace.c",
            &Daemon::start().push_address(),
        );
    }
}

#[test]
fn clients_have_options_and_receipts() {
    check_under_valgrind("client.c", &Daemon::start().push_address());
}

#[test]
fn events_are_published_in_the_background() {
    check_under_valgrind("background.c", &Daemon::start().push_address());
}

#[test]
fn children_have_a_queue_of_their_own() {
    let daemon = Daemon::start();
    for link in LINKS {
        let program = Program::compile("background_fork.c", link);
        let mut command = program.command();
        command.env("PUSH_ADDRESS", daemon.push_address());
        program.run(&mut command).success();
    }
}

#[test]
fn the_cpp_wrapper_throws() {
    check_under_valgrind("client.cpp", &Daemon::start().push_address());
}

/// A C program that publishes on demand.
struct Lines {
    process: Background,
    results: Log,
    count: usize,
    _program: Program,
}

impl Lines {
    fn start(push_address: &str) -> Self {
        Self::start_with(&[("PUSH_ADDRESS", push_address)])
    }

    fn start_with(environment: &[(&str, &str)]) -> Self {
        let program = Program::compile("lines.c", Link::Shared);
        let mut command = program.command();
        command
            .arg("t")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env_remove("LD_LIBRARY_PATH");
        let mut process = Background::start("lines", &mut command).unwrap();
        let results = Log::follow(process.child().stdout.take().unwrap());
        Self {
            process,
            results,
            count: 0,
            _program: program,
        }
    }

    /// Publishes once more. Returns the return code.
    #[track_caller]
    fn publish(&mut self) -> String {
        self.count += 1;
        let input = self.process.child().stdin.as_mut().unwrap();
        input.write_all(b"{}\n").unwrap();
        let mut seen = 0;
        let result = self.results.find(WAIT_MS, |line| {
            seen += 1;
            (seen == self.count).then(|| line.to_owned())
        });
        result.expect("push_publish returns")
    }
}

#[test]
fn a_token_comes_from_the_environment() {
    let daemon = Daemon::start_with(&["--publish-token", "secret-token-for-tests"]);
    let address = daemon.push_address();
    for (token, expect) in [
        ("secret-token-for-tests", "0"),
        ("wrong", PUSH_EREFUSED),
        ("", PUSH_EREFUSED),
    ] {
        let environment = [("PUSH_ADDRESS", &*address), ("PUSH_TOKEN", token)];
        let mut lines = Lines::start_with(&environment);
        assert_eq!(lines.publish(), expect, "{token}");
    }
}

#[test]
fn the_daemon_restarts_between_two_calls() {
    let daemon = Daemon::start();
    let mut lines = Lines::start(&daemon.push_address());
    assert_eq!(lines.publish(), "0");
    let daemon = daemon.kill_and_restart();
    assert_eq!(lines.publish(), "0", "a stale connection is opened again");
    let stopped = daemon.kill();
    assert_eq!(lines.publish(), PUSH_ECONNECT);
    let _daemon = stopped.start_again();
    assert_eq!(lines.publish(), "0");
}

/// Sends SIGSTOP, and waits until every thread has stopped.
#[track_caller]
fn stop(daemon: &mut Daemon) {
    daemon.freeze();
    let tasks = format!("/proc/{}/task", daemon.process.pid());
    let is_stopped = || {
        fs::read_dir(&tasks).unwrap().all(|task| {
            // "pid (name) T ..."
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit(") ").next().unwrap().starts_with('T')
        })
    };
    assert!(xtask::process::wait_until(WAIT_MS, is_stopped));
}

#[test]
fn a_daemon_that_hangs_costs_no_more_than_the_deadline() {
    let mut daemon = Daemon::start();
    let mut lines = Lines::start(&daemon.push_address());
    assert_eq!(lines.publish(), "0");
    stop(&mut daemon);
    assert_eq!(lines.publish(), PUSH_ETIMEOUT, "over a connection there is");
    assert_eq!(lines.publish(), PUSH_ETIMEOUT, "over a new one");
    daemon.thaw();
    // On a busy machine, the reconnect may take some time.
    let is_back = xtask::process::wait_until(WAIT_MS, || lines.publish() == "0");
    assert!(is_back, "it goes on when the daemon does");
}

#[test]
fn nobody_listens() {
    let program = Program::compile("publish.c", Link::Shared);
    let mut command = program.command();
    command
        .args(["t", "{}"])
        .env("PUSH_ADDRESS", "unix:/nowhere/publish.sock");
    let ended = program.run(&mut command);
    assert_eq!(ended.status.code(), Some(1));
    let stderr = ended.stderr;
    for part in [
        "can't connect",
        "unix:/nowhere/publish.sock",
        "is pushd running",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
}

#[test]
fn only_push_symbols_are_exported() {
    let library = artefact("libpusher.so");
    assert_eq!(soname(&library).as_deref(), Some("libpusher.so.0"));
    // A program that is linked with libpusher must never get the extension, which contains it.
    assert_eq!(soname(&artefact("libpusher_php.so")), None);
    let expect = [
        "push_client_flush",
        "push_client_free",
        "push_client_new",
        "push_client_position",
        "push_client_presence",
        "push_client_publish",
        "push_client_publish_async",
        "push_client_publish_event",
        "push_client_publish_event_async",
        "push_client_revoke",
        "push_last_error",
        "push_position",
        "push_presence",
        "push_publish",
        "push_revoke",
        "push_strerror",
        "push_ticket",
        "push_version",
    ];
    assert_eq!(exported_symbols(&library), expect);
}
