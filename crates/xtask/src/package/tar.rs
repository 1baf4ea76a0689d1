//! The archive for systems without Debian's packages. It is unpacked in `/usr/local`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::deb::DEBIAN;
use super::facts::{Facts, VERSION};
use crate::install::{self, Install, put};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// Makes the archive in `folder`, and returns its path.
pub(super) fn make(workspace: &Workspace, facts: &Facts, folder: &Path) -> Result<PathBuf> {
    step("Making the archive");
    let stage = tempfile::tempdir_in(&workspace.target)?;
    let options = Install {
        prefix: "/usr/local".into(),
        destdir: Some(stage.path().to_owned()),
    };
    install::lay_out(workspace, &options)?;
    let name = format!("pushd-{VERSION}");
    let root = stage.path().join(&name);
    fs::rename(stage.path().join("usr/local"), &root)?;
    let extension = format!("lib/php/{}/pusher.so", facts.php.api);
    put(&workspace.extension()?, &root.join(&extension), "644")?;
    let ini = workspace.root.join(DEBIAN).join("pusher.ini");
    put(&ini, &root.join("share/doc/pushd/pusher.ini"), "644")?;
    for file in ["bin/pushd", "lib/libpusher.so.0", &extension] {
        strip(&root.join(file), "--strip-unneeded")?;
    }
    strip(&root.join("lib/libpusher.a"), "--strip-debug")?;
    // Folders and programs 755, other files 644, with any umask.
    run_command(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(&root))?;
    let path = folder.join(format!("{name}-{}.tar.gz", facts.multiarch));
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

/// Removes the symbols and sections that only a debugger reads.
fn strip(file: &Path, symbols: &str) -> Result<()> {
    run_command(
        Command::new("strip")
            .args([symbols, "--enable-deterministic-archives"])
            .args(["--remove-section=.comment", "--remove-section=.note"])
            .arg(file),
    )
}
