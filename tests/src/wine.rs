//! The programs for Windows, in wine. `cargo xtask test --windows` builds them.

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::windows;

use crate::program::{self, Ended};
use crate::workspace;

/// Time limit for a command. The first one starts wine.
const RUN_MS: u64 = 60_000;

/// Returns the folder of the .zip.
pub fn folder() -> PathBuf {
    windows::folder(&workspace())
}

/// Returns a folder of wine's disk C.
pub fn disk_c(path: &str) -> PathBuf {
    windows::wine::prefix(&workspace())
        .join("drive_c")
        .join(path)
}

/// Returns the path by which programs in wine know a file of this machine.
pub fn path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

/// Returns the command that runs a program in wine.
pub fn command(program: impl AsRef<Path>) -> Command {
    windows::wine::command(&windows::wine::prefix(&workspace()), program)
}

/// Returns the command for the daemon, without arguments.
pub fn server_command() -> Command {
    command(folder().join("pushd.exe"))
}

/// Runs pushd.exe to its end.
#[track_caller]
pub fn pushd(arguments: &[&str]) -> Ended {
    program::run(server_command().args(arguments), RUN_MS)
}

/// Runs another program to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    program::run(command, RUN_MS)
}
