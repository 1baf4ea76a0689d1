//! Rust for other systems: Windows, and Linux on arm64. Debian has no standard library for them, so it is built from
//! Debian's sources, with the compiler that they belong to.

mod debian;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::build::cargo;
use crate::process::run as run_command;
use crate::workspace::Workspace;

/// An unpacked compiler, and cargo's target folder for its builds.
pub(crate) struct Toolchain {
    rustc: PathBuf,
    target: PathBuf,
}

impl Toolchain {
    /// Unpacks a toolchain below `target`, unless that is done already.
    pub(crate) fn unpack(target: &Path) -> Result<Self> {
        Ok(Self {
            rustc: debian::unpack(&target.join("toolchain"))?,
            target: target.to_owned(),
        })
    }

    /// Builds a package for a system, and the standard library for it.
    pub(crate) fn build(
        &self,
        workspace: &Workspace,
        system: &str,
        package: &str,
        variables: &[(&str, &str)],
    ) -> Result<()> {
        run_command(
            cargo(workspace)
                .args(["build", "--release", "--locked", "--package", package])
                .args(["--target", system, "-Zbuild-std=std,panic_unwind"])
                .env("CARGO_TARGET_DIR", &self.target)
                .env("RUSTC", &self.rustc)
                .envs(variables.iter().copied())
                // Building the standard library is not a stable feature.
                .env("RUSTC_BOOTSTRAP", "1"),
        )
    }
}
