//! C and C++ programs under AddressSanitizer (with its leak check) and UndefinedBehaviorSanitizer.
//!
//! `cargo xtask races` looks for data races.

use system_tests::c::{Link, Program};
use system_tests::daemon::Daemon;
use system_tests::program::Ended;

const FLAGS: [&str; 3] = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
];

/// These programs do not test time.
const TIMEOUT_MS: &str = "30000";

#[track_caller]
fn run(source: &str, link: Link, push_address: &str) -> Ended {
    let program = Program::compile_with(source, link, &FLAGS);
    let mut command = program.command();
    command
        .env("PUSH_ADDRESS", push_address)
        .env("PUSH_TIMEOUT_MS", TIMEOUT_MS)
        .env(
            "ASAN_OPTIONS",
            "detect_leaks=1:detect_stack_use_after_return=1",
        )
        .env("UBSAN_OPTIONS", "print_stacktrace=1");
    program.run(&mut command)
}

#[track_caller]
fn check(sources: &[&str]) {
    let daemon = Daemon::start();
    for source in sources {
        for link in [Link::Shared, Link::Static] {
            run(source, link, &daemon.push_address()).success();
        }
    }
}

#[test]
fn one_thread() {
    check(&["client.c", "mistakes.c", "lost.c", "closed.c"]);
}

#[test]
fn many_threads() {
    check(&["threads.c", "background.c", "cancel.c"]);
}

/// Excludes programs with threads: if another thread allocates at a fork, gcc 12's AddressSanitizer leaves its
/// allocator's locks taken in the child, which then waits without end. glibc's own allocator and later versions
/// release them.
#[test]
fn children() {
    check(&["fork.c"]);
}

#[test]
fn the_cpp_wrapper() {
    check(&["client.cpp"]);
}

/// Shows that the check can find an error.
#[test]
fn a_planted_leak_is_found() {
    let daemon = Daemon::start();
    for link in [Link::Shared, Link::Static] {
        let ended = run("leak.c", link, &daemon.push_address());
        assert!(!ended.status.success());
        let report = ended.stderr;
        assert!(report.contains("push_client_new"), "{report}");
    }
}
