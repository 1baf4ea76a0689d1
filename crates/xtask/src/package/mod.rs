//! `cargo xtask package`: Debian packages, a .tar.gz for other systems, and the WordPress plugin as a .zip.
//!
//! There are several packages because each is useful without the others: a web server needs no daemon, and a container
//! of pushd no PHP. So each depends only on what it uses itself.
//!
//! The packages are reproducible. The same sources, compilers and folders give the same bytes: files belong to root,
//! are sorted, and have the time of the last commit or `SOURCE_DATE_EPOCH`.

mod deb;
mod facts;
mod plugin;
mod tar;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use self::facts::Facts;
use crate::build;
use crate::install;
use crate::packages::{self, Purpose};
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The options of `cargo xtask package`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// The folder for the packages; `target/package` by default.
    pub folder: Option<PathBuf>,
}

/// Builds in release mode, makes the packages, and prints their sizes and paths.
pub fn run(workspace: &Workspace, options: &Package) -> Result<()> {
    packages::install(&[Purpose::Build, Purpose::Packages, Purpose::Zip])?;
    install::build(workspace)?;
    build::extension(workspace)?;
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => workspace.target.join("package"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    let facts = Facts::find(workspace)?;
    let mut made = vec![
        tar::make(workspace, &facts, &folder)?,
        plugin::make(workspace, &facts, &folder)?,
    ];
    made.extend(deb::make(workspace, &facts, &folder)?);
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
