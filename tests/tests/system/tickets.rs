//! Private topics, as an operator and a site in any language use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use system_tests::daemon::{self, Daemon};
use system_tests::program::{self, Ended};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, document};
use tempfile::TempDir;

use crate::shell::{command, run_json};

/// A key file that `pushd ticket rotate` has created, and a daemon that uses it.
struct Site {
    folder: TempDir,
    daemon: Daemon,
}

impl Site {
    #[track_caller]
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ticket.keys");
        let mut create = daemon::command("pusherd");
        program::run(create.args(["ticket", "rotate"]).arg(&file), WAIT_MS).success();
        let key_file = format!("--ticket-key-file={}", file.display());
        let flags = ["--private-topics=user.*", "--presence=room.*", &*key_file];
        let daemon = Daemon::start_with(&flags);
        Self { folder, daemon }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ticket.keys")
    }

    /// Returns a command with the settings of the daemon.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = command(&self.daemon, name, arguments);
        command.env("PUSHD_TICKET_KEY_FILE", self.file());
        command
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Ended {
        program::run(&mut self.command(name, arguments), WAIT_MS)
    }

    #[track_caller]
    fn ticket(&self, arguments: &[&str]) -> String {
        let printed = self.run("ticket", arguments).success();
        printed.trim_end().to_owned()
    }

    /// Returns the ids of the keys in the file.
    fn ids(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file()).unwrap();
        let ids = text.lines().map(|line| line.split(' ').next().unwrap());
        ids.map(str::to_owned).collect()
    }

    /// Checks that a page with this ticket gets the events of `user.7.inbox`.
    #[track_caller]
    fn assert_accepted(&self, ticket: &str) {
        let mut page = Wamp::connect_with(self.daemon.web, Some(ticket));
        page.subscribe("user.7.inbox");
        self.run("publish", &["user.7.inbox", "1"]).success();
        assert_eq!(page.event("user.7.inbox"), 1);
    }

    /// Checks that a page with this ticket, or without, is refused with this code.
    #[track_caller]
    fn assert_refused(&self, ticket: Option<&str>, code: &str) {
        let mut page = Wamp::connect_with(self.daemon.web, ticket);
        page.subscribe("user.7.inbox");
        let denied = json!({"topic": "user.7.inbox", "code": code});
        assert_eq!(page.event("pushd:denied"), denied);
    }
}

#[test]
fn ticket_of_the_shell_opens_its_topics() {
    let site = Site::start();
    let ticket = site.ticket(&["user.7.*", "--sub", "7"]);
    site.assert_accepted(&ticket);
    site.assert_refused(None, "ticket_missing");
    let other = site.ticket(&["user.70.*", "rotate", "--ttl", "1h", "--info", "[1]"]);
    site.assert_refused(Some(&other), "ticket_topic");
    let line = site.daemon.wait_for_log("ticket_topic");
    assert!(
        line.contains("127.0.0.1:") && line.contains("user.7.inbox"),
        "{line}"
    );
    let status = site.run("status", &[]).success();
    assert!(status.contains("subscription: ticket_topic"), "{status}");
    let log = site.daemon.log();
    for text in [&ticket, &other] {
        let signature = text.rsplit('.').next().unwrap();
        assert!(
            !status.contains(signature) && !log.contains(signature),
            "{log}"
        );
    }
}

#[test]
fn explain_says_why_a_ticket_is_refused() {
    let site = Site::start();
    let ticket = site.ticket(&["user.7.*", "--sub", "7"]);
    let said = site.run("ticket", &["explain", &ticket, "--topic", "user.7.inbox"]);
    let text = said.success();
    assert!(
        text.contains("\nfor        user.7.*, all topics that begin with user.7.\n"),
        "{text}"
    );
    assert!(text.contains("\nsignature  right, by the key "), "{text}");

    // From standard input, so that it is in no history.
    let mut echo = Command::new("echo");
    let mut echo = echo.arg(&ticket).stdout(Stdio::piped()).spawn().unwrap();
    let mut explain = site.command("ticket", &["explain", "--topic", "user.70"]);
    explain.stdin(echo.stdout.take().unwrap());
    let said = explain.output().unwrap();
    echo.wait().unwrap();
    let error = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(error.contains("refused, ticket_topic: "), "{error}");

    let changed = ticket.replacen('.', ".e30", 1);
    for (arguments, part) in [
        (vec!["explain", &*changed], "refused, ticket_signature: "),
        (vec!["explain", "x"], "refused, ticket_malformed: "),
        (
            vec!["explain", &*ticket, "--key-file", "/nonexistent"],
            "cannot read ticket-key-file",
        ),
    ] {
        let said = site.run("ticket", &arguments);
        assert_eq!(said.status.code(), Some(1), "{arguments:?}");
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
}

#[test]
fn rotation_refuses_no_ticket() {
    let site = Site::start();
    let old = site.ticket(&["user.7.*"]);
    let [first] = &site.ids()[..] else {
        panic!("one key")
    };
    let said = site.run("ticket", &["rotate"]).success();
    let [second, still] = &site.ids()[..] else {
        panic!("two keys: {said}")
    };
    assert_eq!(still, first);
    assert!(said.contains(&format!("the key {second} signs")), "{said}");
    // The daemon knew the key before it signed.
    let known = run_json(&site.daemon, "status", &[])["ticket_keys"].clone();
    assert!(
        known.as_array().unwrap().contains(&json!(second)),
        "{known}"
    );
    let new = site.ticket(&["user.7.*"]);
    site.assert_accepted(&old);
    site.assert_accepted(&new);
    let key = fs::read_to_string(site.file()).unwrap();
    let key = key.split_whitespace().nth(1).unwrap();
    assert!(!said.contains(key) && !site.daemon.log().contains(key));
}

#[test]
fn rotation_in_two_steps_needs_no_daemon() {
    let site = Site::start();
    let first = site.ids();
    // Nothing changes if the daemon cannot be asked.
    let alone = |arguments: &[&str]| {
        let mut command = site.command("ticket", &[&["rotate"], arguments].concat());
        command.env("PUSHD_PUBLISH_LISTEN", "127.0.0.1:1");
        program::run(&mut command, WAIT_MS)
    };
    let said = alone(&[]);
    assert_eq!(said.status.code(), Some(1));
    assert!(said.stderr.contains("`--add`"), "{}", said.stderr);
    assert_eq!(site.ids(), first);
    alone(&["--add"]).success();
    let added = site.ids();
    assert_eq!(added[..1], first);
    alone(&["--use"]).success();
    assert_eq!(site.ids(), [&*added[1], &*added[0]]);
    let said = alone(&["--use"]);
    assert!(
        said.stderr.contains("has no key that is newer"),
        "{}",
        said.stderr
    );
    let both = alone(&["--add", "--use"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn revoke_ends_the_tickets_of_a_user() {
    let site = Site::start();
    let ticket = site.ticket(&["user.7.*", "--sub", "7/猫"]);
    let mut page = Wamp::connect_with(site.daemon.web, Some(&ticket));
    page.subscribe("user.7.inbox");
    // Nothing that old is in use.
    let said = site
        .run("revoke", &["7/猫", "--before", "2020-01-01T00:00:00Z"])
        .success();
    let line = "tickets of 7/猫 that were signed up to 2020-01-01T00:00:00Z are revoked, here in 0 sessions\n";
    assert_eq!(said, line);
    let revoked = run_json(&site.daemon, "revoke", &["7/猫"]);
    assert_eq!(
        (&revoked["sub"], &revoked["sessions"]),
        (&json!("7/猫"), &json!(1))
    );
    let denied = json!({"topic": "user.7.inbox", "code": "ticket_revoked"});
    assert_eq!(page.event("pushd:denied"), denied);
    site.assert_refused(Some(&ticket), "ticket_revoked");
    let status = site.run("status", &[]).success();
    assert!(
        status.contains("0 connections have one, 1 users revoked"),
        "{status}"
    );
}

#[test]
fn presence_lists_the_members_of_a_topic() {
    let site = Site::start();
    let ticket = site.ticket(&["user.7.*", "--sub", "7", "--info", r#"{"name":"Ann"}"#]);
    let mut page = Wamp::connect_with(site.daemon.web, Some(&ticket));
    page.subscribe("room.1");
    let said = site.run("presence", &["room.1"]).success();
    assert_eq!(said, "7\t{\"name\":\"Ann\"}\n");
    assert_eq!(run_json(&site.daemon, "presence", &["room.1"])["count"], 1);
    let said = site.run("presence", &["other"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(said.stderr.contains("has no presence"), "{}", said.stderr);
}

/// The programs that run the blocks of TICKETS.md.
const INTERPRETERS: [(&str, &str, &[&str]); 5] = [
    ("php", "ticket.php", &["php"]),
    ("python", "ticket.py", &["python3"]),
    ("js", "ticket.js", &["node"]),
    ("ruby", "ticket.rb", &["ruby"]),
    ("sh", "ticket.sh", &["bash"]),
];

#[test]
fn sites_in_five_languages_sign_tickets() {
    let site = Site::start();
    let file = site.file().display().to_string();
    for (language, name, interpreter) in INTERPRETERS {
        let code = document::block("crates/pushd/TICKETS.md", language).code;
        assert!(code.contains("/etc/pushd/ticket.keys"), "{code}");
        let code = code.replace("/etc/pushd/ticket.keys", &file);
        let code = if language == "php" {
            format!("<?php\n{code}")
        } else {
            code
        };
        let path = site.folder.path().join(name);
        fs::write(&path, code).unwrap();
        let signed = run_program(interpreter, &path).success();
        let ticket = signed.trim_end();
        site.assert_accepted(ticket);
        let said = site
            .run("ticket", &["explain", ticket, "--topic", "user.7.inbox"])
            .success();
        assert!(said.contains("\nuser       7\n"), "{language}: {said}");
        site.assert_refused_elsewhere(ticket);
    }
}

impl Site {
    /// Checks that the ticket opens no other user's topics.
    #[track_caller]
    fn assert_refused_elsewhere(&self, ticket: &str) {
        let said = self.run("ticket", &["explain", ticket, "--topic", "user.70.inbox"]);
        assert!(said.stderr.contains("ticket_topic"), "{}", said.stderr);
    }
}

fn run_program(interpreter: &[&str], path: &Path) -> Ended {
    let mut command = Command::new(interpreter[0]);
    program::run(command.args(&interpreter[1..]).arg(path), WAIT_MS)
}
