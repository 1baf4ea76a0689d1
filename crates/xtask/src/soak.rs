//! `cargo xtask soak`: runs traffic and churn on one daemon, or the simulator of disasters, for a long time.

use anyhow::Result;

use crate::args::Soak;
use crate::build;
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// Builds the daemon and runs it.
pub fn run(workspace: &Workspace, soak: &Soak) -> Result<()> {
    build::package(workspace, "pushd")?;
    let words = words(soak);
    step(format_args!("Soaking: {}", words.join(" ")));
    run_command(
        build::system_tests(workspace)
            .args(["--test", "soak", "--"])
            .args(words),
    )
}

/// Returns the arguments of the test.
fn words(soak: &Soak) -> Vec<String> {
    let (mut words, nodes) = match soak {
        Soak::Minutes(minutes) => (vec!["--minutes".to_owned(), minutes.to_string()], 1),
        Soak::Seeds(seeds, nodes) => (vec!["--seeds".to_owned(), seeds.to_string()], *nodes),
        Soak::Seed(seed, steps, nodes) => {
            let mut words = vec!["--seed".to_owned(), seed.to_string()];
            let steps = steps.iter();
            words.extend(steps.flat_map(|steps| ["--steps".to_owned(), steps.clone()]));
            (words, *nodes)
        }
    };
    if nodes > 1 {
        words.extend(["--nodes".to_owned(), nodes.to_string()]);
    }
    words
}
