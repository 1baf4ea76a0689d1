//! The folder that the .zip contains.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run as run_command;
use crate::workspace::Workspace;

/// Built files, and their paths in the folder.
const BUILT: [(&str, &str); 4] = [
    ("pushd.exe", "pushd.exe"),
    ("pusherd.exe", "pusherd.exe"),
    ("pusher.dll", "pusher.dll"),
    ("libpusher.dll.a", "lib/libpusher.dll.a"),
];

/// Files and folders of the repository, and their paths in the folder.
const KEPT: [(&str, &str); 8] = [
    ("crates/pushd/windows/README.md", "README.md"),
    ("crates/pushd/windows/README.ja.md", "README.ja.md"),
    ("LICENSE", "LICENSE.txt"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("include", "include"),
    ("php/src", "php/src"),
    ("php/composer.json", "php/composer.json"),
    ("php/blog", "blog"),
];

/// Lays out the folder anew.
pub(super) fn lay_out(workspace: &Workspace, built: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let programs = BUILT.map(|(from, to)| (built.join(from), to));
    let kept = KEPT.map(|(from, to)| (workspace.root.join(from), to));
    for (from, to) in programs.into_iter().chain(kept) {
        let to = folder.join(to);
        fs::create_dir_all(to.parent().context("it is below the folder")?)?;
        run_command(Command::new("cp").arg("-R").arg(&from).arg(&to))?;
    }
    for program in ["pushd.exe", "pusherd.exe", "pusher.dll"] {
        let mut strip = Command::new("x86_64-w64-mingw32-strip");
        run_command(strip.arg("--strip-unneeded").arg(folder.join(program)))?;
    }
    Ok(())
}
