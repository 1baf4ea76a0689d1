//! `cargo xtask windows`: builds everything for Windows, and makes the .zip.
//!
//! | module | contents |
//! |---|---|
//! | `paths` | where everything is built |
//! | `folder` | what is in the .zip |
//! | `wine` | runs the programs in wine, and adds a library that wine lacks |

mod folder;
mod paths;
pub mod wine;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::packages::{self, Purpose};
use crate::process::run as run_command;
use crate::say::{say, step};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
pub use paths::folder;
use paths::{TARGET, target};

/// Builds, and makes the .zip.
pub fn run(workspace: &Workspace) -> Result<()> {
    build(workspace)?;
    let zip = zip(workspace)?;
    say(format_args!("The archive is {}", zip.display()));
    Ok(())
}

/// Builds for Windows, and checks what was built in wine.
pub fn test(workspace: &Workspace) -> Result<()> {
    build(workspace)?;
    packages::install(&[Purpose::Wine, Purpose::Build, Purpose::Test])?;
    wine::prepare(workspace)?;
    step("Testing it in wine");
    run_command(crate::build::system_tests(workspace).args(["--test", "windows"]))
}

/// Builds the programs and the library, and lays out the folder.
fn build(workspace: &Workspace) -> Result<()> {
    packages::install(&[Purpose::Windows, Purpose::Zip])?;
    let toolchain = Toolchain::unpack(&target(workspace))?;
    step("Building for Windows (release)");
    // Two calls, as for Linux: one would unify the features.
    for package in ["pushd", "libpusher"] {
        toolchain.build(workspace, TARGET, package, &[])?;
    }
    let built = target(workspace).join(TARGET).join("release");
    folder::lay_out(workspace, &built, &folder(workspace))
}

fn zip(workspace: &Workspace) -> Result<PathBuf> {
    let folder = folder(workspace);
    let path = target(workspace).join(format!("pushd-{}-windows.zip", env!("CARGO_PKG_VERSION")));
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    run_command(
        Command::new("zip")
            .args(["--quiet", "--recurse-paths", "-X"])
            .arg(&path)
            .arg(folder.file_name().unwrap_or_default())
            .current_dir(folder.parent().unwrap_or(Path::new("/"))),
    )?;
    Ok(path)
}
