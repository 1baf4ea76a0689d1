//! `cargo xtask autobahn`: runs the Autobahn test suite against the core's WebSocket, through the example `echo`.
//!
//! The suite needs Python 2.7, which Debian no longer has; pyenv can install it. The expected verdicts are in a file,
//! so every change is visible.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::build::cargo;
use crate::ports::free_addresses;
use crate::process::{Background, run as run_command, wait_until};
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The file with the expected verdict on each case. An offer of compression with a small window is declined, which counts as
/// unimplemented.
const EXPECTED: &str = "crates/pusher-core/tests/autobahn.txt";
/// The last version that can make an environment for Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.21.1";
const SUITE: &str = "autobahntestsuite==25.10.1";
/// Limit for the time until the echo server listens.
const START_MS: u64 = 10_000;

/// Prints a line for each case: its number, and the verdicts on its behaviour and its close.
const VERDICTS: &str = "
import json, sys
cases = json.load(open(sys.argv[1]))['pusher-core']
number = lambda case: [int(part) for part in case.split('.')]
for case in sorted(cases, key=number):
    print(' '.join([case, cases[case]['behavior'], cases[case]['behaviorClose']]))
";

/// Runs the suite and compares its verdicts with the expected ones.
pub fn run(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("autobahn");
    fs::create_dir_all(&folder)?;
    let environment = environment(&folder)?;
    step("Building the echo server (release)");
    run_command(cargo(workspace).args([
        "build",
        "--release",
        "--package",
        "pusher-core",
        "--example",
        "echo",
    ]))?;
    let [address] = free_addresses()?;
    let mut echo = Command::new(workspace.artefact("examples/echo")?);
    echo.arg(address.to_string()).stderr(Stdio::null());
    let _echo = Background::start("echo", &mut echo)?;
    if !wait_until(START_MS, || TcpStream::connect(address).is_ok()) {
        bail!("the echo server does not listen on {address}");
    }
    step("Running the Autobahn test suite");
    fs::write(folder.join("spec.json"), spec(address))?;
    run_command(
        Command::new(environment.join("bin/wstest"))
            .args(["--mode", "fuzzingclient", "--spec", "spec.json"])
            .current_dir(&folder)
            .stdout(Stdio::null()),
    )?;
    let verdicts = output(
        Command::new(environment.join("bin/python"))
            .args(["-c", VERDICTS])
            .arg(folder.join("reports/index.json")),
    )?;
    compare(
        &fs::read_to_string(workspace.root.join(EXPECTED))?,
        &verdicts,
    )?;
    say(format_args!(
        "All {} verdicts are as expected; reports: {}",
        verdicts.lines().count(),
        folder.join("reports/index.html").display()
    ));
    Ok(())
}

fn spec(address: SocketAddr) -> String {
    format!(
        r#"{{"outdir": "reports", "cases": ["*"], "exclude-cases": [], "exclude-agent-cases": {{}},
"servers": [{{"agent": "pusher-core", "url": "ws://{address}", "protocols": ["wamp"]}}]}}"#
    )
}

/// Returns an error with every line that differs from the expected ones.
fn compare(expected: &str, verdicts: &str) -> Result<()> {
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (expected, verdicts) = (lines(expected), lines(verdicts));
    let missing = expected.iter().filter(|line| !verdicts.contains(line));
    let new = verdicts.iter().filter(|line| !expected.contains(line));
    let differences: Vec<String> = missing
        .map(|line| format!("    expected {line}"))
        .chain(new.map(|line| format!("    got      {line}")))
        .collect();
    if !differences.is_empty() {
        bail!("not as in {EXPECTED}:\n{}", differences.join("\n"));
    }
    Ok(())
}

/// Returns the suite's own Python. The first call installs it.
fn environment(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("python2.7");
    if environment.join("bin/wstest").is_file() {
        return Ok(environment);
    }
    let python = find_python()?;
    step(format_args!("Installing {SUITE} for {}", python.display()));
    let tools = folder.join("tools");
    run_command(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    run_command(Command::new(tools.join("bin/pip")).args(["install", "--quiet", VIRTUALENV]))?;
    run_command(
        Command::new(tools.join("bin/virtualenv"))
            .args(["--quiet", "--python"])
            .arg(&python)
            .arg(&environment),
    )?;
    run_command(Command::new(environment.join("bin/pip")).args(["install", "--quiet", SUITE]))?;
    Ok(environment)
}

/// Finds a working Python 2.7: the variable `PYTHON27`, the PATH, then pyenv's.
pub(crate) fn find_python() -> Result<PathBuf> {
    let named = std::env::var_os("PYTHON27").map(PathBuf::from);
    let mut candidates: Vec<PathBuf> = named.into_iter().collect();
    candidates.push("python2.7".into());
    if let Some(home) = std::env::home_dir() {
        let versions = fs::read_dir(home.join(".pyenv/versions"));
        let versions = versions.into_iter().flatten().flatten();
        candidates.extend(versions.map(|version| version.path().join("bin/python2.7")));
    }
    let runs = |python: &PathBuf| {
        let mut command = Command::new(python);
        command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    candidates.into_iter().find(runs).context(
        "the Autobahn test suite needs a Python 2.7, which Debian 12 no longer has: `pyenv install 2.7.18`, or \
         set PYTHON27 to one",
    )
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().context("can't read the suite's report")?;
    if !output.status.success() {
        bail!(
            "can't read the suite's report: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_different_verdict_is_reported() {
        let expected = "1.1.1 OK OK\n1.1.2 OK OK\n";
        assert!(compare(expected, expected).is_ok());
        let error = compare(expected, "1.1.1 OK OK\n1.1.2 FAILED OK\n1.1.3 OK OK\n").unwrap_err();
        let text = error.to_string();
        for part in [
            "expected 1.1.2 OK OK",
            "got      1.1.2 FAILED OK",
            "got      1.1.3",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(compare(expected, "1.1.1 OK OK\n").is_err());
    }
}
