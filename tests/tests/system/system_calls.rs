//! The number of system calls for a delivery.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use system_tests::daemon::{listening, server_command, start};
use system_tests::log::Log;
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact};
use tempfile::TempDir;
use xtask::process::Background;

const SUBSCRIBERS: usize = 5;
/// Fewest subscribers for which pushd makes one call (`hub/round.rs` of pusher-core).
const BATCH_MIN: usize = 4;
const EVENTS: usize = 50;
const ANY_PORT: &str = "127.0.0.1:0";

/// A daemon under strace.
struct Traced {
    process: Background,
    log: Log,
    folder: TempDir,
}

impl Traced {
    /// Starts the daemon with one thread and the setting `io-uring`. strace records these calls, separated by commas.
    fn start(io_uring: &str, calls: &str) -> Self {
        Self::start_with(io_uring, &["-e", &format!("trace={calls}")])
    }

    fn start_with(io_uring: &str, strace: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = server_command(Path::new("strace"));
        command
            .args(["-f", "-qq", "-o"])
            .arg(folder.path().join("calls"))
            .args(strace)
            .arg(artefact("pushd"))
            .args([
                "--threads",
                "1",
                "--io-uring",
                io_uring,
                "--listen",
                ANY_PORT,
            ])
            .args(["--publish-listen", ANY_PORT]);
        let (process, log) = start(&mut command);
        Self {
            process,
            log,
            folder,
        }
    }

    fn browser(&self) -> Wamp {
        Wamp::subscribed(listening(&self.log, "browsers"), "t")
    }

    /// Stops the daemon. Returns its system calls, one a line.
    fn calls(mut self) -> String {
        // Signals both: strace ignores the signal, and ends after pushd, when its output is complete.
        let group = Pid::from_raw(self.process.pid().cast_signed());
        killpg(group, Signal::SIGTERM).unwrap();
        self.process.wait(WAIT_MS).expect("strace ends with pushd");
        fs::read_to_string(self.folder.path().join("calls")).unwrap()
    }
}

/// Publishes events in one write to several browsers. Returns the system calls.
fn calls_for_events_together(io_uring: &str, subscribers: usize) -> String {
    let traced = Traced::start(io_uring, "write,writev,sendto,sendmsg,io_uring_enter");
    let mut browsers: Vec<Wamp> = (0..subscribers).map(|_| traced.browser()).collect();

    let event = |n| format!(r#"{{"category":"t","n":{n}}}"#);
    let mut publisher = Publisher::connect(listening(&traced.log, "publishers"));
    let together: String = (0..EVENTS).map(event).collect();
    publisher.send(together.as_bytes());
    for browser in &mut browsers {
        for n in 0..EVENTS {
            assert_eq!(browser.event("t")["n"], n);
        }
    }
    traced.calls()
}

fn writes(calls: &str) -> usize {
    let writes = calls.lines().filter(|line| line.contains(r#"[8,\"t\","#));
    writes.count()
}

#[test]
fn events_that_arrive_together_are_one_write_per_browser() {
    let calls = calls_for_events_together("never", SUBSCRIBERS);
    assert_eq!(writes(&calls), SUBSCRIBERS, "{calls}");
    assert!(!calls.contains("io_uring_enter"), "{calls}");
}

mod needs_io_uring {
    use super::*;

    #[test]
    fn events_that_arrive_together_are_one_call_for_all_browsers() {
        for subscribers in [BATCH_MIN, SUBSCRIBERS] {
            let calls = calls_for_events_together("auto", subscribers);
            assert_eq!(writes(&calls), 0, "{calls}");
            // The arguments after the descriptor: how many to submit, and how many to wait for.
            let sent = format!(", {subscribers}, {subscribers}, IORING_ENTER_GETEVENTS");
            let enters = calls.lines().filter(|line| line.contains(&sent));
            assert_eq!(enters.count(), 1, "{calls}");
        }
    }

    #[test]
    fn few_browsers_get_a_write_each() {
        let calls = calls_for_events_together("auto", BATCH_MIN - 1);
        assert_eq!(writes(&calls), BATCH_MIN - 1, "{calls}");
    }

    /// The first call is pushd's own test of the ring.
    #[test]
    fn a_failing_ring_loses_nothing() {
        const NOT_AVAILABLE: &str = "io_uring is not available";
        const FAILED: &str = "io_uring has failed";
        for (fault, said) in [
            ("io_uring_setup:error=EPERM", Some(NOT_AVAILABLE)),
            ("io_uring_enter:error=EPERM:when=1", Some(NOT_AVAILABLE)),
            ("io_uring_enter:error=EPERM:when=10+", Some(FAILED)),
            ("io_uring_enter:error=EAGAIN:when=10", Some(FAILED)),
            ("io_uring_enter:error=EINTR:when=10", None),
        ] {
            let inject = format!("inject={fault}");
            let calls = "trace=io_uring_setup,io_uring_enter";
            let traced = Traced::start_with("auto", &["-e", calls, "-e", &inject]);
            let mut browsers: Vec<Wamp> = (0..SUBSCRIBERS).map(|_| traced.browser()).collect();
            let mut publisher = Publisher::connect(listening(&traced.log, "publishers"));
            for n in 0..EVENTS {
                publisher.send(format!(r#"{{"category":"t","n":{n}}}"#).as_bytes());
                for browser in &mut browsers {
                    assert_eq!(browser.event("t")["n"], n, "{fault}");
                }
            }
            let log = traced.log.text();
            assert_eq!(said.is_some(), log.contains("io_uring"), "{fault}: {log}");
            assert!(log.contains(said.unwrap_or_default()), "{fault}: {log}");
            let calls = traced.calls();
            assert!(calls.contains("(INJECTED)"), "{fault}: {calls}");
        }
    }
}

#[test]
fn no_read_without_data() {
    let traced = Traced::start("auto", "accept4,recvfrom");
    // Each browser sends three messages, one after the other: its request, SUBSCRIBE, and a last one that pushd
    // answers.
    let browsers: Vec<Wamp> = (0..SUBSCRIBERS).map(|_| traced.browser()).collect();
    let calls = traced.calls();
    drop(browsers);
    // pushd receives signals through a socket pair, 128 bytes at a time.
    let of_browsers = |line: &&str| line.contains("recvfrom(") && !line.contains(", 128, ");
    let reads = || calls.lines().filter(of_browsers);
    assert!(reads().count() >= 2 * SUBSCRIBERS, "{calls}");
    assert_eq!(
        reads().find(|line| line.contains("EAGAIN")),
        None,
        "{calls}"
    );
}
