//! The release builds.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages::{self, Purpose};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// `cargo xtask build`: installs what building needs, and builds.
pub fn run(workspace: &Workspace) -> Result<()> {
    packages::install(&[Purpose::Build])?;
    release(workspace)?;
    examples(workspace)
}

/// Builds the daemon, the library and the extension.
pub fn release(workspace: &Workspace) -> Result<()> {
    // Not all in one cargo call: the features of their dependencies would be unified, and the library built with
    // what only the daemon asks for. But extension and library in one: the library is built for both, into the same
    // files, and alone it would be built again each time.
    package(workspace, "pushd")?;
    extension(workspace)
}

/// Builds the extension, and the library with it.
pub fn extension(workspace: &Workspace) -> Result<()> {
    packages(workspace, &["pusher-php", "libpusher"])
}

/// Builds one of them.
pub fn package(workspace: &Workspace, name: &str) -> Result<()> {
    packages(workspace, &[name])
}

fn packages(workspace: &Workspace, names: &[&str]) -> Result<()> {
    step(format_args!("Building {} (release)", names.join(", ")));
    let names = names.iter().flat_map(|name| ["--package", name]);
    run_command(cargo(workspace).args(["build", "--release"]).args(names))
}

/// Builds the servers that show how to embed one. In the same way as `cargo test` builds them: after it, nothing
/// is left to do.
pub fn examples(workspace: &Workspace) -> Result<()> {
    step("Building the examples");
    run_command(cargo(workspace).args(["build", "--examples"]))
}

/// Cargo, for the same target folder as ours, with Debian's PHP where another one comes first on the PATH.
pub fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", &workspace.target)
        // `cargo run` sets it for us; nobody else should load libraries from the debug build.
        .env_remove("LD_LIBRARY_PATH");
    // `cargo run` sets these for xtask itself. Build scripts that read them would run again, and with them ring, rustls
    // and pushd would be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    // Set only when needed: whatever changes in this environment builds ext-php-rs again.
    if std::env::var_os("PHP").is_none() && !first_php_is_debians() {
        command
            .env("PHP", DEBIAN_PHP)
            .env("PHP_CONFIG", DEBIAN_PHP_CONFIG);
    }
    command
}

const DEBIAN_PHP: &str = "/usr/bin/php8.2";
const DEBIAN_PHP_CONFIG: &str = "/usr/bin/php-config8.2";

fn first_php_is_debians() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("php"))
        .find(|php| php.is_file())
        .and_then(|php| php.canonicalize().ok())
        .is_some_and(|php| php == Path::new(DEBIAN_PHP))
}

/// What tells of the PHP that the extension is built for.
pub fn php_config() -> std::ffi::OsString {
    std::env::var_os("PHP_CONFIG").unwrap_or_else(|| DEBIAN_PHP_CONFIG.into())
}

/// The PHP that the extension is built for.
pub fn php() -> Result<String> {
    match std::env::var_os("PHP") {
        Some(php) => php
            .into_string()
            .ok()
            .context("the environment variable PHP is not UTF-8"),
        None => Ok(DEBIAN_PHP.to_owned()),
    }
}
