//! The paths of the project and of its built files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The project's folder and cargo's target folder.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Workspace {
    /// Finds both from the path of the running program. Cargo marks its target folder with a file.
    pub fn find() -> Result<Self> {
        let program = std::env::current_exe().context("can't find the running program's path")?;
        let target = program
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .with_context(|| format!("{} is not in a cargo target folder", program.display()))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("xtask has left crates/")?;
        Ok(Self {
            root: root.to_owned(),
            target: target.to_owned(),
        })
    }

    /// Returns a file of the release build. The error for a missing file names the command that builds it.
    pub fn artefact(&self, name: &str) -> Result<PathBuf> {
        built(self.target.join("release").join(name))
    }

    /// Returns a program of the debug build, such as `examples/NAME`. The error is as above.
    pub fn debug_program(&self, name: &str) -> Result<PathBuf> {
        built(self.target.join("debug").join(name))
    }

    /// Returns the PHP extension.
    pub fn extension(&self) -> Result<PathBuf> {
        self.artefact("libpusher_php.so")
    }
}

fn built(path: PathBuf) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("{} is not built: run `cargo xtask build`", path.display());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_error_names_the_build_command() {
        let error = Workspace::find()
            .unwrap()
            .artefact("no-such-file")
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no-such-file is not built: run `cargo xtask build`")
        );
    }

    #[test]
    fn the_root_has_the_workspace_manifest() {
        let manifest =
            std::fs::read_to_string(Workspace::find().unwrap().root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}
