//! What is done to files on their way into a package.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::run as run_command;

/// Every file and link below `folder`, in order.
pub(super) fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("can't read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => files.extend(all(&entry.path())?),
            false => files.push(entry.path()),
        }
    }
    files.sort();
    Ok(files)
}

/// Programs and libraries, which are not scripts.
pub(super) fn is_elf(path: &Path) -> Result<bool> {
    Ok(!path.is_symlink() && fs::read(path)?.starts_with(b"\x7fELF"))
}

/// Takes out what only a debugger wants.
pub(super) fn strip(folder: &Path) -> Result<()> {
    for path in all(folder)? {
        let what = match path.extension().and_then(|extension| extension.to_str()) {
            Some("a") => "--strip-debug",
            _ if is_elf(&path)? => "--strip-unneeded",
            _ => continue,
        };
        let mut strip = Command::new("strip");
        strip.args([what, "--enable-deterministic-archives"]);
        strip.args(["--remove-section=.comment", "--remove-section=.note"]);
        run_command(strip.arg(path))?;
    }
    Ok(())
}

/// Folders and programs 755, whatever the umask.
pub(super) fn set_modes(folder: &Path) -> Result<()> {
    run_command(
        Command::new("chmod")
            .args(["-R", "u=rwX,go=rX"])
            .arg(folder),
    )
}

/// In a folder of its processor, pusher.pc can't find the prefix by itself.
pub(super) fn say_prefix(pc: &Path, multiarch: &str) -> Result<()> {
    let text = fs::read_to_string(pc)?;
    let said = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| match line {
            line if line.starts_with("prefix=") => "prefix=/usr\n".to_owned(),
            line if line.starts_with("libdir=") => format!("libdir=${{prefix}}/lib/{multiarch}\n"),
            line => format!("{line}\n"),
        });
    fs::write(pc, said.collect::<String>())?;
    Ok(())
}

/// Compresses what is below `folder`; links then lead to the compressed files.
pub(super) fn compress(folder: &Path) -> Result<()> {
    for path in all(folder)? {
        if path.is_symlink() {
            let target = with_gz(&fs::read_link(&path)?);
            fs::remove_file(&path)?;
            symlink(target, with_gz(&path))?;
        } else {
            gzip(&path)?;
        }
    }
    Ok(())
}

pub(super) fn gzip(path: &Path) -> Result<()> {
    run_command(Command::new("gzip").arg("-n9").arg(path))
}

fn with_gz(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}

/// A file of this text; its folder is made.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Whatever is installed belongs to some package.
pub(super) fn check_empty(folder: &Path) -> Result<()> {
    if let Some(path) = all(folder)?.first() {
        bail!(
            "{} is in no package: name it in package/contents.rs",
            path.display()
        );
    }
    Ok(())
}
