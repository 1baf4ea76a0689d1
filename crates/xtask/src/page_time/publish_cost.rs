//! The time of a publish in PHP, beside that of the same bytes by `fwrite` and `fgets`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;
use crate::generated::output;
use crate::process::{Background, wait_until};
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The script that measures.
const SCRIPT: &str = include_str!("publish_cost.php");
/// Publishes in each run of the script.
const PUBLISHES: &str = "5000";
/// Runs of each case. The table shows the medians of their ratios.
const RUNS: usize = 7;
/// Time limit for pushd to listen.
const READY_MS: u64 = 15_000;

/// Measures a publish over the unix socket, without a spool and with one, and prints the table.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("publish_cost.php");
    std::fs::write(&script, SCRIPT)?;
    let (socket, spool) = (folder.path().join("socket"), folder.path().join("spool"));
    std::fs::create_dir(&spool)?;
    let mut pushd = Command::new(workspace.artefact("pushd")?);
    pushd.args(["--listen", "127.0.0.1:0", "--publish-listen"]);
    pushd.arg(format!("unix:{}", socket.display()));
    let _pushd = Background::start("pushd", &mut pushd)?;
    if !wait_until(READY_MS, || socket.exists()) {
        bail!("pushd does not start");
    }
    step(format_args!(
        "{PUBLISHES} publishes with receipts over the unix socket, {RUNS} runs, medians"
    ));
    say("                     bare fwrite + fgets    Pusher::publish    ratio (lowest-highest)");
    for (name, spool) in [
        ("without spool", None),
        ("with spool and ids", Some(&spool)),
    ] {
        let spool = spool.map(|spool| spool.as_path());
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(measure(workspace, &script, &socket, spool)?);
        }
        say(row(name, &mut runs));
    }
    Ok(())
}

/// Returns the medians of one run of the script: bare, and by the extension.
fn measure(
    workspace: &Workspace,
    script: &Path,
    socket: &Path,
    spool: Option<&Path>,
) -> Result<(f64, f64)> {
    let mut php = Command::new(build::php()?);
    php.arg("-n");
    php.arg("-d");
    php.arg(format!("extension={}", workspace.extension()?.display()));
    php.arg("-d");
    php.arg(format!("pusher.address=unix:{}", socket.display()));
    if let Some(spool) = spool {
        php.arg("-d")
            .arg(format!("pusher.spool={}", spool.display()));
    }
    let printed = output(php.arg(script).arg(socket).arg(PUBLISHES))?;
    let medians = printed.trim().split_once(' ');
    let medians = medians.and_then(|(bare, ours)| Some((bare.parse().ok()?, ours.parse().ok()?)));
    medians.with_context(|| format!("the script printed: {printed}"))
}

fn row(name: &str, runs: &mut [(f64, f64)]) -> String {
    runs.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let (bare, ours) = runs[runs.len() / 2];
    format!(
        "{name:20}{bare:17.1} µs{ours:16.1} µs{:9.2} ({:.2}-{:.2})",
        ratio(&(bare, ours)),
        ratio(&runs[0]),
        ratio(&runs[runs.len() - 1]),
    )
}

fn ratio((bare, ours): &(f64, f64)) -> f64 {
    ours / bare
}
