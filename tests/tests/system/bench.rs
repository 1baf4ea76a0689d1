//! `pushd bench` against a daemon. The tests check its counts, and never its times.

use std::fs;
use std::io::read_to_string;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;
use system_tests::daemon::Daemon;
use system_tests::program::{self, Ended};
use system_tests::{WAIT_MS, artefact, publisher};
use xtask::process::{Background, wait_until};

use crate::shell::{command, run_json};

fn run(daemon: &Daemon, arguments: &[&str]) -> Ended {
    program::run(&mut command(daemon, "bench", arguments), WAIT_MS)
}

/// Starts a benchmark of 5 subscribers and one hour, and waits for its first deliveries.
fn endless(daemon: &Daemon) -> Background {
    let arguments = [
        "--seconds=3600",
        "--rate=50",
        "--subscribers=5",
        "--size=100",
        "--json",
    ];
    let mut bench = command(daemon, "bench", &arguments);
    bench.stdout(Stdio::piped()).stderr(Stdio::piped());
    let bench = Background::start("pusherd bench", &mut bench).unwrap();
    let has_begun = || run_json(daemon, "status", &[])["deliveries"].as_u64() > Some(0);
    assert!(wait_until(WAIT_MS, has_begun));
    bench
}

/// Returns its exit code, its counts, and its standard error.
#[track_caller]
fn end(mut bench: Background) -> (Option<i32>, Value, String) {
    let status = bench.wait(WAIT_MS).expect("it ends by itself");
    let child = bench.child();
    let counted = read_to_string(child.stdout.take().unwrap()).unwrap();
    let said = read_to_string(child.stderr.take().unwrap()).unwrap();
    let counted = serde_json::from_str(&counted).unwrap_or_else(|_| panic!("{counted}{said}"));
    (status.code(), counted, said)
}

#[track_caller]
fn assert_fails(ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.stderr);
    assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
}

#[test]
fn each_delivery_is_counted_once() {
    let daemon = Daemon::start();
    for pace in [&[][..], &["--rate=100"]] {
        let before = run_json(&daemon, "status", &[]);
        let common = ["--subscribers=40", "--seconds=1", "--size=2000", "--json"];
        let ended = run(&daemon, &[&common[..], pace].concat());
        let counted: Value = serde_json::from_str(&ended.success()).unwrap();
        let publishes = counted["publishes"].as_u64().unwrap();
        assert!(publishes > 0, "{counted}");
        assert_eq!(counted["deliveries"], publishes * 40, "{counted}");
        for fault in ["lost", "doubled", "reordered"] {
            assert_eq!(counted[fault], 0, "{counted}");
        }
        let after = run_json(&daemon, "status", &[]);
        let grown = |name: &str| after[name].as_u64().unwrap() - before[name].as_u64().unwrap();
        assert_eq!(
            (grown("events"), grown("deliveries")),
            (publishes, publishes * 40)
        );
    }
}

#[test]
fn without_json_the_output_is_text() {
    let daemon = Daemon::start();
    let ended = run(&daemon, &["--seconds=1", "--subscribers=3", "--rate=20"]);
    assert_eq!(ended.stderr, "", "there is no terminal for progress");
    let printed = ended.success();
    for part in [
        "subscribers 3, events of 512 bytes\n",
        "at --rate 20\n",
        "latency     p50 ",
        ", p99 ",
        ", max ",
        "faults      0 lost, 0 doubled, 0 out of order\n",
        "the server's own machine",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn a_terminal_shows_the_progress() {
    let daemon = Daemon::start();
    let line = format!(
        "{} bench --seconds=3 --subscribers=3 --rate=20",
        artefact("pusherd").display()
    );
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env("PUSHD_LISTEN", daemon.web.to_string())
        .env("PUSHD_PUBLISH_LISTEN", daemon.publish.to_string());
    let shown = program::run(&mut script, WAIT_MS).success();
    assert!(
        shown.contains(" deliveries per second\u{1b}[K"),
        "{shown:?}"
    );
    assert!(
        shown.contains("\r\u{1b}[Ksubscribers 3"),
        "the line is cleared: {shown:?}"
    );
}

#[test]
fn ctrl_c_prints_the_figures_so_far() {
    let daemon = Daemon::start();
    let mut bench = endless(&daemon);
    bench.signal(Signal::SIGINT);
    let (code, counted, said) = end(bench);
    assert_eq!(code, Some(0), "{counted} {said}");
    let publishes = counted["publishes"].as_u64().unwrap();
    assert!(publishes > 0, "{counted}");
    assert_eq!(counted["deliveries"], publishes * 5, "{counted}");
    assert_eq!(counted["lost"], 0, "{counted}");
}

/// Returns whether the publish listener has unread data, according to the kernel.
fn has_unread_publish(daemon: &Daemon) -> bool {
    // "sl local_address rem_address st tx_queue:rx_queue ...", all in hexadecimal.
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let suffix = format!(":{:04X}", daemon.publish.port());
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_listener = fields.get(1).is_some_and(|local| local.ends_with(&suffix));
        let queues = fields.get(4).and_then(|queues| queues.split_once(':'));
        is_listener && queues.is_some_and(|(_, unread)| unread.bytes().any(|digit| digit != b'0'))
    })
}

/// A stopped server would delay the receipt of the last publish without end.
#[test]
fn ctrl_c_again_ends_it_at_once() {
    let mut daemon = Daemon::start();
    let mut bench = endless(&daemon);
    daemon.freeze();
    assert!(wait_until(WAIT_MS, || has_unread_publish(&daemon)));
    let is_over = || {
        bench.signal(Signal::SIGINT);
        bench.exited().unwrap().is_some()
    };
    assert!(wait_until(WAIT_MS, is_over));
    assert_eq!(bench.wait(WAIT_MS).unwrap().code(), Some(130));
    daemon.thaw();
}

#[test]
fn a_lost_server_is_a_failure_with_the_figures_so_far() {
    let daemon = Daemon::start();
    let bench = endless(&daemon);
    daemon.kill();
    let (code, counted, said) = end(bench);
    assert_eq!(code, Some(1), "{counted} {said}");
    assert!(counted["deliveries"].as_u64() > Some(0), "{counted}");
    assert!(said.starts_with("pushd: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// An event that another publisher sends to its topic, with a number that was used or will be used.
#[test]
fn duplicate_and_early_events_are_counted() {
    let daemon = Daemon::start();
    let mut bench = endless(&daemon);
    let topics = run_json(&daemon, "topics", &[]);
    let topic = topics[0]["topic"].as_str().unwrap();
    assert!(topic.starts_with("pushd-bench-"), "{topic}");
    for n in [0, 999_999] {
        let event = format!(r#"{{"category":"{topic}","n":{n},"at_us":0}}"#);
        publisher::publish_raw(daemon.publish, &event);
    }
    let seen = run_json(&daemon, "status", &[])["events"].as_u64().unwrap();
    let goes_on = || run_json(&daemon, "status", &[])["events"].as_u64() > Some(seen + 2);
    assert!(wait_until(WAIT_MS, goes_on));
    bench.signal(Signal::SIGINT);
    let (code, counted, said) = end(bench);
    assert_eq!(code, Some(1), "{counted}");
    assert!(counted["doubled"].as_u64() >= Some(5), "{counted}");
    assert!(said.contains("doubled"), "{said}");
}

#[test]
fn listeners_of_two_servers_are_an_error() {
    let (daemon, other) = (Daemon::start(), Daemon::start());
    let private = other.publish.to_string();
    let ended = run(&daemon, &["--publish-address", &private]);
    assert_fails(
        &ended,
        1,
        "the publish listener knows 0 of the 100 subscribers",
    );
}

#[test]
fn a_refusal_of_the_server_is_reported() {
    let daemon = Daemon::start_with(&[
        "--publish-token=s3cret-token-for-tests",
        "--connections-max=10",
    ]);
    let ended = run(&daemon, &["--subscribers=10"]);
    assert_fails(&ended, 1, "requires a publish token");
    let ended = run(&daemon, &["--subscribers=11"]);
    assert_fails(&ended, 1, " subscribers: ");
    let mut bench = command(&daemon, "bench", &["--subscribers=10", "--seconds=1"]);
    bench.env("PUSHD_PUBLISH_TOKEN", "s3cret-token-for-tests");
    program::run(&mut bench, WAIT_MS).success();
}

#[test]
fn each_option_has_limits() {
    let daemon = Daemon::start();
    for (option, least, most) in [
        ("subscribers", 1, 20_000),
        ("rate", 1, 100_000),
        ("seconds", 1, 3600),
        ("size", 64, 1_048_576),
    ] {
        for beyond in [least - 1, most + 1] {
            let ended = run(&daemon, &[&format!("--{option}={beyond}")]);
            assert_fails(&ended, 2, &format!("{least}..={most}"));
        }
        for bound in [least, most] {
            let bound = format!("--{option}={bound}");
            let arguments = [bound.as_str(), "--url=nowhere"];
            // If the system allows this number of files, the command continues to the address, which is invalid.
            assert_fails(&run(&daemon, &arguments), 1, "pushd: ");
        }
    }
}

#[test]
fn more_connections_than_open_files_are_refused_at_once() {
    let daemon = Daemon::start();
    let mut bash = Command::new("bash");
    bash.args(["-c", "ulimit -n 131; exec \"$0\" bench"])
        .arg(artefact("pusherd"))
        .env("PUSHD_LISTEN", daemon.web.to_string());
    let ended = program::run(&mut bash, WAIT_MS);
    assert_fails(
        &ended,
        1,
        "100 subscribers need more open files than the limit of 131",
    );
    assert_eq!(run_json(&daemon, "status", &[])["browsers"], 0);
}
