//! `cargo xtask test`: runs every check and test in sequence, and prints a summary.

mod repeat;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::args::OtherPhp;
use crate::build::{self, cargo};
use crate::echo;
use crate::generated::output;
use crate::packages::{self, Purpose};
use crate::php_builds;
use crate::phpt::{self, Php, Pusher};
use crate::process::run as run_command;
use crate::requirements;
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The folder with the browser client's tests.
const JS_TESTS: &str = "crates/pusher-core/js/test";

/// Runs every step, also after a failure. Fails if a step failed.
pub fn run(workspace: &Workspace, php: Option<OtherPhp>) -> Result<()> {
    let mut purposes = vec![
        Purpose::Build,
        Purpose::Blog,
        Purpose::Apache,
        Purpose::Packages,
        Purpose::Zip,
        Purpose::Test,
        Purpose::Redis,
        Purpose::LoadBalancer,
        Purpose::Node,
    ];
    if php.is_some() {
        purposes.push(Purpose::OtherPhps);
    }
    packages::install(&purposes)?;
    packages::check_rust_components(cargo(workspace).get_program().as_ref())?;
    let unmet = requirements::unmet();
    for requirement in unmet {
        let (lack, module) = (requirement.lack, requirement.module);
        step(format_args!(
            "Tests in modules `{module}` are not run: {lack}"
        ));
    }
    let mut report = Report::default();
    let steps = steps(php);
    for &(name, check) in &steps {
        step(name);
        match check {
            Check::Once(check) => report.add(name, || check(workspace)),
            Check::Tests(tests) => {
                let tests = || possible(tests(workspace));
                report.add_repeated(name, || repeat::run(&mut tests(), &mut tests()));
            }
        }
    }
    if !unmet.is_empty() {
        let left_out = steps.iter().flat_map(|(_, check)| match check {
            Check::Once(_) => Vec::new(),
            Check::Tests(tests) => {
                not_run(tests(workspace)).unwrap_or_else(|error| vec![format!("{error:#}")])
            }
        });
        report.not_run = left_out.collect();
    }
    report.conclude()
}

/// Returns the steps to run. The choice of a single PHP runs only its tests.
fn steps(php: Option<OtherPhp>) -> Vec<Step> {
    let build = ("release build", Check::Once(build::release));
    match php {
        None => [STEPS, &[SYSTEM_TESTS]].concat(),
        Some(OtherPhp::Php84) => vec![build, PHP_84],
        Some(OtherPhp::ZtsDebug) => vec![build, ZTS_DEBUG],
        Some(OtherPhp::Valgrind) => vec![build, VALGRIND],
        Some(OtherPhp::All) => [STEPS, &[VALGRIND, PHP_84, ZTS_DEBUG, SYSTEM_TESTS]].concat(),
    }
}

type Step = (&'static str, Check);

#[derive(Clone, Copy)]
enum Check {
    Once(fn(&Workspace) -> Result<()>),
    /// Tests of Rust. Those that fail run again, alone.
    Tests(fn(&Workspace) -> Command),
}

// Cheap checks first: an unformatted file fails within a second.
const STEPS: &[Step] = &[
    (
        "formatting",
        Check::Once(|w| run_cargo(w, "fmt --all --check")),
    ),
    // Fetches the crates for every system, because `cargo metadata` reads each manifest.
    ("crates", Check::Once(|w| run_cargo(w, "fetch --locked"))),
    ("unit tests", Check::Tests(unit_tests)),
    (
        "clients that flood the server",
        Check::Once(|w| run_cargo(w, "test --package pusher-core --test floods")),
    ),
    (
        "pusher.js under node",
        Check::Once(|w| javascript(w, JS_TESTS, ".test.js", &[])),
    ),
    (
        "its connector for laravel-echo",
        Check::Once(|w| {
            let laravel_echo = echo::install(w)?;
            javascript(
                w,
                echo::TESTS,
                ".test.cjs",
                &[("LARAVEL_ECHO", &laravel_echo)],
            )
        }),
    ),
    (
        "lints",
        Check::Once(|w| run_cargo(w, "clippy --workspace --all-targets -- -D warnings")),
    ),
    ("documentation", Check::Once(documentation)),
    ("release build", Check::Once(build::release)),
    ("examples", Check::Once(build::examples)),
    (
        "PHP's own tests of the extension",
        Check::Once(|w| phpt::run(w, &Php::debians(Pusher::Extension(w.extension()?))?)),
    ),
    (
        "the same of the fallback in PHP alone",
        Check::Once(|w| {
            let library = Some(w.artefact("libpusher.so")?);
            phpt::run(w, &Php::debians(Pusher::Fallback { library })?)
        }),
    ),
];

/// The last step.
const SYSTEM_TESTS: Step = ("whole-system tests", Check::Tests(system_tests));

// Slow steps, which run only with `--php`.
const VALGRIND: Step = (
    "the extension under valgrind",
    Check::Once(|w| phpt::run_under_valgrind(w, &Php::debians(Pusher::Extension(w.extension()?))?)),
);
const PHP_84: Step = (
    "extension and fallback in PHP 8.4",
    Check::Once(php_builds::php_84),
);
const ZTS_DEBUG: Step = (
    "the extension in a debug build of PHP with threads",
    Check::Once(php_builds::zts_debug),
);

fn run_cargo(workspace: &Workspace, words: &str) -> Result<()> {
    run_command(cargo(workspace).args(words.split(' ')))
}

fn unit_tests(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace);
    command.args(["test", "--no-fail-fast"]);
    command
}

fn system_tests(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace);
    let packages = ["--package", "system-tests", "--package", "push-bench"];
    command.args(["test", "--no-fail-fast"]).args(packages);
    build::run_few_at_a_time(&mut command);
    command
}

/// Adds arguments that leave out the tests whose requirements this machine does not meet.
fn possible(mut tests: Command) -> Command {
    tests.arg("--");
    for requirement in requirements::unmet() {
        tests.args(["--skip", &format!("{}::", requirement.module)]);
    }
    tests
}

/// Lists the tests that [`possible()`] leaves out.
fn not_run(mut tests: Command) -> Result<Vec<String>> {
    let list = output(tests.args(["--", "--list"]))?;
    Ok(requirements::not_run(&list, requirements::unmet()))
}

fn documentation(workspace: &Workspace) -> Result<()> {
    run_command(
        cargo(workspace)
            .args(["doc", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

// Passes the files by name, because the meaning of `node --test FOLDER` differs between versions of node.
fn javascript(
    workspace: &Workspace,
    folder: &str,
    end: &str,
    environment: &[(&str, &Path)],
) -> Result<()> {
    let tests = files_in(&workspace.root.join(folder), |path| {
        let name = path.file_name().and_then(OsStr::to_str);
        name.is_some_and(|name| name.ends_with(end))
    })?;
    run_command(
        Command::new("node")
            .arg("--test")
            .args(tests)
            .envs(environment.iter().copied())
            .current_dir(&workspace.root),
    )
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
    /// Tests that this machine cannot run.
    not_run: Vec<String>,
    /// Tests that failed beside others, and passed alone.
    only_alone: Vec<String>,
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

    /// Adds a step whose failed tests are repeated.
    fn add_repeated(&mut self, name: &'static str, check: impl FnOnce() -> Result<Vec<String>>) {
        let mut only_alone = Vec::new();
        self.add(name, || {
            only_alone = check()?;
            Ok(())
        });
        self.only_alone.append(&mut only_alone);
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
        if !self.only_alone.is_empty() {
            let tests = self.only_alone.join(", ");
            say(format_args!(
                "Failed beside others, and passed alone: {tests}"
            ));
        }
        let not_run = self.not_run();
        if failed > 0 {
            bail!("{failed} of {all} steps failed{not_run}");
        }
        say(format_args!("All {all} steps passed{not_run}."));
        Ok(())
    }

    /// Returns the end of the last line: the number and the names of the tests that did not run.
    fn not_run(&self) -> String {
        match self.not_run.as_slice() {
            [] => String::new(),
            tests => format!("; tests not run ({}): {}", tests.len(), tests.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_run() {
        let mut report = Report::default();
        report.add("good", || Ok(()));
        report.add("bad", || bail!("it broke"));
        let error = report.conclude().unwrap_err().to_string();
        assert_eq!(error, "1 of 2 steps failed");
    }

    #[test]
    fn the_summary_names_tests_that_did_not_run() {
        let report = |outcome| {
            let mut report = Report::default();
            report.add("step", || outcome);
            report.not_run = vec!["ghosts::needs_namespaces::a_cut_cable".to_owned()];
            report
        };
        assert_eq!(
            report(Ok(())).not_run(),
            "; tests not run (1): ghosts::needs_namespaces::a_cut_cable"
        );
        let error = report(Err(anyhow::anyhow!("it broke")))
            .conclude()
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("needs_namespaces::a_cut_cable"), "{error}");
    }

    #[test]
    fn a_folder_without_tests_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(files_in(folder.path(), |_| true).is_err());
        fs::write(folder.path().join("one.js"), "").unwrap();
        assert_eq!(files_in(folder.path(), |_| true).unwrap().len(), 1);
    }
}
