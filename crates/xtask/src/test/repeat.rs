//! Repeats failed tests alone.
//!
//! The tests run beside each other on few processors, and some wait for real browsers and servers. One that fails beside
//! the others and passes alone has shown a slow machine, or a fault that needs the load: the summary names it. One that
//! also fails alone fails the run.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::shown;
use crate::say::{say, step};

/// More failures than this are not repeated: something is broken.
const FAILURES_MAX: usize = 5;

/// Arguments of the test programs that run the tests one after another.
const ALONE: [&str; 2] = ["--test-threads=1", "--exact"];

/// Runs the command `tests`, which ends with arguments for test programs. If few tests fail, runs these again, alone, with
/// the command `again`. Returns the names of the tests that passed only then.
pub(super) fn run(tests: &mut Command, again: &mut Command) -> Result<Vec<String>> {
    let Some(failed) = run_once(tests)? else {
        return Ok(Vec::new());
    };
    let shown = shown(tests);
    if failed.is_empty() || failed.len() > FAILURES_MAX {
        bail!("`{shown}` failed: {} tests", failed.len());
    }
    step(format_args!("The failed tests alone"));
    if let Some(failed) = run_once(again.args(ALONE).args(&failed))? {
        bail!("`{shown}` failed, also alone: {}", failed.join(", "));
    }
    let names = failed.join(", ");
    say(format_args!("Passed only alone: {names}"));
    Ok(failed)
}

/// Runs tests, and shows their output as it comes. Returns the names of the failed ones, or `None` if the command succeeded.
fn run_once(tests: &mut Command) -> Result<Option<Vec<String>>> {
    let shown = shown(tests);
    let mut child = tests
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't start `{shown}`"))?;
    let output = child.stdout.take().expect("a pipe");
    let mut failures = Failures::default();
    let mut ours = io::stdout();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("can't read the tests' output")?;
        ours.write_all(&[&line[..], b"\n"].concat())?;
        failures.take(&String::from_utf8_lossy(&line));
    }
    let status = child.wait()?;
    Ok((!status.success()).then_some(failures.names))
}

/// The lists of failed tests that test programs print at their ends.
#[derive(Default)]
struct Failures {
    is_in_list: bool,
    names: Vec<String>,
}

impl Failures {
    fn take(&mut self, line: &str) {
        if line == "failures:" {
            self.is_in_list = true;
        } else if let Some(name) = line.strip_prefix("    ").filter(|_| self.is_in_list) {
            self.names.push(name.to_owned());
        } else if !line.is_empty() {
            self.is_in_list = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two test programs print. The first list of failures has the tests' output.
    const OUTPUT: &str = "
running 2 tests
test a::works ... ok
test a::breaks ... FAILED

failures:

---- a::breaks stdout ----
    indented output
failures:
it broke

failures:
    a::breaks

test result: FAILED. 1 passed; 1 failed
    other output

running 1 test
test breaks ... FAILED

failures:
    breaks

";

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]);
        command
    }

    #[test]
    fn failed_tests_are_found_in_the_output() {
        let mut failures = Failures::default();
        OUTPUT.lines().for_each(|line| failures.take(line));
        assert_eq!(failures.names, ["a::breaks", "breaks"]);
    }

    #[test]
    fn what_passes_at_once_is_not_repeated() {
        let passed = run(&mut shell("true"), &mut shell("exit 1")).unwrap();
        assert!(passed.is_empty());
    }

    #[test]
    fn what_passes_alone_is_named() {
        let mut tests = shell("printf 'failures:\\n    slow\\n\\n'; exit 101");
        let mut again = shell("test \"$*\" = '--test-threads=1 --exact slow'");
        assert_eq!(run(&mut tests, &mut again).unwrap(), ["slow"]);
    }

    #[test]
    fn what_fails_twice_fails() {
        let script = "printf 'failures:\\n    broken\\n\\n'; exit 101";
        let error = run(&mut shell(script), &mut shell(script)).unwrap_err();
        assert!(error.to_string().ends_with("broken"), "{error}");
    }

    /// A build that fails or a test program that crashes prints no list.
    #[test]
    fn failures_without_names_and_many_failures_are_not_repeated() {
        let six = "seq -f '    t%g' 6; exit 101";
        for script in ["exit 101".to_owned(), format!("echo failures:; {six}")] {
            let mut again = shell("exit 0");
            assert!(run(&mut shell(&script), &mut again).is_err(), "{script}");
        }
    }
}
