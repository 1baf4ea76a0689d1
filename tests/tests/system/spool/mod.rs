//! Events that PHP publishes while the daemon is away.

mod children;
mod reasons;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use system_tests::c::{Link, Program};
use system_tests::daemon::{Daemon, listening, server_command, start};
use system_tests::log::Log;
use system_tests::php::{Application, Php};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact};
use tempfile::TempDir;
use xtask::http;
use xtask::process::{Background, wait_until};

/// Publishes as many events as each line of the input says, to a topic of its own, and then prints a line.
const PUBLISHER: &str = "
    $number = 0;
    while (($count = fgets(STDIN)) !== false) {
        for ($i = 0; $i < (int) $count; $i++) {
            Pusher::publish($argv[1], $number++);
        }
        echo \"published\\n\";
    }";

const PUBLISHERS: usize = 8;
const ROUNDS: u64 = 10;
const EVENTS_PER_ROUND: u64 = 20;

struct Publisher {
    topic: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Publisher {
    fn start(php: &Php, number: usize) -> Self {
        let topic = format!("t{number}");
        let mut command = php.command();
        command.args(["-r", PUBLISHER, "--", &topic]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self {
            topic,
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn begin(&mut self, count: u64) {
        writeln!(self.input, "{count}").unwrap();
    }

    #[track_caller]
    fn end(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line, "published\n", "every event is published or spooled");
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // Some have ended by themselves.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Returns a spool, and the flags of a daemon that uses it and keeps its log on disk.
fn directories() -> (TempDir, PathBuf, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let state = folder.path().join("state");
    let flags = [
        format!("--spool-dir={}", spool.display()),
        format!("--state-dir={}", state.display()),
    ];
    (folder, spool, flags)
}

/// Returns the events of a topic that the daemon's log has.
fn history(daemon: &Daemon, topic: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut since = String::new();
    loop {
        let path = format!("/history/{topic}?limit=1000{since}");
        let response = http::get(daemon.publish, &path).unwrap();
        let history: Value = serde_json::from_str(&response.text()).unwrap();
        let events = history["events"].as_array().unwrap();
        if events.is_empty() {
            return all;
        }
        all.extend(events.iter().map(|entry| entry["event"].clone()));
        since = format!("&since={}", history["position"].as_str().unwrap());
    }
}

fn is_empty(spool: &Path) -> bool {
    fs::read_dir(spool).unwrap().next().is_none()
}

/// The daemon is killed with `kill -9` and ended with SIGTERM in turn, while all processes publish.
#[test]
fn restarts_under_load_lose_and_double_nothing() {
    let (_folder, spool, flags) = directories();
    let flags = flags.each_ref().map(String::as_str);
    let mut daemon = Daemon::start_with(&flags);
    let php = Php::with_extension(daemon.push_address()).set("pusher.spool", spool.display());
    let mut publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| Publisher::start(&php, number))
        .collect();
    for round in 0..ROUNDS {
        for publisher in &mut publishers {
            publisher.begin(EVENTS_PER_ROUND);
        }
        let stopped = match round % 2 {
            0 => daemon.kill(),
            _ => daemon.terminate(),
        };
        for publisher in &mut publishers {
            publisher.end();
        }
        daemon = stopped.start_again();
    }
    assert!(wait_until(WAIT_MS, || is_empty(&spool)), "it is drained");
    for publisher in &publishers {
        let expected: Vec<_> = (0..ROUNDS * EVENTS_PER_ROUND).map(Value::from).collect();
        assert_eq!(
            history(&daemon, &publisher.topic),
            expected,
            "{}",
            publisher.topic
        );
    }
}

/// The first page after the restart waits until the spool is drained: its event is behind the others.
#[test]
fn in_apache() {
    let spool = tempfile::tempdir().unwrap();
    // Apache's processes have another user.
    fs::set_permissions(spool.path(), Permissions::from_mode(0o777)).unwrap();
    let flags = ["--spool-dir", spool.path().to_str().unwrap()];
    let daemon = Daemon::start_with(&flags);
    let php =
        Php::with_extension(daemon.push_address()).set("pusher.spool", spool.path().display());
    let page = "<?php
        header('Content-Type: application/json');
        $receipt = Pusher::publish('t', (int) $_GET['n']);
        echo json_encode([$receipt->spooled, $receipt->subscribers]);";
    let site = Application::of(&[("publish.php", page)]);
    let apache = php.apache(site.path(), "", &[]);
    let publish = |n: u32| {
        let response = http::get(apache.address, &format!("/publish.php?n={n}")).unwrap();
        let text = response.text();
        serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    assert_eq!(publish(0), json!([false, 0]));
    let stopped = daemon.terminate();
    for n in 1..=3 {
        assert_eq!(publish(n), json!([true, 0]));
    }
    let daemon = stopped.start_again();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    assert!(wait_until(WAIT_MS, || publish(4) == json!([false, 1])));
    while browser.event("t") != json!(4) {}
    let events = history(&daemon, "t");
    assert_eq!(events[..3], [json!(1), json!(2), json!(3)]);
    assert!(
        events[3..].iter().all(|event| *event == json!(4)),
        "{events:?}"
    );
}

/// The daemon is killed at a system call of the drain, and then started again.
#[test]
fn a_daemon_that_is_killed_while_it_drains_publishes_each_event_once() {
    let writes = (1..=8).map(|count| ("write", count));
    let others = ["rename", "flock", "lseek", "unlink", "fdatasync"];
    for (call, count) in others.map(|call| (call, 1)).into_iter().chain(writes) {
        let (_folder, spool, flags) = directories();
        let flags = flags.each_ref().map(String::as_str);
        let spooled = Php::with_extension("tcp://127.0.0.1:1")
            .set("pusher.spool", spool.display())
            .print(
                "for ($n = 0; $n < 5; $n++) echo Pusher::publish('t', $n)->spooled ? 'y' : 'n';",
            );
        assert_eq!(spooled, "yyyyy");
        killed_at(call, count, &flags, &spool);
        let daemon = Daemon::start_with(&flags);
        assert!(wait_until(WAIT_MS, || is_empty(&spool)), "{call} {count}");
        let expected: Vec<_> = (0..5).map(Value::from).collect();
        assert_eq!(history(&daemon, "t"), expected, "{call} {count}");
    }
}

/// A system call of the drain fails once, or again and again for a while. The daemon says so, and tries again.
#[test]
fn a_daemon_whose_system_calls_fail_publishes_each_event_once() {
    for (call, error, when) in [
        ("rename", "EIO", "1"),
        ("rename", "EROFS", "1..2"),
        ("unlink", "EIO", "1"),
        ("unlink", "EROFS", "1..3"),
        ("flock", "ENOLCK", "1"),
        ("flock", "EIO", "1..2"),
        ("lseek", "EIO", "1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        fs::create_dir(&spool).unwrap();
        let spooled = Php::with_extension("tcp://127.0.0.1:1")
            .set("pusher.spool", spool.display())
            .print(
                "for ($n = 0; $n < 5; $n++) echo Pusher::publish('t', $n)->spooled ? 'y' : 'n';",
            );
        assert_eq!(spooled, "yyyyy");
        let inject = format!("inject={call}:error={error}:when={when}");
        let (process, log) = traced(&inject, &[&format!("--spool-dir={}", spool.display())]);
        let shown = format!("{inject}\n{}", log.text());
        assert!(wait_until(WAIT_MS, || is_empty(&spool)), "{shown}");
        let address = listening(&log, "publishers");
        let text = http::get(address, "/history/t").unwrap().text();
        let history: Value = serde_json::from_str(&text).unwrap();
        let events = history["events"].as_array().unwrap();
        assert!(
            events
                .iter()
                .map(|entry| &entry["event"])
                .eq(&[0, 1, 2, 3, 4]),
            "{inject}: {text}"
        );
        let metrics = http::get(address, "/metrics").unwrap().text();
        assert!(
            metrics.contains("\npushd_spool_drained_total 5\n"),
            "{shown}"
        );
        let text = log.text();
        assert!(text.contains("cannot read the spool"), "{inject}\n{text}");
        kill(process);
    }
}

/// Starts the daemon under strace.
fn traced(inject: &str, flags: &[&str]) -> (Background, Log) {
    let mut command = server_command(Path::new("strace"));
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e", inject])
        .arg(artefact("pushd"))
        .args(["--listen", "127.0.0.1:0", "--publish-listen", "127.0.0.1:0"])
        .args(flags);
    start(&mut command)
}

/// Kills strace and the daemon, if they are alive.
fn kill(mut process: Background) {
    let group = Pid::from_raw(process.pid().cast_signed());
    let _gone = killpg(group, Signal::SIGKILL);
    process.wait(WAIT_MS).expect("it was killed");
}

/// Runs the daemon until it is killed at this system call, or has drained the spool without it.
fn killed_at(call: &str, count: u32, flags: &[&str], spool: &Path) {
    let inject = format!("inject={call}:signal=KILL:when={count}");
    let (mut process, _log) = traced(&inject, flags);
    let is_over = wait_until(WAIT_MS, || {
        !matches!(process.exited(), Ok(None)) || is_empty(spool)
    });
    assert!(is_over, "{call} {count}");
    kill(process);
}

/// Each way to publish leaves its events in the spool. The daemon then publishes them in this order.
#[test]
fn every_way_to_publish_uses_the_spool() {
    let (_folder, spool, flags) = directories();
    let php = Php::with_extension("tcp://127.0.0.1:1").set("pusher.spool", spool.display());
    php.print(
        "Pusher::publish('php', 'publish'); (new Pusher())->send('php', 'send');
         (new Pusher())->sendMany([['php', 'many'], ['php', 'more']]); Pusher::defer('php', 'defer');",
    );
    let program = Program::compile("spooled.c", Link::Shared);
    let mut command = program.command();
    command
        .env("PUSH_ADDRESS", "tcp://127.0.0.1:1")
        .env("PUSH_SPOOL", &spool);
    program.run(&mut command).success();
    let daemon = Daemon::start_with(&flags.each_ref().map(String::as_str));
    let expected = ["publish", "send", "many", "more", "defer"].map(Value::from);
    assert_eq!(history(&daemon, "php"), expected);
    let expected = ["direct", "client", "queue"].map(Value::from);
    assert_eq!(history(&daemon, "c"), expected);
    assert!(is_empty(&spool));
}
