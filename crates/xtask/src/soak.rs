//! `cargo xtask soak`: runs traffic and churn on one daemon, or the simulator of disasters, for a long time.

use anyhow::Result;

use crate::args::Soak;
use crate::build::{self, cargo};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// Builds the daemon and runs it.
pub fn run(workspace: &Workspace, soak: &Soak) -> Result<()> {
    build::package(workspace, "pushd")?;
    let words = words(soak);
    step(format_args!("Soaking: {}", words.join(" ")));
    run_command(
        cargo(workspace)
            .args(["test", "--package", "system-tests", "--test", "soak", "--"])
            .args(words),
    )
}

/// Returns the arguments of the test.
fn words(soak: &Soak) -> Vec<String> {
    match soak {
        Soak::Minutes(minutes) => vec!["--minutes".to_owned(), minutes.to_string()],
        Soak::Seeds(seeds) => vec!["--seeds".to_owned(), seeds.to_string()],
        Soak::Seed(seed, None) => vec!["--seed".to_owned(), seed.to_string()],
        Soak::Seed(seed, Some(steps)) => vec![
            "--seed".to_owned(),
            seed.to_string(),
            "--steps".to_owned(),
            steps.clone(),
        ],
    }
}
