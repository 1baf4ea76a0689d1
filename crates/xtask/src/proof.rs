//! `cargo xtask proof`: runs everything that shows that pushd keeps its promises, and writes one page about it.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::autobahn;
use crate::build::{self, cargo};
use crate::fuzz;
use crate::generated::output;
use crate::packages::{self, Purpose};
use crate::races;
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The page.
const PAGE: &str = "tests/PROOF.md";

/// One part of the proof.
struct Part {
    /// The promise that the command tests, for the heading.
    shows: &'static str,
    /// The command line, from the repository's folder.
    command: &'static str,
    /// Whether a line of its output is on the page.
    is_figure: fn(&str) -> bool,
    /// Looks for the programs and sources that the command needs. The error names the missing one.
    check: fn(&Workspace) -> Result<()>,
}

const PARTS: &[Part] = &[
    Part {
        shows: "the protocols on the wire, and the bound of each limit",
        command: "cargo test --package pusher-proto --package pusher-core --no-fail-fast",
        is_figure: is_summary,
        check: always,
    },
    Part {
        shows: "old clients and publishers, unchanged: what Ratchet's recipe sends and expects",
        command: "cargo test --package system-tests --test system -- browsers:: handshake:: publish_peers:: recipe:: dead_paths::",
        is_figure: is_summary,
        check: always,
    },
    Part {
        shows: "the Autobahn test suite: each verdict as recorded",
        command: "cargo xtask autobahn",
        is_figure: |line| line.contains("verdicts are as expected"),
        check: |_| autobahn::find_python().map(drop),
    },
    Part {
        shows: "nothing is lost in silence: one daemon with a history and random disasters",
        command: "cargo xtask soak --seeds 30",
        is_figure: |line| line.starts_with("passed:"),
        check: always,
    },
    Part {
        shows: "the same with three daemons on one Redis",
        command: "cargo xtask soak --seeds 5 --nodes 3",
        is_figure: |line| line.starts_with("passed:"),
        check: always,
    },
    Part {
        shows: "floods from browsers and publishers, in each state of a connection",
        command: "cargo test --package pusher-core --test floods",
        is_figure: is_summary,
        check: always,
    },
    Part {
        shows: "hostile clients, a crash at any moment, failing system calls",
        command: "cargo test --package system-tests --test hard_to_kill",
        is_figure: is_summary,
        check: always,
    },
    Part {
        shows: "a spool whose writer or reader is killed",
        command: "cargo test --package system-tests --test system -- spool:: spool_writers::",
        is_figure: is_summary,
        check: always,
    },
    Part {
        shows: "each decoder with random input",
        command: "cargo xtask fuzz --seconds 30",
        is_figure: |line| line.starts_with("==> crates/") || line.starts_with("Done "),
        check: fuzz::check_cargo_fuzz,
    },
    Part {
        shows: "changes of the tickets' code that no test notices",
        command: "cargo mutants --package pusher-proto --file 'crates/pusher-proto/src/ticket/**' --timeout 60 --output target/mutants",
        is_figure: |line| line.contains("mutants tested in") || line.starts_with("MISSED"),
        check: check_cargo_mutants,
    },
    Part {
        shows: "data races in libpusher",
        command: "cargo xtask races",
        is_figure: is_summary,
        check: |_| races::check_sources(),
    },
    Part {
        shows: "load and churn for five minutes: memory, descriptors, latency",
        command: "cargo xtask soak --minutes 5",
        is_figure: |line| line.starts_with("minute ") || is_row(line),
        check: always,
    },
    Part {
        shows: "allocations and system calls of a delivery",
        command: "cargo test --package pusher-core --test allocations && cargo test --package system-tests --test system -- system_calls::",
        is_figure: is_summary,
        check: always,
    },
    Part {
        shows: "memory of an idle connection, in bytes",
        command: "cargo xtask bench --servers pushd,resume,sse --scenarios idle --runs 3",
        is_figure: |line| line.contains("bytes a connection") || is_row(line),
        check: always,
    },
];

/// The outcome of a part.
enum Outcome {
    Passed(Vec<String>),
    Failed(Vec<String>),
    /// This machine lacks something.
    NotRun(String),
}

/// Runs all parts, also after a failure, and writes the page. Fails if a part failed.
pub fn run(workspace: &Workspace) -> Result<()> {
    packages::install(&[Purpose::Build, Purpose::Test, Purpose::Redis])?;
    let head = head(workspace)?;
    let mut rows = Vec::new();
    for (index, part) in PARTS.iter().enumerate() {
        let (number, count) = (index + 1, PARTS.len());
        step(format_args!("{number} of {count}: {}", part.shows));
        say(part.command);
        let begin = Instant::now();
        let outcome = match (part.check)(workspace) {
            Ok(()) => run_part(workspace, part)?,
            Err(lack) => Outcome::NotRun(format!("{lack:#}")),
        };
        rows.push((part, outcome, begin.elapsed()));
    }
    let page = without_folders(workspace, page(&head, &rows));
    fs::write(workspace.root.join(PAGE), page)?;
    let failed: Vec<_> = rows
        .iter()
        .filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)))
        .map(|(part, ..)| part.command)
        .collect();
    if !failed.is_empty() {
        bail!("failed, see {PAGE}: {}", failed.join("; "));
    }
    say(format_args!("\nThe page is {PAGE}."));
    Ok(())
}

/// Whether a line is the summary of a program that ran tests.
fn is_summary(line: &str) -> bool {
    line.starts_with("test result:") && !line.contains(" 0 passed")
}

/// Whether a line is a row of a table of figures. The first word may be its name.
fn is_row(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1).peekable();
    words.peek().is_some() && words.all(|word| word.parse::<f64>().is_ok())
}

/// Returns an error if cargo-mutants is missing.
fn check_cargo_mutants(workspace: &Workspace) -> Result<()> {
    let mut command = cargo(workspace);
    command
        .args(["mutants", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !command.status().is_ok_and(|status| status.success()) {
        bail!("cargo-mutants is missing: run `cargo install cargo-mutants`");
    }
    Ok(())
}

fn always(_: &Workspace) -> Result<()> {
    Ok(())
}

/// Runs the command line of a part. Its output is also shown.
fn run_part(workspace: &Workspace, part: &Part) -> Result<Outcome> {
    let mut command = Command::new("sh");
    build::run_few_at_a_time(&mut command);
    let mut child = command
        .args(["-c", part.command])
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("can't start sh")?;
    let read = |from: Box<dyn std::io::Read + Send>| {
        let lines = BufReader::new(from).lines().map_while(Result::ok);
        let shown = lines.inspect(|line| say(line));
        shown
            .filter(|line| (part.is_figure)(line))
            .collect::<Vec<_>>()
    };
    let stdout = child.stdout.take().context("stdout is a pipe")?;
    let stderr = child.stderr.take().context("stderr is a pipe")?;
    let lines = thread::scope(|scope| {
        let errors = scope.spawn(move || read(Box::new(stderr)));
        let mut lines = read(Box::new(stdout));
        lines.extend(errors.join().unwrap_or_default());
        lines
    });
    Ok(match child.wait()?.success() {
        true => Outcome::Passed(lines),
        false => Outcome::Failed(lines),
    })
}

/// Returns the lines at the top of the page: the date, the commit and the machine.
fn head(workspace: &Workspace) -> Result<String> {
    let git = |words: &[&str]| output(Command::new("git").args(words).current_dir(&workspace.root));
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = match git(&["status", "--porcelain", "--", ".", ":!tests/PROOF.md"])?.is_empty() {
        true => "",
        false => ", with uncommitted changes",
    };
    let date = output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    let system = output(Command::new("uname").args(["-s", "-r", "-m"]))?;
    let processors = thread::available_parallelism()?;
    Ok(format!(
        "{}, commit {}{changes}, {}, {processors} processors",
        date.trim(),
        commit.trim(),
        system.trim()
    ))
}

fn page(head: &str, rows: &[(&Part, Outcome, Duration)]) -> String {
    let mut page = format!(
        "# What was last seen to hold\n\n`cargo xtask proof` runs these commands one after the other, and writes this \
         page: {head}.\n"
    );
    for (part, outcome, took) in rows {
        let Part { shows, command, .. } = part;
        let seconds = took.as_secs();
        let (result, lines) = match outcome {
            Outcome::Passed(lines) => (format!("Passed in {seconds} s."), lines.join("\n")),
            Outcome::Failed(lines) => (format!("**Failed** after {seconds} s."), lines.join("\n")),
            Outcome::NotRun(lack) => (format!("Not run: {lack}"), String::new()),
        };
        // A String takes every text.
        let _ = write!(
            page,
            "\n## {}\n\n```sh,no_run\n{command}\n```\n\n{result}\n",
            capitalized(shows)
        );
        if !lines.is_empty() {
            let _ = write!(page, "\n```text\n{lines}\n```\n");
        }
    }
    page
}

/// Makes the paths of this machine relative: to the repository, or to the home folder.
fn without_folders(workspace: &Workspace, mut page: String) -> String {
    page = page.replace(&format!("{}/", workspace.root.display()), "");
    match std::env::home_dir() {
        Some(home) => page.replace(&format!("{}/", home.display()), "~/"),
        None => page,
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(command: &'static str) -> (Part, Outcome) {
        let part = Part {
            shows: "what a shell does",
            command,
            is_figure: |line| line.contains("events") || line.contains("seen"),
            check: always,
        };
        let outcome = run_part(&Workspace::find().unwrap(), &part).unwrap();
        (part, outcome)
    }

    #[test]
    fn the_page_has_the_figures_of_both_outputs_and_the_failure() {
        let (part, failed) = outcome("echo noise; echo lost 3 events; echo 'seen 4' >&2; false");
        let page = page("today", &[(&part, failed, Duration::from_secs(7))]);
        assert!(page.contains("today.\n"), "{page}");
        assert!(page.contains("## What a shell does\n"), "{page}");
        assert!(page.contains("**Failed** after 7 s."), "{page}");
        assert!(page.contains("lost 3 events\nseen 4\n"), "{page}");
        assert!(!page.contains("\nnoise"), "{page}");
    }

    #[test]
    fn figures_are_summaries_and_rows_of_numbers() {
        let summary = "test result: ok. 3 passed; 0 failed; 0 ignored";
        assert!(is_summary(summary));
        assert!(!is_summary(&summary.replace('3', "0")));
        assert!(is_row("     1      12     1200  0.5"));
        assert!(is_row("pushd                 1052           21.3"));
        assert!(!is_row("1 of 12 parts") && !is_row("7"));
    }

    #[test]
    fn success_is_the_exit_status_of_the_command() {
        assert!(matches!(outcome("true").1, Outcome::Passed(_)));
        assert!(matches!(outcome("false && true").1, Outcome::Failed(_)));
    }

    #[test]
    fn the_page_has_no_paths_of_this_machine() {
        let workspace = Workspace::find().unwrap();
        let home = std::env::home_dir().unwrap();
        let text = format!(
            "{0}/target and {1}/.cargo",
            workspace.root.display(),
            home.display()
        );
        assert_eq!(without_folders(&workspace, text), "target and ~/.cargo");
    }

    #[test]
    fn what_the_machine_lacks_is_on_the_page() {
        let (part, _) = outcome("true");
        let lack = Outcome::NotRun("cargo-fuzz is missing".to_owned());
        let page = page("today", &[(&part, lack, Duration::ZERO)]);
        assert!(page.contains("Not run: cargo-fuzz is missing"), "{page}");
    }
}
