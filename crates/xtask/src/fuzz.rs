//! `cargo xtask fuzz`: runs every fuzz target in turn.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::build::cargo;
use crate::process::run as run_command;
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The crates with fuzz targets, each in its folder `fuzz`.
const CRATES: [&str; 2] = ["crates/pusher-proto", "crates/pusher-core"];

/// libFuzzer's flag for the time limit of one input, in seconds. A slower input is a bug.
const INPUT_TIMEOUT: &str = "-timeout=10";

/// Runs each target for `seconds`. Fails after the last one if any target found a bug.
pub fn run(workspace: &Workspace, seconds: u64) -> Result<()> {
    check_cargo_fuzz(workspace)?;
    let mut failed = Vec::new();
    for name in CRATES {
        let folder = workspace.root.join(name);
        for target in targets(&folder)? {
            step(format_args!("{name}: {target}, {seconds} s"));
            if let Err(error) = run_target(workspace, &folder, &target, seconds) {
                say(format_args!("FAILED: {error:#}"));
                failed.push(target);
            }
        }
    }
    if !failed.is_empty() {
        bail!("bugs found by: {}; see fuzz/artifacts", failed.join(", "));
    }
    Ok(())
}

fn run_target(workspace: &Workspace, folder: &Path, target: &str, seconds: u64) -> Result<()> {
    let fuzz = folder.join("fuzz");
    let corpus = fuzz.join("corpus").join(target);
    fs::create_dir_all(&corpus)?;
    run_command(
        cargo(workspace)
            .args(["fuzz", "run", target])
            .arg(corpus)
            .arg(fuzz.join("seeds").join(target))
            .args(["--", INPUT_TIMEOUT])
            .arg(format!("-max_total_time={seconds}"))
            .current_dir(folder)
            // Each `fuzz` folder is a workspace of its own. RUSTC_BOOTSTRAP lets a stable compiler use the sanitizer.
            .env_remove("CARGO_TARGET_DIR")
            .env("RUSTC_BOOTSTRAP", "1"),
    )
}

/// Returns the names of the targets, from the names of their files.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let sources = folder.join("fuzz/fuzz_targets");
    let mut targets = Vec::new();
    for entry in
        fs::read_dir(&sources).with_context(|| format!("can't read {}", sources.display()))?
    {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        targets.push(name.context("a target's name is UTF-8")?.to_owned());
    }
    targets.sort();
    Ok(targets)
}

/// Returns an error if cargo-fuzz is missing.
pub(crate) fn check_cargo_fuzz(workspace: &Workspace) -> Result<()> {
    let mut command: Command = cargo(workspace);
    command
        .args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !command.status().is_ok_and(|status| status.success()) {
        bail!("cargo-fuzz is missing: run `cargo install cargo-fuzz`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds() {
        let workspace = Workspace::find().unwrap();
        for name in CRATES {
            let folder = workspace.root.join(name);
            let targets = targets(&folder).unwrap();
            assert!(!targets.is_empty(), "{name}");
            for target in targets {
                let seeds = folder.join("fuzz/seeds").join(&target);
                assert!(fs::read_dir(&seeds).unwrap().next().is_some(), "{target}");
            }
        }
    }
}
