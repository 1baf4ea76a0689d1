//! `cargo xtask soak`: runs traffic and churn on one daemon, and prints statistics every minute.

use anyhow::Result;

use crate::build::{self, cargo};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// Builds the daemon and runs it for `minutes`.
pub fn run(workspace: &Workspace, minutes: u64) -> Result<()> {
    build::package(workspace, "pushd")?;
    step(format_args!("Soaking for {minutes} minutes"));
    run_command(
        cargo(workspace)
            .args(["test", "--package", "system-tests", "--test", "soak", "--"])
            .arg(minutes.to_string()),
    )
}
