//! `cargo xtask races`: runs multi-threaded C programs with libpusher under ThreadSanitizer.
//!
//! ThreadSanitizer must see every lock, including those of Rust's standard library. It would report the data behind an
//! unseen lock as a race. So this command rebuilds the standard library, which needs its sources and takes minutes.
//! Therefore it is not part of `cargo xtask test`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build::{self, cargo};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// Cargo options for a sanitizer and a rebuilt standard library, which are not stable yet.
const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// Builds the library for ThreadSanitizer, and runs the programs.
pub fn run(workspace: &Workspace) -> Result<()> {
    check_sources()?;
    build::package(workspace, "pushd")?;
    build_library(workspace)?;
    step("Looking for data races");
    run_command(build::system_tests(workspace).args(["--test", "races"]))
}

/// Returns the path of the instrumented `libpusher.a`.
pub fn library(workspace: &Workspace) -> Result<PathBuf> {
    let release = target(workspace).join(host()?).join("release");
    Ok(release.join("libpusher.a"))
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("races")
}

fn build_library(workspace: &Workspace) -> Result<()> {
    step("Building libpusher and the standard library for ThreadSanitizer");
    run_command(
        cargo(workspace)
            .args(["build", "--release", "--package", "libpusher"])
            .args(["-Zbuild-std=std,panic_unwind", "--target", &host()?])
            // A fast build with line numbers in the reports.
            .args(["--config", "profile.release.lto=false"])
            .args(["--config", "profile.release.strip=false"])
            .args(["--config", "profile.release.opt-level=1"])
            .args(["--config", "profile.release.debug='line-tables-only'"])
            .env(UNSTABLE.0, UNSTABLE.1)
            .env("RUSTFLAGS", "-Zsanitizer=thread")
            .env("CARGO_TARGET_DIR", target(workspace)),
    )
}

fn host() -> Result<String> {
    ask_rustc("host-tuple")
}

/// Returns an error if the sources of the standard library are missing.
pub(crate) fn check_sources() -> Result<()> {
    let sources = Path::new(&ask_rustc("sysroot")?).join("lib/rustlib/src/rust/library");
    if !sources.is_dir() {
        bail!(
            "the sources of Rust's standard library are not in {}: run `rustup component add rust-src`, \
             or set RUSTC to a rustc that has them",
            sources.display()
        );
    }
    Ok(())
}

fn ask_rustc(fact: &str) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(["--print", fact])
        .output()
        .with_context(|| format!("can't start {}", rustc.display()))?;
    if !output.status.success() {
        bail!("`rustc --print {fact}` failed: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_knows_the_host() {
        assert!(host().unwrap().contains('-'));
        assert!(ask_rustc("no-such-thing").is_err());
    }
}
