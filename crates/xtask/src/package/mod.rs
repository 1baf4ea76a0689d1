//! `cargo xtask package`: Debian packages, and a .tar.gz for everybody else.
//!
//! Several packages and not one: daemon, library and extension each go without the others (a web server needs no
//! daemon, a container of pushd no PHP), and each then depends on just what it needs, the extension on its PHP.
//!
//! The same sources, compilers and folders give the same bytes: files are root's, in order, and as old as the last
//! commit, or as `SOURCE_DATE_EPOCH` says.

mod contents;
mod deb;
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::build;
use crate::generated::output;
use crate::install::{self, Install, put};
use crate::packages::{self, Purpose};
use crate::process::run as run_command;
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The version of everything.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the packages go.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// `target/package` if nobody says otherwise.
    pub folder: Option<PathBuf>,
}

/// Builds in release mode, packs, and says what is where.
pub fn run(workspace: &Workspace, options: &Package) -> Result<()> {
    packages::install(&[Purpose::Build, Purpose::Packages])?;
    install::build(workspace)?;
    build::extension(workspace)?;
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => workspace.target.join("package"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    let facts = Facts::find(workspace)?;
    let mut made = vec![tar(workspace, &facts, &folder)?];
    made.extend(debs(workspace, &facts, &folder)?);
    step("Packages");
    for path in made {
        let len = fs::metadata(&path)?.len();
        say(format_args!(
            "    {:7.1} KiB  {}",
            len as f64 / 1024.0,
            path.display()
        ));
    }
    Ok(())
}

/// What the packages are made for, and when.
struct Facts {
    /// Seconds since 1970.
    epoch: String,
    /// Debian's word for the processor, `amd64`.
    architecture: String,
    /// The folder of libraries for it, `x86_64-linux-gnu`.
    multiarch: String,
    php: PhpFacts,
}

/// The PHP that the extension is for.
struct PhpFacts {
    /// `8.2`
    version: String,
    /// Where its extensions are, from the root: `usr/lib/php/20220829`.
    extensions: String,
    /// `20220829`
    api: String,
}

impl Facts {
    fn find(workspace: &Workspace) -> Result<Self> {
        let say =
            |variable: &str| first_line(Command::new("dpkg-architecture").args(["-q", variable]));
        let php = |option: &str| first_line(Command::new(build::php_config()).arg(option));
        let version = php("--version")?;
        let minor = version.rsplit_once('.').context("PHP's version")?.0;
        Ok(Self {
            epoch: epoch(workspace)?,
            architecture: say("DEB_HOST_ARCH")?,
            multiarch: say("DEB_HOST_MULTIARCH")?,
            php: PhpFacts {
                version: minor.to_owned(),
                extensions: php("--extension-dir")?.trim_start_matches('/').to_owned(),
                api: php("--phpapi")?,
            },
        })
    }
}

// Sources without a repository are as old as their list of changes.
fn epoch(workspace: &Workspace) -> Result<String> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    let commit = ["log", "-1", "--format=%ct"];
    if let Ok(time) = first_line(
        Command::new("git")
            .args(commit)
            .current_dir(&workspace.root),
    ) {
        return Ok(time);
    }
    let changes = workspace.root.join("CHANGELOG.md");
    first_line(Command::new("stat").args(["--format", "%Y"]).arg(changes))
}

fn first_line(command: &mut Command) -> Result<String> {
    let text = output(command)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// A folder that stands for `/`, with everything for `prefix` in it.
fn stage(workspace: &Workspace, prefix: &str) -> Result<TempDir> {
    let stage = tempfile::tempdir_in(&workspace.target)?;
    let options = Install {
        prefix: prefix.into(),
        destdir: Some(stage.path().to_owned()),
    };
    install::lay_out(workspace, &options)?;
    Ok(stage)
}

/// Where the files that only packages need are kept.
fn kept(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root.join("crates/xtask/debian").join(name)
}

/// To be unpacked in `/usr/local`.
fn tar(workspace: &Workspace, facts: &Facts, folder: &Path) -> Result<PathBuf> {
    let stage = stage(workspace, "/usr/local")?;
    let name = format!("pushd-{VERSION}");
    let root = stage.path().join(&name);
    fs::rename(stage.path().join("usr/local"), &root)?;
    let extension = root.join("lib/php").join(&facts.php.api).join("pusher.so");
    put(&workspace.extension()?, &extension, "644")?;
    put(
        &kept(workspace, "pusher.ini"),
        &root.join("share/doc/pushd/pusher.ini"),
        "644",
    )?;
    files::strip(&root)?;
    files::set_modes(&root)?;
    let path = folder.join(format!("{name}-{}.tar.gz", facts.multiarch));
    run_command(
        Command::new("tar")
            .args([
                "--create",
                "--sort=name",
                "--owner=0",
                "--group=0",
                "--numeric-owner",
            ])
            .args(["--format=gnu", "--use-compress-program=gzip -n9"])
            .arg(format!("--mtime=@{}", facts.epoch))
            .arg("--file")
            .arg(std::path::absolute(&path)?)
            .arg("--directory")
            .args([stage.path(), Path::new(&name)]),
    )?;
    Ok(path)
}

fn debs(workspace: &Workspace, facts: &Facts, folder: &Path) -> Result<Vec<PathBuf>> {
    let stage = stage(workspace, "/usr")?;
    let root = stage.path();
    let extension = root.join(&facts.php.extensions).join("pusher.so");
    put(&workspace.extension()?, &extension, "644")?;
    let ini = format!("etc/php/{}/mods-available/pusher.ini", facts.php.version);
    put(&kept(workspace, "pusher.ini"), &root.join(ini), "644")?;
    files::strip(root)?;
    files::say_prefix(&root.join("usr/lib/pkgconfig/pusher.pc"), &facts.multiarch)?;
    files::compress(&root.join("usr/share/man"))?;
    let mut made = Vec::new();
    for deb in contents::debs(facts) {
        made.push(deb.make(workspace, facts, root, folder)?);
    }
    for path in contents::NOT_PACKED {
        fs::remove_file(root.join(path))?;
    }
    files::check_empty(root)?;
    Ok(made)
}
