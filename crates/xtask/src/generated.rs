//! What is installed and not written by hand: settings, completions, units for another prefix.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::shown;
use crate::workspace::Workspace;

/// Where the units say that the daemon is.
const UNITS_PREFIX: &str = "/usr/bin/";

/// What the file of settings begins with; it is the one that packages bring.
const SETTINGS: &str = "\
# The settings of pushd(8). Those that are commented out stand here with their defaults; `pusherd --help`
# says what each is for, `pusherd --check` whether this file is right. `systemctl reload pushd` puts it in
# force; what needs a restart is named in the log.

# Where publishers connect. Every program of this machine may publish through the first; the unix socket
# belongs to the group of /run/pushd, which is the web server's.
publish-listen = [\"127.0.0.1:5555\", \"unix:/run/pushd/publish.sock\"]

";

/// The file of settings: whatever the daemon knows, commented out.
pub fn settings(workspace: &Workspace) -> Result<String> {
    let defaults = daemon(workspace, &["--config", "/dev/null", "--print-config"])?;
    let lines = defaults
        .lines()
        .map(|line| line.trim_end_matches("  # default"))
        .filter(|line| !line.starts_with("publish-listen "))
        .map(|line| format!("# {}\n", line.trim_start_matches("# ")));
    Ok(SETTINGS.to_owned() + &lines.collect::<String>())
}

/// What `shell` needs to complete the daemon's command line.
pub fn completions(workspace: &Workspace, shell: &str) -> Result<String> {
    daemon(workspace, &["completions", shell])
}

/// A unit for a daemon below `prefix`.
pub fn unit(unit: &str, prefix: &Path) -> Result<String> {
    let prefix = std::path::absolute(prefix)?;
    let bin = prefix.join("bin/");
    let bin = bin.to_str().context("--prefix is not UTF-8")?;
    Ok(unit.replace(UNITS_PREFIX, bin))
}

/// What the built daemon prints, whatever the environment of whoever builds.
fn daemon(workspace: &Workspace, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(workspace.artefact("pushd")?);
    command.args(arguments).env_clear().stderr(Stdio::inherit());
    output(&mut command)
}

/// What a command that must succeed prints.
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
    fn a_units_daemon_is_below_the_prefix() {
        let text = "ExecStart=/usr/bin/pushd\nExecReload=/bin/kill -HUP $MAINPID\n";
        assert_eq!(unit(text, Path::new("/usr")).unwrap(), text);
        let moved = unit(text, Path::new("/opt/push")).unwrap();
        assert!(moved.starts_with("ExecStart=/opt/push/bin/pushd\nExecReload=/bin/kill"));
    }
}
