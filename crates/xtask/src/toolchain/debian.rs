//! Debian's packages of a compiler and of the sources of its standard library. They conflict with other packages, so they
//! are unpacked, not installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::generated::output;
use crate::process::run as run_command;
use crate::say::step;

/// The packages. [`packages`] adds the libraries that they need.
const PACKAGES: [&str; 3] = ["rustc-web", "libstd-rust-web-dev", "rust-web-src"];

/// Prefixes of the names of packages with shared libraries that the compiler needs, besides those of Debian's base.
const LIBRARIES: [&str; 2] = ["libstd-rust-web-", "libLLVM"];

/// Unpacks the packages into `folder`, unless that is done already. Returns the path of the compiler.
pub(super) fn unpack(folder: &Path) -> Result<PathBuf> {
    let rustc = folder.join("rustc");
    if !rustc.is_file() {
        step("Unpacking Debian's rustc with the sources of the standard library");
        let debs = folder.join("debs");
        fs::create_dir_all(&debs)?;
        run_command(
            Command::new("apt-get")
                .arg("download")
                .args(packages()?)
                .current_dir(&debs),
        )?;
        for deb in fs::read_dir(&debs)? {
            let mut dpkg = Command::new("dpkg");
            run_command(dpkg.arg("-x").arg(deb?.path()).arg(folder.join("root")))?;
        }
        fs::remove_dir_all(&debs)?;
        write_script(&rustc, &folder.join("root/usr"))?;
    }
    Ok(rustc)
}

/// Returns the names of the packages and of their libraries. The names of libraries contain version numbers, so apt-cache
/// lists them.
fn packages() -> Result<Vec<String>> {
    let mut names = PACKAGES.map(str::to_owned).to_vec();
    let query = output(
        Command::new("apt-cache")
            .args(["depends", "--recurse", "--no-recommends", "--no-suggests"])
            .args([
                "--no-conflicts",
                "--no-breaks",
                "--no-replaces",
                "--no-enhances",
            ])
            .args(PACKAGES),
    )?;
    for name in query.lines().filter(|line| !line.starts_with([' ', '<'])) {
        let is_library = LIBRARIES
            .iter()
            .any(|begin| name.to_lowercase().starts_with(&begin.to_lowercase()));
        if is_library && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The compiler finds its libraries by a variable, because it is not where it was built for.
fn write_script(path: &Path, root: &Path) -> Result<()> {
    let root = root.display();
    let text = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH='{root}/lib/x86_64-linux-gnu:{root}/lib' exec '{root}/bin/rustc' \"$@\"\n"
    );
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
