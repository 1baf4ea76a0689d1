//! The release builds.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};

use crate::packages::{self, Purpose};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// `cargo xtask build`: installs missing packages, and builds.
pub fn run(workspace: &Workspace) -> Result<()> {
    packages::install(&[Purpose::Build])?;
    release(workspace)?;
    examples(workspace)
}

/// Builds the daemon, the library and the extension.
pub fn release(workspace: &Workspace) -> Result<()> {
    // Two calls of cargo, because one call would unify the features: the library would be built with features that
    // only the daemon needs. Extension and library share a call, because both calls would write the library to the
    // same files and rebuild it each time.
    package(workspace, "pushd")?;
    extension(workspace)
}

/// Builds the extension, and the library with it.
pub fn extension(workspace: &Workspace) -> Result<()> {
    packages(workspace, &["pusher-php", "libpusher"])
}

/// Builds one package.
pub fn package(workspace: &Workspace, name: &str) -> Result<()> {
    packages(workspace, &[name])
}

fn packages(workspace: &Workspace, names: &[&str]) -> Result<()> {
    step(format_args!("Building {} (release)", names.join(", ")));
    let names = names.iter().flat_map(|name| ["--package", name]);
    run_command(cargo(workspace).args(["build", "--release"]).args(names))
}

/// Builds the example servers exactly as `cargo test` does, which then has nothing left to build.
pub fn examples(workspace: &Workspace) -> Result<()> {
    step("Building the examples");
    run_command(cargo(workspace).args(["build", "--examples"]))
}

/// Returns a cargo command for our own target folder. If the first PHP on the PATH is not Debian's, it sets `PHP` to
/// Debian's.
pub fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", &workspace.target)
        // `cargo run` sets it for us. Other programs must not load libraries from the debug build.
        .env_remove("LD_LIBRARY_PATH");
    // `cargo run` sets these for xtask itself. Build scripts that read them would run again, and with them ring, rustls
    // and pushd would be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    // Set only when needed, because each change of these variables rebuilds ext-php-rs.
    if std::env::var_os("PHP").is_none() && !first_php_is_debians() {
        command
            .env("PHP", DEBIAN_PHP)
            .env("PHP_CONFIG", DEBIAN_PHP_CONFIG);
    }
    command
}

/// Lets few tests run at a time: one more than there are processors. For whole-system tests, each of which uses several
/// programs, and waits for them about a third of its time. Other tests mostly wait: `.cargo/config.toml` has their number.
pub fn run_few_at_a_time(tests: &mut Command) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    tests.env("RUST_TEST_THREADS", (processors + 1).to_string());
}

/// Returns a command that runs tests of the package `system-tests`.
pub fn system_tests(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace);
    command.args(["test", "--package", "system-tests"]);
    run_few_at_a_time(&mut command);
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

/// Returns the `php-config` of the PHP that the extension is built for.
pub fn php_config() -> std::ffi::OsString {
    std::env::var_os("PHP_CONFIG").unwrap_or_else(|| DEBIAN_PHP_CONFIG.into())
}

/// Returns the PHP that the extension is built for.
pub fn php() -> Result<String> {
    match std::env::var_os("PHP") {
        Some(php) => php
            .into_string()
            .ok()
            .context("the environment variable PHP is not UTF-8"),
        None => Ok(DEBIAN_PHP.to_owned()),
    }
}
