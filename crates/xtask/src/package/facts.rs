//! The facts about this build that names and contents of packages depend on.

use std::process::Command;

use anyhow::{Context, Result};

use crate::build;
use crate::generated::output;
use crate::workspace::Workspace;

/// The version of every package.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The time and the PHP of a build.
pub(super) struct Facts {
    /// The time of every packed file, in seconds since 1970.
    pub(super) epoch: String,
    pub(super) php: PhpFacts,
}

/// The PHP that the extension is built for.
pub(super) struct PhpFacts {
    /// `8.2`
    pub(super) version: String,
    /// The folder of extensions, relative to the root: `usr/lib/php/20220829`.
    pub(super) extensions: String,
    /// `20220829`
    pub(super) api: String,
}

impl Facts {
    /// Asks git and PHP.
    pub(super) fn find(workspace: &Workspace) -> Result<Self> {
        let php = |option: &str| first_line(Command::new(build::php_config()).arg(option));
        let version = php("--version")?;
        let minor = version.rsplit_once('.').context("PHP's version")?.0;
        Ok(Self {
            epoch: epoch(workspace)?,
            php: PhpFacts {
                version: minor.to_owned(),
                extensions: php("--extension-dir")?.trim_start_matches('/').to_owned(),
                api: php("--phpapi")?,
            },
        })
    }
}

/// Returns `SOURCE_DATE_EPOCH`, or the time of the last commit, or without a repository the time of the changelog.
fn epoch(workspace: &Workspace) -> Result<String> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    let commit = ["log", "-1", "--format=%ct"];
    if let Ok(time) = first_line(
        Command::new("git")
            .args(commit)
            .current_dir(&workspace.root),
    ) {
        return Ok(time);
    }
    let changes = workspace.root.join("CHANGELOG.md");
    first_line(Command::new("stat").args(["--format", "%Y"]).arg(changes))
}

fn first_line(command: &mut Command) -> Result<String> {
    let text = output(command)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
