//! The servers' programs, and their installation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use xtask::npm;
use xtask::packages;
use xtask::packages::Purpose;
use xtask::process::run as run_command;
use xtask::workspace::Workspace;

use super::kind::Kind;

/// The folder with the scripts of the node servers.
const SCRIPTS: &str = "tests/bench/peers";
/// The packages of Soketi.
const SOKETI: &str = "tests/bench/soketi/package.json";

/// The paths of the servers' programs.
#[derive(Debug)]
pub struct Programs {
    /// pushd.
    pub pushd: PathBuf,
    /// The floor.
    pub floor: PathBuf,
    /// The scripts of the node servers, and their `node_modules`.
    pub node_folder: PathBuf,
    /// The folder `node_modules` of Soketi, if it is measured.
    pub soketi: Option<PathBuf>,
    /// A folder for configurations and logs.
    pub scratch: PathBuf,
}

impl Programs {
    /// Returns the programs that `cargo xtask bench` built. Installs the missing packages for the servers.
    pub fn install(workspace: &Workspace, servers: &[Kind]) -> Result<Self> {
        let scratch = workspace.target.join("bench");
        let mut programs = Self {
            pushd: workspace.artefact("pushd")?,
            floor: workspace.artefact("push-floor")?,
            node_folder: scratch.join("node"),
            soketi: None,
            scratch,
        };
        fs::create_dir_all(&programs.node_folder)?;
        let purposes: Vec<_> = servers.iter().filter_map(|kind| kind.purpose()).collect();
        packages::install(&purposes)?;
        if purposes.contains(&Purpose::Node) {
            install_scripts(&workspace.root.join(SCRIPTS), &programs.node_folder)?;
        }
        if servers.contains(&Kind::Soketi) {
            let manifest = workspace.root.join(SOKETI);
            programs.soketi = Some(npm::install(workspace, &manifest, "bench/soketi")?);
        }
        Ok(programs)
    }
}

/// Uses a copy, because npm installs packages beside the scripts.
fn install_scripts(from: &Path, to: &Path) -> Result<()> {
    for script in fs::read_dir(from).with_context(|| format!("can't read {}", from.display()))? {
        let script = script?;
        fs::copy(script.path(), to.join(script.file_name()))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run_command(npm.arg("--no-package-lock").current_dir(to))
}
