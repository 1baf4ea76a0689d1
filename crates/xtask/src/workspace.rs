//! Where the project and its built files are.

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
    /// Finds both from the running program: cargo marks its target folder, wherever it was told to put it.
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

    /// A file of the release build; an error that names the command to run when it isn't built.
    pub fn artefact(&self, name: &str) -> Result<PathBuf> {
        built(self.target.join("release").join(name))
    }

    /// A program of the debug build, `examples/NAME` for instance; an error as above.
    pub fn debug_program(&self, name: &str) -> Result<PathBuf> {
        built(self.target.join("debug").join(name))
    }

    /// The PHP extension.
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
    fn what_is_not_built_is_named_with_the_command_to_run() {
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
    fn the_root_holds_the_workspace() {
        let manifest =
            std::fs::read_to_string(Workspace::find().unwrap().root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}
