//! C and C++ programs under AddressSanitizer (with its leak check) and UndefinedBehaviorSanitizer.
//!
//! Data races are another command, `cargo xtask races`.

use system_tests::c::{Link, Program};
use system_tests::daemon::Daemon;
use system_tests::program::Ended;

const FLAGS: [&str; 3] = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
];

/// These programs are not about time.
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

/// Not of a program with threads: gcc 12's AddressSanitizer leaves its allocator's locks taken in a child when another
/// thread was allocating at the fork, and the child waits for ever (glibc and later versions let go of theirs).
#[test]
fn children() {
    check(&["fork.c"]);
}

#[test]
fn the_cpp_wrapper() {
    check(&["client.cpp"]);
}

/// A check that sees nothing would pass everything.
#[test]
fn what_is_not_freed_is_seen() {
    let daemon = Daemon::start();
    for link in [Link::Shared, Link::Static] {
        let ended = run("leak.c", link, &daemon.push_address());
        assert!(!ended.status.success());
        let report = ended.stderr;
        assert!(report.contains("push_client_new"), "{report}");
    }
}
