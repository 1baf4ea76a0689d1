//! The WordPress plugin as a .zip, which WordPress installs under *Plugins, Add New, Upload Plugin*.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::facts::{Facts, VERSION};
use crate::install::put;
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// The plugin in the repository.
pub(super) const SOURCE: &str = "php/wordpress";
/// The name of its folder in WordPress.
pub(super) const NAME: &str = "pushd-live";

/// Makes the archive in `folder`, and returns its path.
pub(super) fn make(workspace: &Workspace, facts: &Facts, folder: &Path) -> Result<PathBuf> {
    step("Making the WordPress plugin");
    let stage = tempfile::tempdir_in(&workspace.target)?;
    let root = stage.path().join(NAME);
    // The plugin has a link to the plain PHP classes.
    run_command(
        Command::new("cp")
            .args(["--recursive", "--dereference", "--no-target-directory"])
            .args([&workspace.root.join(SOURCE), &root]),
    )?;
    let license = root.join("LICENSE.txt");
    put(&workspace.root.join("LICENSE"), &license, "644")?;
    run_command(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(&root))?;
    let path = std::path::absolute(folder.join(format!("{NAME}-{VERSION}.zip")))?;
    if path.exists() {
        // `zip` would add to it.
        fs::remove_file(&path)?;
    }
    let zip = r#"find "$1" -exec touch -d "@$2" {} + && find "$1" -type f | LC_ALL=C sort | zip -q -X -9 "$3" -@"#;
    run_command(
        Command::new("sh")
            .args(["-ec", zip, "sh", NAME, &facts.epoch])
            .arg(&path)
            .current_dir(stage.path())
            .env("TZ", "UTC"),
    )?;
    Ok(path)
}
