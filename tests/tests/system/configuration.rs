//! Settings from a file, the environment and flags.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::json;
use system_tests::daemon::{self, Daemon};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program};
use tempfile::TempDir;

/// A file of settings.
struct File {
    _folder: TempDir,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pushd.toml");
        fs::write(&path, text).unwrap();
        let _folder = folder;
        Self { _folder, path }
    }

    /// The daemon with this file.
    fn command(&self) -> Command {
        let mut command = daemon::command("pushd");
        command.arg("--config").arg(&self.path);
        command
    }
}

#[test]
fn print_config_shows_each_value_and_its_source() {
    let file = File::new(
        "topics-max = 5\n\nping-interval = '60s'\npublish-token = 's3cret-token-for-tests'\n",
    );
    let mut command = file.command();
    command
        .args(["--print-config", "--outbox-len-max", "2MiB"])
        .env("PUSHD_PING_INTERVAL", "90s");
    let printed = program::run(&mut command, WAIT_MS).success();
    let path = file.path.display();
    for line in [
        format!("topics-max = 5  # {path}:1\n"),
        format!("# publish-token = \"********\"  # {path}:4\n"),
        "ping-interval = \"1m 30s\"  # environment PUSHD_PING_INTERVAL\n".to_owned(),
        "outbox-len-max = \"2MiB\"  # flag --outbox-len-max\n".to_owned(),
        "listen = [\"0.0.0.0:8080\"]  # default\n".to_owned(),
    ] {
        assert!(printed.contains(&line), "{line}{printed}");
    }
    assert!(!printed.contains("s3cret"));
    let again = File::new(&printed);
    program::run(again.command().arg("--check"), WAIT_MS).success();
}

#[test]
fn an_error_has_its_place_and_prevents_the_start() {
    let file = File::new("listen = '127.0.0.1:0'\nping-intervall = '1s'\ntopics-max = 'many'\n");
    let path = file.path.display();
    for arguments in [&["--check"][..], &["--print-config"], &[]] {
        let ended = program::run(file.command().args(arguments), WAIT_MS);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        let lines: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(
            lines[0],
            format!(
                "pushd: {path}:2: unknown setting \"ping-intervall\", did you mean \"ping-interval\"?"
            )
        );
        assert!(
            lines[1].starts_with(&format!("pushd: {path}:3: topics-max = \"many\"")),
            "{lines:?}"
        );
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}

/// A wrong level in any of the three sources is an error, and the error appears at every level.
#[test]
fn an_unknown_level_is_an_error_with_the_nearest_name() {
    let file = File::new("log = 'warning'\n");
    let with_variable = || {
        let mut command = daemon::command("pushd");
        command.env("PUSHD_LOG", "warning");
        command
    };
    let with_flag = || {
        let mut command = daemon::command("pushd");
        command.args(["--log", "warning"]);
        command
    };
    for command in [&|| file.command(), &with_variable, &with_flag] as [&dyn Fn() -> Command; 3] {
        for check in [&["--check"][..], &[]] {
            let ended = program::run(command().args(check), WAIT_MS);
            assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
            assert!(
                ended.stderr.contains("did you mean \"warn\"?"),
                "{}",
                ended.stderr
            );
        }
    }
    for level in ["error", "pusher_core=error", "pushd=error"] {
        let mut command = daemon::command("pushd");
        command.args(["--log", level, "--publish-listen", "192.0.2.1:1"]);
        let ended = program::run(&mut command, WAIT_MS);
        assert_eq!(ended.status.code(), Some(1));
        assert!(
            ended.stderr.contains("needs a token"),
            "{level}: {}",
            ended.stderr
        );
    }
}

#[test]
fn an_unknown_variable_is_an_error_unless_kubernetes_sets_it() {
    let check = |name: &str, value: &str| {
        let mut command = daemon::command("pushd");
        program::run(command.arg("--check").env(name, value), WAIT_MS)
    };
    let ended = check("PUSHD_LISTNE", "x");
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(
        ended.stderr,
        "pushd: environment PUSHD_LISTNE: unknown setting, did you mean PUSHD_LISTEN?\n"
    );
    for (name, value) in [
        ("PUSHD_SERVICE_HOST", "10.0.0.1"),
        ("PUSHD_PORT", "tcp://10.0.0.1:8080"),
        ("PUSHD_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ] {
        let ended = check(name, value);
        assert!(ended.stderr.contains(name), "{}", ended.stderr);
        assert_eq!(ended.success(), "the settings are right\n");
    }
}

/// `--check` reports everything that would prevent a start.
#[test]
fn check_finds_settings_that_contradict_each_other() {
    for (text, part) in [
        ("publish-listen = '0.0.0.0:5555'\n", "needs a token"),
        ("tls-certificate = '/nonexistent'\n", "tls-key is missing"),
    ] {
        let file = File::new(text);
        let ended = program::run(file.command().arg("--check"), WAIT_MS);
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    let file =
        File::new("publish-listen = '0.0.0.0:5555'\npublish-token = 's3cret-token-for-tests'\n");
    program::run(file.command().arg("--check"), WAIT_MS).success();
}

#[test]
fn the_environment_may_name_the_file() {
    let file =
        File::new("listen = '127.0.0.1:0'\npublish-listen = ['127.0.0.1:0']\nlog = 'debug'\n");
    let mut command = daemon::command("pushd");
    command
        .env("PUSHD_CONFIG", &file.path)
        .env("PUSHD_LOG", "warn,pushd=info");
    let (_process, log) = daemon::start(&mut command);
    assert!(daemon::listening(&log, "browsers").ip().is_loopback());
    assert!(daemon::listening(&log, "publishers").ip().is_loopback());
    assert!(!log.text().contains("DEBUG"), "{}", log.text());
}

#[test]
fn sighup_reloads_the_file_and_logs_the_changes() {
    let file = File::new("log = 'info'\n");
    let path = file.path.to_str().unwrap();
    let mut daemon = Daemon::start_with(&["--config", path, "--pong-timeout", "19s"]);
    let mut browser = Wamp::subscribed(daemon.web, "chat/1");
    fs::write(
        path,
        "client-publish = 'chat/*'\nthreads = 7\npong-timeout = '5s'\npublish-token = 's3cret-token-for-tests'\n",
    )
    .unwrap();
    daemon.process.signal(Signal::SIGHUP);
    let told = daemon.wait_for_log("the settings were read again");
    assert!(told.contains("changed=2"), "{told}");
    let log = daemon.log();
    for line in [
        "changed setting=\"client-publish\" from=\"[]\" to=\"[\\\"chat/*\\\"]\"",
        "changed setting=\"publish-token\" from=\"********\" to=\"********\"",
        "this needs a restart setting=\"threads\" from=\"none\" to=\"7\"",
    ] {
        assert!(log.contains(line), "{line}");
    }
    assert!(!log.contains("pong-timeout"), "a flag overrides the file");
    assert!(!log.contains("s3cret"));
    // The new rules apply to existing connections.
    browser.send(&json!([7, "chat/1", 1]));
    browser.event("chat/1");

    fs::write(path, "log = 'debug'\ntopics-max = 0\n").unwrap();
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("the settings stay as they were");
    daemon.wait_for_log("pushd.toml:2: topics-max");
    browser.send(&json!([7, "chat/1", 2]));
    browser.event("chat/1");
    assert!(!daemon.log().contains("DEBUG"));

    fs::write(path, "log = 'debug'\n").unwrap();
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log("changed setting=\"log\"");
    xtask::http::get(daemon.web, "/").unwrap();
    daemon.wait_for_log("DEBUG");
    daemon.assert_running();
}

#[test]
fn sighup_changes_the_log_and_keeps_its_events() {
    let file = File::new("");
    let path = file.path.to_str().unwrap();
    let mut daemon = Daemon::start_with(&["--config", path]);
    let publish = daemon.publish;
    for number in 1..=3 {
        for topic in ["chat/1", "news"] {
            let body = number.to_string();
            let answer = xtask::http::post_json(publish, &format!("/publish/{topic}"), &body);
            assert_eq!(answer.unwrap().status, 200);
        }
    }
    let history = |topic: &str| {
        let answer = xtask::http::get(publish, &format!("/history/{topic}")).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let events = answer["events"].as_array().unwrap().iter();
        events
            .map(|event| event["event"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(history("chat/1"), [1, 2, 3]);
    fs::write(
        path,
        "history = ['chat/*']\nhistory-topic-events-max = 2\nreplay-on-subscribe = ['chat/*=1']\n",
    )
    .unwrap();
    daemon.process.signal(Signal::SIGHUP);
    let told = daemon.wait_for_log("the settings were read again");
    assert!(told.contains("changed=3"), "{told}");
    assert_eq!(history("chat/1"), [2, 3]);
    assert!(history("news").is_empty());
    let mut browser = Wamp::subscribed(daemon.web, "chat/1");
    assert_eq!(browser.event("chat/1"), 3);

    fs::write(path, "history-len-max = '0B'\n").unwrap();
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for_log(
        "changed setting=\"history-len-max\" from=\"\\\"16MiB\\\"\" to=\"\\\"0B\\\"\"",
    );
    daemon.wait_for_log("changed=4");
    assert!(history("chat/1").is_empty());
}

#[test]
fn the_shell_reloads_the_file_and_prints_what_is_wrong() {
    let file = File::new("ping-interval = '7s'\n");
    let path = file.path.to_str().unwrap();
    let mut daemon = Daemon::start_with(&["--config", path]);
    let mut browser = Wamp::subscribed(daemon.web, "chat/1");
    let reload = || {
        let address = daemon.publish.to_string();
        let mut command = daemon::command("pusherd");
        program::run(
            command.args(["reload", "--publish-address", &address]),
            WAIT_MS,
        )
    };
    fs::write(path, "ping-interval = '8s'\nlog = 'debug'\n").unwrap();
    let text = reload().success();
    assert!(text.starts_with("2 settings changed"), "{text}");
    fs::write(path, "ping-interval = '9'\n").unwrap();
    let wrong = reload();
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(
        wrong.stderr.contains("pushd.toml:1: ping-interval"),
        "{wrong:?}"
    );
    browser.barrier();
    daemon.assert_running();
}
