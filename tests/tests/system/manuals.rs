//! The manuals are well-formed, and describe every option, function and code.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use system_tests::c::{Link, Program};
use system_tests::daemon::{self, Daemon};
use system_tests::{WAIT_MS, program, workspace};

const PUSHD: &str = "crates/pushd/man/pushd.8";
const PUSH_PUBLISH: &str = "crates/libpusher/man/push_publish.3";

fn path(page: &str) -> PathBuf {
    workspace().root.join(page)
}

fn read(page: &str) -> String {
    fs::read_to_string(path(page)).unwrap()
}

#[track_caller]
fn assert_silent(command: &mut Command) {
    let ended = program::run(command, WAIT_MS);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(ended.status.success() && said.is_empty(), "{said}");
}

#[test]
fn formatters_report_no_errors() {
    for page in [PUSHD, PUSH_PUBLISH] {
        let lint = ["-T", "lint", "-W", "warning"];
        assert_silent(Command::new("mandoc").args(lint).arg(path(page)));
        let check = ["-mandoc", "-ww", "-z", "-T", "utf8"];
        assert_silent(Command::new("groff").args(check).arg(path(page)));
    }
}

/// An option as in `-h, --help` or `--listen address:port`, from `.It Fl h , -help` or `.It Fl -listen Ar
/// address:port`.
fn option_of_item(item: &str) -> String {
    let mut text = String::new();
    let mut words = item.split(' ');
    let mut is_flag = false;
    while let Some(word) = words.next() {
        match word {
            "Fl" => is_flag = true,
            "Ar" => text.extend([" ", words.next().unwrap_or_default()]),
            "," => text.push_str(", "),
            flag if is_flag => text.extend(["-", flag]),
            other => panic!("`{other}` in `.It {item}`"),
        }
    }
    text
}

/// An option as above, from `-h, --help  ...` or `--listen <ADDRESS:PORT>`.
fn option_of_help(line: &str) -> String {
    let option = line.split("  ").next().unwrap_or_default();
    match option.split_once('<') {
        Some((name, value)) => format!("{name}{}", value.replace('>', "").to_lowercase()),
        None => option.to_owned(),
    }
}

fn long_help() -> String {
    program::run(daemon::command("pushd").arg("--help"), WAIT_MS).success()
}

#[test]
fn options_match_pushd() {
    let (page, help) = (read(PUSHD), long_help());
    let explained: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".It "))
        .filter(|item| item.starts_with("Fl "))
        .map(option_of_item)
        .collect();
    let existing: BTreeSet<String> = help
        .lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .map(option_of_help)
        .collect();
    assert_eq!(explained, existing);
    // The synopsis omits the limits, because there are too many.
    let (options, limits) = help.split_once("\nLimits:").unwrap();
    assert!(limits.contains("--outbox-len-max"));
    for option in options.lines().map(str::trim_start) {
        let Some(name) = option
            .split(' ')
            .next()
            .filter(|name| name.starts_with("--"))
        else {
            continue;
        };
        let synopsis = format!(".Op Fl {}", &name[1..]);
        let mut lines = page.lines();
        assert!(
            lines.any(|line| line == synopsis || line.starts_with(&format!("{synopsis} "))),
            "{name} in the synopsis"
        );
    }
}

/// A reader types the commands of the synopsis. In bash, `pushd` is a builtin.
#[test]
fn commands_in_the_synopsis_are_those_of_pusherd() {
    let page = read(PUSHD);
    let (_, synopsis) = page.split_once("\n.Sh SYNOPSIS\n").unwrap();
    let (synopsis, _) = synopsis.split_once("\n.Sh ").unwrap();
    let lines: Vec<&str> = synopsis.lines().collect();
    let (first, commands) = lines.split_first().unwrap();
    assert_eq!(*first, ".Nm", "the daemon");
    let names = commands.iter().filter(|line| line.starts_with(".Nm"));
    assert_eq!(
        names.clone().find(|&&name| name != ".Nm pusherd"),
        None,
        "the name of a command"
    );
    assert!(names.count() > 1);
}

#[test]
fn options_of_commands_match_pushd() {
    let page = read(PUSHD);
    for (command, item) in [
        ("publish", "publish"),
        ("subscribe", "subscribe"),
        ("position", "position"),
        ("history", "history"),
        ("topics", "topics"),
        ("status", "topics"),
        ("top", "top"),
        ("ticket", "ticket"),
        ("ticket explain", "ticket explain"),
        ("ticket rotate", "ticket rotate"),
        ("revoke", "revoke"),
        ("presence", "presence"),
        ("bench", "bench"),
        ("doctor", "doctor"),
        ("setup", "setup"),
    ] {
        let (_, item) = page.split_once(&format!("\n.It Cm {item} ")).unwrap();
        let end = item.find("\n.It Cm ").or(item.find("\n.El")).unwrap();
        let words = command.split(' ').chain(["--help"]);
        let help = program::run(daemon::command("pushd").args(words), WAIT_MS).success();
        let options = help
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with("--"));
        for name in options.map(|line| line.split(' ').next().unwrap()) {
            let (synopsis, explained) = (
                format!("\n.Op Fl {}", &name[1..]),
                format!("Fl {}", &name[1..]),
            );
            assert!(page.contains(&synopsis), "{command} {name} in the synopsis");
            assert!(item[..end].contains(&explained), "{command} {name}");
        }
    }
}

#[test]
fn defaults_match_pushd() {
    let (page, help) = (read(PUSHD), long_help());
    let mut name = "";
    for line in help.lines().map(str::trim) {
        if line.starts_with("--") {
            name = line.split(' ').next().unwrap();
        }
        let default = line
            .strip_prefix("[default: ")
            .and_then(|line| line.strip_suffix(']'));
        let Some(default) = default else { continue };
        let (_, item) = page
            .split_once(&format!("\n.It Fl {}", &name[1..]))
            .unwrap();
        let (item, _) = item
            .split_once("\n.It ")
            .or(item.split_once("\n.El"))
            .unwrap();
        assert!(item.contains(default), "the default of {name} is {default}");
    }
}

#[test]
fn the_example_file_is_valid() {
    let page = read(PUSHD);
    let (_, file) = page
        .split_once("\n.Bd -literal -offset indent\n# /etc/pushd/pushd.toml\n")
        .unwrap();
    let (file, _) = file.split_once(".Ed").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pushd.toml");
    fs::write(&path, file).unwrap();
    let mut check = daemon::command("pushd");
    check.args(["--check", "--config"]).arg(&path);
    program::run(&mut check, WAIT_MS).success();
}

#[test]
fn codes_match_the_header() {
    let header = read("include/pusher.h");
    // `PUSH_EVENT_INIT` is no code.
    let defined: BTreeSet<&str> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define PUSH_E")?.split_once(' '))
        .filter(|(_, value)| value.starts_with('-'))
        .map(|(name, _)| name)
        .collect();
    let page = read(PUSH_PUBLISH);
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".It Bq Er PUSH_E"))
        .collect();
    assert_eq!(explained, defined);
}

#[test]
fn structs_match_the_header() {
    let (header, page) = (read("include/pusher.h"), read(PUSH_PUBLISH));
    for name in ["push_options", "push_receipt", "push_event"] {
        let members = |text: &str| -> Vec<String> {
            let (_, body) = text
                .split_once(&format!("typedef struct {name} {{\n"))
                .unwrap();
            let (body, _) = body.split_once('}').unwrap();
            body.lines()
                .map(str::trim_start)
                .filter(|line| !line.starts_with(['/', '*']))
                .filter_map(|line| Some(line.split_once(';')?.0.to_owned()))
                .collect()
        };
        assert_eq!(members(&page), members(&header), "{name}");
    }
}

#[test]
fn the_first_example_works() {
    let page = read(PUSH_PUBLISH);
    let (_, example) = page
        .split_once("\n.Bd -literal -offset indent\n#include")
        .unwrap();
    let (example, _) = example.split_once("\n.Ed").unwrap();
    let source = format!("#include{}\n", example.replace("\\e", "\\"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("example.c");
    fs::write(&file, source).unwrap();
    let program = Program::compile(file.to_str().unwrap(), Link::Static);
    let daemon = Daemon::start();
    let mut command = program.command();
    command
        .env("PUSH_ADDRESS", daemon.push_address())
        .env("PUSH_TIMEOUT_MS", WAIT_MS.to_string());
    assert_eq!(
        program.run(&mut command).success(),
        "queued to 0 browsers\n"
    );
}
