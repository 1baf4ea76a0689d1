//! `cargo xtask test`: every check and test, one step after the other, and a summary.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::build::{self, cargo};
use crate::packages::{self, Purpose};
use crate::process::run as run_command;
use crate::say::{say, step};
use crate::workspace::Workspace;

/// Where the browser client's tests are.
const JS_TESTS: &str = "crates/pusher-core/js/test";
/// The tests in PHP's own format, and what they look at.
const PHPT_SOURCES: [&str; 3] = ["php/tests", "php/stubs", "php/src"];

/// Runs everything, goes on after a failure, and fails if anything did.
pub fn run(workspace: &Workspace) -> Result<()> {
    packages::install(&[
        Purpose::Build,
        Purpose::Blog,
        Purpose::Apache,
        Purpose::Test,
    ])?;
    packages::check_rust_components(cargo(workspace).get_program().as_ref())?;
    let mut report = Report::default();
    for (name, check) in STEPS {
        step(name);
        report.add(name, || check(workspace));
    }
    report.conclude()
}

type Step = (&'static str, fn(&Workspace) -> Result<()>);

// The cheap ones first: whoever forgot `cargo fmt` hears it in a second.
const STEPS: &[Step] = &[
    ("formatting", |w| run_cargo(w, "fmt --all --check")),
    ("unit tests", |w| run_cargo(w, "test --no-fail-fast")),
    ("pusher.js under node", javascript),
    ("lints", |w| {
        run_cargo(w, "clippy --workspace --all-targets -- -D warnings")
    }),
    ("documentation", documentation),
    ("release build", build::release),
    ("examples", build::examples),
    ("PHP's own tests of the extension", phpt_of_extension),
    ("the same of the fallback in PHP alone", phpt_of_fallback),
    ("whole-system tests", |w| {
        run_cargo(
            w,
            "test --package system-tests --package push-bench --no-fail-fast",
        )
    }),
];

fn run_cargo(workspace: &Workspace, words: &str) -> Result<()> {
    run_command(cargo(workspace).args(words.split(' ')))
}

fn documentation(workspace: &Workspace) -> Result<()> {
    run_command(
        cargo(workspace)
            .args(["doc", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

// The files by name: what `node --test FOLDER` means has changed between node's versions.
fn javascript(workspace: &Workspace) -> Result<()> {
    let tests = files_in(&workspace.root.join(JS_TESTS), |path| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.ends_with(".test.js"))
    })?;
    run_command(
        Command::new("node")
            .arg("--test")
            .args(tests)
            .current_dir(&workspace.root),
    )
}

fn phpt_of_extension(workspace: &Workspace) -> Result<()> {
    let copy = copy_phpt(workspace, "phpt", "fallback")?;
    let extension = workspace.extension()?;
    phpt(
        workspace,
        &copy,
        &[&format!("extension={}", extension.display())],
    )
}

fn phpt_of_fallback(workspace: &Workspace) -> Result<()> {
    let copy = copy_phpt(workspace, "phpt-fallback", "extension")?;
    let prepended = copy.join("tests/support/fallback.inc");
    let settings = [
        &format!("auto_prepend_file={}", prepended.display()),
        // The prepended file has its own.
        "disable_functions=ini_set,ini_get,ini_restore",
    ];
    phpt(workspace, &copy, &settings)
}

// PHP's runner leaves its files beside the tests. `left_out` is the folder of tests that can only mean the other one
// of extension and fallback.
fn copy_phpt(workspace: &Workspace, name: &str, left_out: &str) -> Result<PathBuf> {
    let copy = workspace.target.join(name);
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    fs::create_dir(&copy)?;
    let sources = PHPT_SOURCES.map(|folder| workspace.root.join(folder));
    run_command(Command::new("cp").arg("-r").args(sources).arg(&copy))?;
    fs::remove_dir_all(copy.join("tests").join(left_out))?;
    Ok(copy)
}

fn phpt(workspace: &Workspace, copy: &Path, settings: &[&str]) -> Result<()> {
    let results = copy.join("results.txt");
    let php = build::php()?;
    run_command(
        Command::new(&php)
            .arg(run_tests_script(&php)?)
            .args(["-q", "--show-diff"])
            .args(settings.iter().flat_map(|setting| ["-d", setting]))
            .arg("-W")
            .arg(&results)
            .arg(copy.join("tests"))
            .env("TEST_PHP_EXECUTABLE", &php)
            .env("NO_INTERACTION", "1")
            .env("PUSHD", workspace.artefact("pushd")?)
            .env_remove("LD_LIBRARY_PATH"),
    )?;
    all_passed(&fs::read_to_string(&results).context("PHP's test runner wrote no results")?)
}

// Debian keeps PHP's runner beside the extensions' other build files.
fn run_tests_script(php: &str) -> Result<PathBuf> {
    let output = Command::new(php)
        .args(["-n", "-r", "echo basename(PHP_EXTENSION_DIR);"])
        .output()
        .with_context(|| format!("can't start {php}"))?;
    let version = String::from_utf8(output.stdout)?;
    Ok(Path::new("/usr/lib/php")
        .join(version)
        .join("build/run-tests.php"))
}

// The runner calls a skipped test a success; we don't.
fn all_passed(results: &str) -> Result<()> {
    let others: Vec<&str> = results
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("PASSED"))
        .collect();
    if !others.is_empty() {
        bail!("not passed: {}", others.join(", "));
    }
    if !results.contains("PASSED") {
        bail!("no test was run");
    }
    Ok(())
}

fn files_in(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))? {
        let path = entry?.path();
        if wanted(&path) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("there are no tests in {}", folder.display());
    }
    Ok(files)
}

#[derive(Default)]
struct Report {
    lines: Vec<(&'static str, Duration, Result<()>)>,
}

impl Report {
    fn add(&mut self, name: &'static str, check: impl FnOnce() -> Result<()>) {
        let begin = Instant::now();
        let outcome = check();
        if let Err(error) = &outcome {
            say(format_args!("FAILED: {error:#}"));
        }
        self.lines.push((name, begin.elapsed(), outcome));
    }

    fn conclude(self) -> Result<()> {
        step("Summary");
        let mut failed = 0;
        for (name, took, outcome) in &self.lines {
            let seconds = took.as_secs_f32();
            match outcome {
                Ok(()) => say(format_args!("    ok      {seconds:6.1} s  {name}")),
                Err(error) => {
                    failed += 1;
                    say(format_args!(
                        "    FAILED  {seconds:6.1} s  {name}: {error:#}"
                    ));
                }
            }
        }
        let all = self.lines.len();
        if failed > 0 {
            bail!("{failed} of {all} steps failed");
        }
        say(format_args!("All {all} steps passed."));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_whole() {
        let mut report = Report::default();
        report.add("good", || Ok(()));
        report.add("bad", || bail!("it broke"));
        let error = report.conclude().unwrap_err().to_string();
        assert_eq!(error, "1 of 2 steps failed");
    }

    #[test]
    fn only_passed_phpt_tests_count() {
        assert!(all_passed("PASSED a.phpt\nPASSED b.phpt\n").is_ok());
        assert!(all_passed("PASSED a.phpt\nSKIPPED b.phpt\n").is_err());
        assert!(all_passed("FAILED a.phpt\n").is_err());
        assert!(all_passed("").is_err());
    }

    #[test]
    fn a_folder_without_tests_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(files_in(folder.path(), |_| true).is_err());
        fs::write(folder.path().join("one.js"), "").unwrap();
        assert_eq!(files_in(folder.path(), |_| true).unwrap().len(), 1);
    }
}
