//! Packages from npm, for tests with clients of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run as run_command;
use crate::workspace::Workspace;

/// Installs the packages of a `package.json` into a folder of the target folder, unless an earlier run has. Returns the
/// folder `node_modules`.
pub fn install(workspace: &Workspace, manifest: &Path, name: &str) -> Result<PathBuf> {
    let folder = workspace.target.join(name);
    let (modules, mark) = (folder.join("node_modules"), folder.join("installed"));
    let wanted = fs::read(manifest)?;
    if !fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        fs::create_dir_all(&folder)?;
        let manifest = folder.join("package.json");
        fs::write(&manifest, &wanted)?;
        run_command(
            Command::new("npm")
                .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
                .arg("--no-package-lock")
                .current_dir(&folder),
        )
        .with_context(|| format!("can't install the packages of {}", manifest.display()))?;
        // Written last, so that an interrupted installation is repeated.
        fs::write(mark, wanted)?;
    }
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_installation_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace {
            root: folder.path().to_owned(),
            target: folder.path().join("target"),
        };
        let manifest = folder.path().join("package.json");
        fs::write(&manifest, "npm refuses this").unwrap();
        // npm makes this folder first.
        let modules = workspace.target.join("packages").join("node_modules");
        fs::create_dir_all(&modules).unwrap();
        for _ in 0..2 {
            let error = install(&workspace, &manifest, "packages").unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with("can't install the packages"), "{text}");
        }
        fs::write(&manifest, "{}").unwrap();
        let installed = install(&workspace, &manifest, "packages").unwrap();
        assert_eq!(installed, modules);
    }
}
