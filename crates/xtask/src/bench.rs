//! `cargo xtask bench`: builds pushd and the benchmark (`tests/bench`), and runs it.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::build;
use crate::packages::{self, Purpose};
use crate::process::run as run_command;
use crate::workspace::Workspace;

/// Builds everything, and runs the benchmark with the arguments `words`.
pub fn run(workspace: &Workspace, words: &[OsString]) -> Result<()> {
    packages::install(&[Purpose::Build])?;
    build::package(workspace, "pushd")?;
    build::package(workspace, "push-bench")?;
    let program = workspace.artefact("push-bench")?;
    run_command(Command::new(program).args(words))
}
