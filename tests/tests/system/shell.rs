//! `pushd publish`, `subscribe`, `position`, `history`, `topics` and `status`, as typed by a user.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use system_tests::daemon::{self, Daemon};
use system_tests::program::{self, Ended};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, publisher};
use xtask::process::Background;

/// Returns the command for this daemon, with these arguments.
pub(crate) fn command(daemon: &Daemon, name: &str, arguments: &[&str]) -> Command {
    let mut command = daemon::command("pusherd");
    command
        .env("PUSHD_LISTEN", daemon.web.to_string())
        .env("PUSHD_PUBLISH_LISTEN", daemon.publish.to_string())
        .arg(name)
        .args(arguments);
    command
}

fn run(daemon: &Daemon, name: &str, arguments: &[&str]) -> Ended {
    program::run(&mut command(daemon, name, arguments), WAIT_MS)
}

pub(crate) fn run_json(daemon: &Daemon, name: &str, arguments: &[&str]) -> Value {
    let printed = run(daemon, name, &[arguments, &["--json"]].concat()).success();
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn publish_prints_the_receipt() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "a b/猫?");
    let printed = run(&daemon, "publish", &["a b/猫?", r#"{"n":1}"#]).success();
    assert_eq!(printed, "published as number 1, queued to 1 browser\n");
    assert_eq!(browser.event("a b/猫?"), json!({"n": 1}));
    let receipt = run_json(&daemon, "publish", &["a b/猫?", "2", "--id", "order-7"]);
    assert_eq!(
        (&receipt["sequence"], &receipt["subscribers"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(receipt["stored"], "memory");
    assert_eq!(receipt["position"], position(&daemon));
    let again = run_json(&daemon, "publish", &["a b/猫?", "2", "--id", "order-7"]);
    assert_eq!(again, receipt);
    for (id, printed) in [
        (
            "order-7",
            "not published again: the id order-7 is known, from number 2, queued to 1 browser\n",
        ),
        (
            "order-8",
            "published with id order-8 as number 3, queued to 1 browser\n",
        ),
    ] {
        let line = run(&daemon, "publish", &["a b/猫?", "2", "--id", id]).success();
        assert_eq!(line, printed);
    }
    assert_eq!(browser.event("a b/猫?"), 2);
    assert_eq!(browser.event("a b/猫?"), 2);
    browser.assert_nothing_waits();
}

/// Runs a command in a terminal. Returns the text that the terminal gets.
fn in_terminal(daemon: &Daemon, name: &str, arguments: &[&str]) -> String {
    let words = command(daemon, name, arguments);
    let line: Vec<_> = [words.get_program()]
        .into_iter()
        .chain(words.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--command", &line.join(" "), "/dev/null"])
        .envs(
            words
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    program::run(&mut script, WAIT_MS).success()
}

#[test]
fn only_a_terminal_gets_colours() {
    let daemon = Daemon::start();
    let url = format!("http://{}/", daemon.web);
    let shown = in_terminal(&daemon, "doctor", &[&url]);
    assert!(
        shown.contains("  \u{1b}[32mok      \u{1b}[0m WELCOME "),
        "{shown:?}"
    );
    let shown = in_terminal(&daemon, "topics", &[]);
    assert!(
        shown.contains("\u{1b}[1msubscribers  in log  topic\u{1b}[0m"),
        "{shown:?}"
    );
    for (name, arguments) in [("doctor", &[&*url][..]), ("topics", &[])] {
        let printed = run(&daemon, name, arguments).success();
        assert!(!printed.contains('\u{1b}'), "{printed:?}");
    }
}

/// The doctor says which step it waits for.
#[test]
fn a_terminal_shows_the_step_of_the_doctor() {
    let daemon = Daemon::start();
    let url = format!("http://{}/", daemon.web);
    let shown = in_terminal(&daemon, "doctor", &["--idle=2", "--timeout=5", &url]);
    assert!(
        shown.contains("\r  idle: 1 of at most 12 s\u{1b}[K"),
        "{shown:?}"
    );
    assert!(
        shown.contains("\r\u{1b}[K  \u{1b}[32mok"),
        "the line is cleared: {shown:?}"
    );
}

#[test]
fn publish_excludes_a_page() {
    let daemon = Daemon::start();
    let (mut own, mut other) = (
        Wamp::subscribed(daemon.web, "t"),
        Wamp::subscribed(daemon.web, "t"),
    );
    run(
        &daemon,
        "publish",
        &["t", "1", "--exclude", &own.session_id],
    )
    .success();
    run(&daemon, "publish", &["t", "2"]).success();
    assert_eq!(other.event("t"), 1);
    for page in [&mut own, &mut other] {
        assert_eq!(page.event("t"), 2);
    }
}

fn position(daemon: &Daemon) -> String {
    run(daemon, "position", &[]).success().trim().to_owned()
}

#[test]
fn history_prints_what_the_log_has() {
    let daemon = Daemon::start();
    let publish = |event: &str| run(&daemon, "publish", &["a b/猫?", event]).success();
    publish("1");
    let after_first = position(&daemon);
    run(&daemon, "publish", &["another", "2"]).success();
    publish(r#"{"n":3}"#);
    let printed = run(&daemon, "history", &["a b/猫?"]).success();
    assert_eq!(printed, "1\t1\n3\t{\"n\":3}\n");
    let words = ["a b/猫?", "--since", &after_first];
    assert_eq!(run(&daemon, "history", &words).success(), "3\t{\"n\":3}\n");
    let history = run_json(&daemon, "history", &["a b/猫?", "--limit", "1"]);
    assert_eq!(history["events"], json!([{"sequence": 1, "event": 1}]));
    assert_eq!(history["complete"], true);
    let other_epoch = "0000000000000000-1";
    let ended = run(&daemon, "history", &["a b/猫?", "--since", other_epoch]);
    assert!(ended.stderr.contains("gap: "), "{}", ended.stderr);
}

#[test]
fn subscribe_begins_at_a_position() {
    let daemon = Daemon::start();
    run(&daemon, "publish", &["t", "1"]).success();
    let since = position(&daemon);
    run(&daemon, "publish", &["t", "2"]).success();
    run(&daemon, "publish", &["t", "3"]).success();
    let words = ["t", "--since", &since, "--count", "2"];
    let printed = run(&daemon, "subscribe", &words).success();
    assert_eq!(printed, "t\t2\nt\t3\n");
}

#[test]
fn an_event_may_come_from_standard_input() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let mut echo = Command::new("echo");
    let mut echo = echo.arg("[1, 2]").stdout(Stdio::piped()).spawn().unwrap();
    let mut publish = command(&daemon, "publish", &["t", "-"]);
    publish.stdin(echo.stdout.take().unwrap());
    let printed = publish.output().unwrap();
    echo.wait().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    assert_eq!(browser.event("t"), json!([1, 2]));
}

#[test]
fn a_failure_has_a_message_and_exit_code_1() {
    let daemon = Daemon::start_with(&["--publish-token", "s3cret-token-for-tests"]);
    let fails = |command: &mut Command, part: &str| {
        let ended = program::run(command, WAIT_MS);
        assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    };
    fails(
        &mut command(&daemon, "publish", &["t", "1"]),
        "requires a publish token: set PUSHD_PUBLISH_TOKEN",
    );
    let mut mistaken = command(&daemon, "status", &[]);
    fails(
        mistaken.env("PUSHD_PUBLISH_TOKEN", "another-token-for-tests"),
        "requires another publish token",
    );
    let with_token = |name: &str, arguments: &[&str]| {
        let mut command = command(&daemon, name, arguments);
        command.env("PUSHD_PUBLISH_TOKEN", "s3cret-token-for-tests");
        command
    };
    fails(
        &mut with_token("publish", &["t", "no json"]),
        "not valid JSON",
    );
    fails(&mut with_token("publish", &["t", ""]), "not valid JSON");
    fails(
        &mut with_token("publish", &["t", "hello"]),
        "A text needs quotes in its JSON, and the shell takes one pair: '\"hello\"'",
    );
    fails(&mut with_token("publish", &["", "1"]), "topic is empty");
    let nowhere = ["t", "1", "--publish-address", "127.0.0.1:1"];
    fails(
        &mut with_token("publish", &nowhere),
        "cannot connect to 127.0.0.1:1",
    );
    let wrong_door = ["--publish-address", &daemon.web.to_string()];
    fails(&mut with_token("status", &wrong_door), "publish listener");
    fails(
        &mut with_token("subscribe", &["t", "--url", "ws://127.0.0.1:1/"]),
        "127.0.0.1:1",
    );
    program::run(&mut with_token("publish", &["t", "1"]), WAIT_MS).success();
    for (name, arguments, part) in [
        ("subscribe", &[][..], "<TOPIC>"),
        ("publish", &["t", "1", "--id", "a\nb"], "without blanks"),
        ("publish", &["t", "1", "--id", ""], "id is empty"),
        ("publish", &["t", "1", "--exclude", "me"], "a session is 32"),
    ] {
        let ended = program::run(&mut command(&daemon, name, arguments), WAIT_MS);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

/// A full disk is an error. A reader that hangs up, as `head` does, is not.
#[test]
fn failed_output_is_a_failure() {
    let daemon = Daemon::start();
    let doctor = format!("http://{}/", daemon.web);
    let publish = format!("--publish-address={}", daemon.publish);
    let commands: &[&[&str]] = &[
        &["status"],
        &["status", "--json"],
        &["topics", "--json"],
        &["position"],
        &["publish", "t", "1"],
        &["publish", "t", "1", "--json"],
        &["history", "t"],
        &["bench", "--subscribers=1", "--seconds=1", "--rate=1"],
        &["setup", "nginx"],
        &["completions", "bash"],
        &["doctor", &doctor, &publish],
        &["doctor", &doctor, &publish, "--json"],
        &["--check"],
        &["--print-config"],
        &["--help"],
        &["--version"],
        &["status", "--help"],
    ];
    for arguments in commands {
        let run = |stdout: Stdio| {
            let mut command = command(&daemon, arguments[0], &arguments[1..]);
            command.stdout(stdout).output().unwrap()
        };
        let full = run(File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
            .into());
        let said = String::from_utf8_lossy(&full.stderr);
        assert_eq!(full.status.code(), Some(1), "{arguments:?}: {said}");
        let reason = "pushd: cannot write to standard output: No space left";
        assert!(said.contains(reason), "{arguments:?}: {said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let hung_up = run(writer.into());
        let said = String::from_utf8_lossy(&hung_up.stderr);
        assert_eq!(hung_up.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("cannot write"), "{arguments:?}: {said}");
    }
}

/// The first event cannot be written.
#[test]
fn subscribe_fails_if_it_cannot_print_an_event() {
    let daemon = Daemon::start();
    let mut subscribe = command(&daemon, "subscribe", &["t"]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    subscribe.stdout(full).stderr(Stdio::piped());
    let mut process = Background::start("pusherd subscribe", &mut subscribe).unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(process.child().stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    publisher::publish_raw(daemon.publish, r#"{"category":"t"}"#);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(1));
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("cannot write to standard output"), "{said}");
}

#[test]
fn subscribe_ends_when_its_output_is_closed() {
    let daemon = Daemon::start();
    let mut subscribe = command(&daemon, "subscribe", &["t"]);
    subscribe.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Background::start("pusherd subscribe", &mut subscribe).unwrap();
    let mut said = String::new();
    let stderr = process.child().stderr.take().unwrap();
    BufReader::new(stderr).read_line(&mut said).unwrap();
    drop(process.child().stdout.take());
    publisher::publish_raw(daemon.publish, r#"{"category":"t"}"#);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
}

#[test]
fn subscribe_prints_each_event_at_once() {
    let daemon = Daemon::start();
    let mut subscribe = command(&daemon, "subscribe", &["a", "b", "--count", "3", "--json"]);
    subscribe.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Background::start("pusherd subscribe", &mut subscribe).unwrap();
    let stderr = process.child().stderr.take().unwrap();
    let mut said = String::new();
    BufReader::new(stderr).read_line(&mut said).unwrap();
    assert_eq!(said, format!("pushd: subscribed at ws://{}/\n", daemon.web));
    for (topic, n) in [("a", 1), ("other", 2), ("b", 3), ("a", 4)] {
        publisher::publish_raw(
            daemon.publish,
            &json!({"category": topic, "n": n}).to_string(),
        );
    }
    let stdout = BufReader::new(process.child().stdout.take().unwrap());
    let mut lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    // Each publish has its own connection, so the order in which the daemon reads them is undefined.
    lines.sort_by_key(|line| line["event"]["n"].as_u64());
    let event = |topic: &str, n: u64| json!({"topic": topic, "event": {"category": topic, "n": n}});
    for line in &mut lines {
        let position = line.as_object_mut().unwrap().remove("position");
        assert!(position.is_some_and(|position| position.is_string()));
    }
    assert_eq!(lines, [event("a", 1), event("b", 3), event("a", 4)]);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
}

/// The largest length, which is more than one WebSocket frame of a publish.
#[test]
fn subscribe_takes_events_of_any_length() {
    let daemon = Daemon::start();
    let mut subscribe = command(&daemon, "subscribe", &["t", "--count", "1", "--json"]);
    subscribe.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Background::start("pusherd subscribe", &mut subscribe).unwrap();
    let mut said = String::new();
    let stderr = process.child().stderr.take().unwrap();
    BufReader::new(stderr).read_line(&mut said).unwrap();
    let event = json!({"category": "t", "text": "x".repeat(1_000_000)});
    publisher::publish_raw(daemon.publish, &event.to_string());
    let mut line = String::new();
    let mut stdout = BufReader::new(process.child().stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no line"));
    assert!(line["topic"] == "t" && line["event"] == event);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
}

#[test]
fn topics_and_status_count_the_subscribers() {
    let daemon = Daemon::start();
    let hostile = "\u{1b}[2Jtopic";
    let mut browsers = [
        Wamp::subscribed(daemon.web, "kittens"),
        Wamp::subscribed(daemon.web, "kittens"),
        Wamp::subscribed(daemon.web, hostile),
    ];
    publisher::publish_raw(daemon.publish, r#"{"category":"kittens"}"#);
    let _event = browsers[0].event("kittens");
    let printed = run(&daemon, "topics", &[]).success();
    let lines = [
        "subscribers  in log  topic",
        "          2       1  kittens",
        "          1       0  \\u{1b}[2Jtopic",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
    let topics = json!([
        {"topic": "kittens", "subscribers": 2, "log_events": 1},
        {"topic": hostile, "subscribers": 1, "log_events": 0},
    ]);
    assert_eq!(run_json(&daemon, "topics", &[]), topics);
    let printed = run(&daemon, "status", &[]).success();
    for part in [
        "pushd/",
        " is ready",
        "connections 3 of at most",
        "topics      2",
        "event log   1 events, ",
        " of at most 16777216 bytes, up to ",
        "recovery    0 recovered, 0 gaps, 0 events replayed, 0 reading",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(run_json(&daemon, "status", &[])["sessions"], 3);
}
