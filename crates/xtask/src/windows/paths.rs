//! Where everything for Windows is built.

use std::path::PathBuf;

use crate::workspace::Workspace;

/// Rust's name of the system.
pub(super) const TARGET: &str = "x86_64-pc-windows-gnu";

/// Returns cargo's target folder.
pub(super) fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("windows")
}

/// Returns the folder that is in the .zip.
pub fn folder(workspace: &Workspace) -> PathBuf {
    target(workspace).join("pushd")
}
