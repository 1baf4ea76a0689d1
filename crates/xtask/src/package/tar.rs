//! The archive for systems without Debian's packages. It is unpacked in `/usr/local`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::deb::DEBIAN;
use super::facts::{Facts, VERSION};
use crate::install::{self, Install, put, put_text};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// Where the archive is unpacked.
const PREFIX: &str = "/usr/local";
/// The script that enables the extension, with placeholders.
const SCRIPT: &str = "crates/xtask/tar/php-extension.sh";

/// Makes the archive in `folder`, and returns its path.
pub(super) fn make(workspace: &Workspace, facts: &Facts, folder: &Path) -> Result<PathBuf> {
    step("Making the archive");
    let stage = tempfile::tempdir_in(&workspace.target)?;
    let options = Install {
        prefix: PREFIX.into(),
        destdir: Some(stage.path().to_owned()),
    };
    install::lay_out(workspace, &options)?;
    let name = format!("pushd-{VERSION}");
    let root = stage.path().join(&name);
    fs::rename(stage.path().join(PREFIX.trim_start_matches('/')), &root)?;
    let extension = format!("lib/php/{}/pusher.so", facts.php.api);
    put(&workspace.extension()?, &root.join(&extension), "644")?;
    lay_out_php_settings(workspace, facts, &root, &extension)?;
    for file in ["bin/pushd", "lib/libpusher.so.0", &extension] {
        strip(&root.join(file), "--strip-unneeded")?;
    }
    strip(&root.join("lib/libpusher.a"), "--strip-debug")?;
    // Folders and programs 755, other files 644, with any umask.
    run_command(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(&root))?;
    let path = folder.join(format!(
        "{name}-{}-linux-gnu.tar.gz",
        std::env::consts::ARCH
    ));
    run_command(
        Command::new("tar")
            .args(["--create", "--sort=name", "--format=gnu"])
            .args(["--owner=0", "--group=0", "--numeric-owner"])
            .arg("--use-compress-program=gzip -n9")
            .arg(format!("--mtime=@{}", facts.epoch))
            .arg("--file")
            .arg(std::path::absolute(&path)?)
            .arg("--directory")
            .args([stage.path(), Path::new(&name)]),
    )?;
    Ok(path)
}

/// Puts the extension's settings, and the script that enables it, into `share/pushd`.
fn lay_out_php_settings(
    workspace: &Workspace,
    facts: &Facts,
    root: &Path,
    extension: &str,
) -> Result<()> {
    let ini = fs::read_to_string(workspace.root.join(DEBIAN).join("pusher.ini"))?;
    let path = format!("extension={PREFIX}/{extension}");
    // PHP looks for a name without a path in a folder of its own.
    let ini = ini.replace("extension=pusher.so", &path);
    put_text(&ini, &root.join("share/pushd/pusher.ini"), "644")?;
    let script = fs::read_to_string(workspace.root.join(SCRIPT))?
        .replace("@PHP@", &facts.php.version)
        .replace("@PHPAPI@", &facts.php.api);
    put_text(&script, &root.join("share/pushd/php-extension.sh"), "755")
}

/// Removes the symbols and sections that only a debugger reads.
fn strip(file: &Path, symbols: &str) -> Result<()> {
    run_command(
        Command::new("strip")
            .args([symbols, "--enable-deterministic-archives"])
            .args(["--remove-section=.comment", "--remove-section=.note"])
            .arg(file),
    )
}
