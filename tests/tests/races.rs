//! C and C++ programs with many threads under ThreadSanitizer, which also watches the library and Rust's
//! standard library in it. `cargo xtask races` builds these and runs this.

use system_tests::c::{Link, Program};
use system_tests::daemon::Daemon;
use system_tests::program::Ended;

/// These programs do not test time.
const TIMEOUT_MS: &str = "30000";

#[track_caller]
fn run(source: &str) -> Ended {
    let daemon = Daemon::start();
    let program = Program::compile_with(source, Link::Races, &[]);
    let mut command = program.command();
    command
        .env("PUSH_ADDRESS", daemon.push_address())
        .env("PUSH_TIMEOUT_MS", TIMEOUT_MS);
    program.run(&mut command)
}

#[test]
fn many_threads_share_one_connection() {
    run("threads.c").success();
}

#[test]
fn clients_and_children() {
    run("client.c").success();
    run("fork.c").success();
}

#[test]
fn the_cpp_wrapper_in_many_threads() {
    run("client.cpp").success();
}

#[test]
fn callbacks_run_in_the_librarys_thread() {
    run("background.c").success();
}

/// Not `background_fork.c`: its children start threads, and ThreadSanitizer takes these for threads of the parent.
#[test]
fn forks_during_a_publish() {
    run("fork_threads.c").success();
}

/// Shows that the check can find a race.
#[test]
fn a_planted_race_is_found() {
    let ended = run("race.c");
    assert!(!ended.status.success());
    let report = ended.stderr;
    for part in ["data race", "on_answer"] {
        assert!(report.contains(part), "{report}");
    }
}
