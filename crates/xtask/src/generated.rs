//! Installed files that programs write: settings, completions, units for another prefix.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::shown;
use crate::settings_file;
use crate::workspace::Workspace;

/// The daemon's folder in the unit files.
const UNITS_PREFIX: &str = "/usr/bin/";

/// Returns the settings file: each setting of the daemon, commented out, with its default or an example.
pub fn settings(workspace: &Workspace) -> Result<String> {
    let defaults = daemon(workspace, &["--config", "/dev/null", "--print-config"])?;
    settings_file::from_defaults(&defaults)
}

/// Returns the script that completes the daemon's command line in `shell`.
pub fn completions(workspace: &Workspace, shell: &str) -> Result<String> {
    daemon(workspace, &["completions", shell])
}

/// Returns `unit` for a daemon below `prefix`.
pub fn unit(unit: &str, prefix: &Path) -> Result<String> {
    let prefix = std::path::absolute(prefix)?;
    let bin = prefix.join("bin/");
    let bin = bin.to_str().context("--prefix is not UTF-8")?;
    Ok(unit.replace(UNITS_PREFIX, bin))
}

/// Returns the output of the built daemon. Its environment is empty, so the builder's settings have no effect.
fn daemon(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(workspace.artefact("pushd")?);
    command.args(arguments).env_clear().stderr(Stdio::inherit());
    output(&mut command)
}

/// Runs a command that must succeed, and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("can't start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_starts_the_daemon_below_the_prefix() {
        let text = "ExecStart=/usr/bin/pushd\nExecReload=/bin/kill -HUP $MAINPID\n";
        assert_eq!(unit(text, Path::new("/usr")).unwrap(), text);
        let moved = unit(text, Path::new("/opt/push")).unwrap();
        assert!(moved.starts_with("ExecStart=/opt/push/bin/pushd\nExecReload=/bin/kill"));
    }
}
