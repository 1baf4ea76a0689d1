//! The Debian packages. debhelper makes them from a source tree without sources: `files/` holds the built files,
//! `debian/` says which package each of them is in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::facts::{Facts, VERSION};
use super::plugin;
use crate::generated::output;
use crate::install::{self, Install, put};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

/// The `debian` folder of the project, with placeholders.
pub(super) const DEBIAN: &str = "crates/xtask/debian";
/// The extension's package, in the names of these files. The real name has PHP's version: `php8.2-pusher`.
const PHP_PACKAGE: &str = "php-pusher";

/// Makes the packages in `folder`, and returns their paths.
pub(super) fn make(workspace: &Workspace, facts: &Facts, folder: &Path) -> Result<Vec<PathBuf>> {
    step("Making Debian packages");
    // dpkg-buildpackage puts its results beside the source tree.
    let results = tempfile::tempdir_in(&workspace.target)?;
    let tree = results.path().join("pushd");
    fs::create_dir(&tree)?;
    lay_out_files(workspace, facts, &tree.join("files"))?;
    lay_out_debian(workspace, facts, &tree.join("debian"))?;
    run_command(
        Command::new("dpkg-buildpackage")
            .args(["--build=binary", "--no-sign"])
            .current_dir(&tree)
            .env("SOURCE_DATE_EPOCH", &facts.epoch),
    )?;
    let mut packages = Vec::new();
    for entry in fs::read_dir(results.path())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            let package = folder.join(path.file_name().context("a package without a name")?);
            put(&path, &package, "644")?;
            packages.push(package);
        }
    }
    packages.sort();
    Ok(packages)
}

/// Puts every file that some package may contain where it is on the installed system, below `files`.
fn lay_out_files(workspace: &Workspace, facts: &Facts, files: &Path) -> Result<()> {
    let php = &facts.php;
    let options = Install {
        prefix: "/usr".into(),
        destdir: Some(files.to_owned()),
    };
    install::lay_out(workspace, &options)?;
    let extension = files.join(&php.extensions).join("pusher.so");
    put(&workspace.extension()?, &extension, "644")?;
    let ini = format!("etc/php/{}/mods-available/pusher.ini", php.version);
    let settings = workspace.root.join(DEBIAN).join("pusher.ini");
    put(&settings, &files.join(ini), "644")?;
    lay_out_php(workspace, files)
}

/// Puts the plain PHP classes and the WordPress plugin where Debian has PHP libraries and plugins. There, the plugin has a
/// link to the classes of the other package.
fn lay_out_php(workspace: &Workspace, files: &Path) -> Result<()> {
    let plugins = files.join("usr/share/wordpress/wp-content/plugins");
    let target = plugins.join(plugin::NAME);
    for (from, to) in [
        ("php/src", files.join("usr/share/php/Pushd/Pusher")),
        (plugin::SOURCE, target.clone()),
    ] {
        fs::create_dir_all(to.parent().context("it is below the root")?)?;
        run_command(
            Command::new("cp")
                .args(["--recursive", "--no-target-directory"])
                .args([workspace.root.join(from), to]),
        )?;
    }
    // dh_link makes it, as a link of the installed system.
    fs::remove_file(target.join("pusher"))?;
    Ok(())
}

/// Copies the project's `debian` folder, with this build's version, date and PHP in place of the placeholders.
fn lay_out_debian(workspace: &Workspace, facts: &Facts, debian: &Path) -> Result<()> {
    let php = &facts.php;
    let date = output(Command::new("date").args(["-R", "-u", "-d", &format!("@{}", facts.epoch)]))?;
    run_command(
        Command::new("cp")
            .args(["--recursive", "--no-target-directory"])
            .args([workspace.root.join(DEBIAN).as_path(), debian]),
    )?;
    for entry in fs::read_dir(debian)? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path)?
            .replace("@PHP@", &php.version)
            .replace("@PHPAPI@", &php.api)
            .replace("@VERSION@", VERSION)
            .replace("@DATE@", date.trim_end());
        // Into the same file, which keeps its mode: `rules` is a program.
        fs::write(&path, text)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.context("a file name that is not UTF-8")?;
        let named = name.replace(PHP_PACKAGE, &format!("php{}-pusher", php.version));
        fs::rename(&path, path.with_file_name(named))?;
    }
    Ok(())
}
