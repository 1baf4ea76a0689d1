//! Packages from PyPI, for tests with clients and libraries of others.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::process::run as run_command;
use crate::workspace::Workspace;

/// Held while a package is installed: two tests may need the same one.
static INSTALLS: Mutex<()> = Mutex::new(());

/// Installs a package, `NAME==VERSION`, into a folder of the target folder, unless an earlier run has. Returns the Python that
/// has it.
pub fn install(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    let _turn = INSTALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = workspace.target.join("python").join(package);
    let (python, mark) = (folder.join("bin/python"), folder.join("installed"));
    if !mark.is_file() {
        let context = || format!("can't install {package} from PyPI");
        run_command(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .with_context(context)?;
        run_command(Command::new(folder.join("bin/pip")).args(["install", "--quiet", package]))
            .with_context(context)?;
        // Written last, so a part of the package does not count.
        std::fs::write(mark, "")?;
    }
    Ok(python)
}
