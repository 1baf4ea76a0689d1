//! `cargo xtask install`: installs the daemon, the library and their manuals below a prefix.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::{self, cargo};
use crate::documents;
use crate::generated;
use crate::process::run as run_command;
use crate::say::{say, step};
use crate::workspace::Workspace;

/// The options of `cargo xtask install`.
#[derive(Debug, PartialEq, Eq)]
pub struct Install {
    /// The folder from which everything is used, such as `/usr/local`.
    pub prefix: PathBuf,
    /// A folder that stands for `/`, for package builders.
    pub destdir: Option<PathBuf>,
}

impl Install {
    /// Returns the folder that gets `bin`, `lib` and the others.
    fn folder(&self) -> Result<PathBuf> {
        let prefix = std::path::absolute(&self.prefix).context("--prefix")?;
        Ok(match &self.destdir {
            None => prefix,
            Some(destdir) => destdir.join(prefix.strip_prefix("/")?),
        })
    }
}

/// The origin of an installed file.
enum Source {
    /// The daemon's release build.
    Daemon(&'static str),
    /// The library's release build.
    Library(&'static str),
    /// A file of the repository.
    Kept(&'static str),
    /// A systemd unit of the repository, which names the daemon's path.
    Unit(&'static str),
    /// The daemon's completions for this shell.
    Completions(&'static str),
    /// The daemon's table of settings.
    Settings,
}

use Source::{Completions, Daemon, Kept, Library, Settings, Unit};

const PROGRAM: &str = "755";
const DATA: &str = "644";

/// Each installed file, except for the documents: its source, its path below the prefix, and its mode.
#[rustfmt::skip]
const FILES: &[(Source, &str, &str)] = &[
    (Daemon("pushd"), "bin/pushd", PROGRAM),
    (Library("libpusher.so"), "lib/libpusher.so.0", DATA),
    (Library("libpusher.a"), "lib/libpusher.a", DATA),
    (Kept("crates/libpusher/pusher.pc"), "lib/pkgconfig/pusher.pc", DATA),
    (Kept("include/pusher.h"), "include/pusher.h", DATA),
    (Kept("include/pusher.hpp"), "include/pusher.hpp", DATA),
    (Kept("crates/libpusher/man/push_publish.3"), "share/man/man3/push_publish.3", DATA),
    (Kept("crates/pushd/man/pushd.8"), "share/man/man8/pushd.8", DATA),
    (Unit("crates/pushd/systemd/pushd.service"), "lib/systemd/system/pushd.service", DATA),
    (Kept("crates/pushd/systemd/pushd-public.socket"), "lib/systemd/system/pushd-public.socket", DATA),
    (Kept("crates/pushd/systemd/pushd-private.socket"), "lib/systemd/system/pushd-private.socket", DATA),
    (Kept("crates/pushd/systemd/sysusers.conf"), "lib/sysusers.d/pushd.conf", DATA),
    (Kept("crates/pushd/systemd/tmpfiles.conf"), "lib/tmpfiles.d/pushd.conf", DATA),
    (Completions("bash"), "share/bash-completion/completions/pusherd", DATA),
    (Completions("fish"), "share/fish/vendor_completions.d/pusherd.fish", DATA),
    (Completions("zsh"), "share/zsh/site-functions/_pusherd", DATA),
    (Settings, "share/doc/pushd/pushd.toml", DATA),
    (Kept("LICENSE"), "share/doc/pushd/LICENSE", DATA),
];

/// Links: the path below the prefix, and the target in the same folder.
const LINKS: &[(&str, &str)] = &[
    // In bash, `pushd` alone is a builtin command.
    ("bin/pusherd", "pushd"),
    ("share/man/man8/pusherd.8", "pushd.8"),
    // The linker looks for `libpusher.so`, programs look for the versioned name.
    ("lib/libpusher.so", "libpusher.so.0"),
    // `man` finds each function by its own name.
    ("share/man/man3/push_client_flush.3", "push_publish.3"),
    ("share/man/man3/push_client_free.3", "push_publish.3"),
    ("share/man/man3/push_client_new.3", "push_publish.3"),
    ("share/man/man3/push_client_position.3", "push_publish.3"),
    ("share/man/man3/push_client_presence.3", "push_publish.3"),
    ("share/man/man3/push_client_publish.3", "push_publish.3"),
    (
        "share/man/man3/push_client_publish_async.3",
        "push_publish.3",
    ),
    (
        "share/man/man3/push_client_publish_event.3",
        "push_publish.3",
    ),
    (
        "share/man/man3/push_client_publish_event_async.3",
        "push_publish.3",
    ),
    ("share/man/man3/push_client_revoke.3", "push_publish.3"),
    ("share/man/man3/push_last_error.3", "push_publish.3"),
    ("share/man/man3/push_position.3", "push_publish.3"),
    ("share/man/man3/push_presence.3", "push_publish.3"),
    ("share/man/man3/push_revoke.3", "push_publish.3"),
    ("share/man/man3/push_strerror.3", "push_publish.3"),
    ("share/man/man3/push_ticket.3", "push_publish.3"),
    ("share/man/man3/push_version.3", "push_publish.3"),
];

/// Builds in release mode, installs, and prints how to use the result.
pub fn run(workspace: &Workspace, options: &Install) -> Result<()> {
    build(workspace)?;
    lay_out(workspace, options)?;
    if options.destdir.is_none() {
        say_how_to_use(&options.folder()?);
    }
    Ok(())
}

/// Builds the installed programs and libraries.
pub fn build(workspace: &Workspace) -> Result<()> {
    build::package(workspace, "pushd")?;
    build_library(workspace)
}

/// Installs the results of [`build()`].
pub fn lay_out(workspace: &Workspace, options: &Install) -> Result<()> {
    let folder = options.folder()?;
    step(format_args!("Installing in {}", folder.display()));
    for (source, name, mode) in FILES {
        say(format_args!("    {name}"));
        let to = folder.join(name);
        match source {
            Daemon(name) => put(&workspace.artefact(name)?, &to, mode)?,
            Library(name) => put(
                &library_target(workspace).join("release").join(name),
                &to,
                mode,
            )?,
            Kept(path) => put(&workspace.root.join(path), &to, mode)?,
            Unit(path) => {
                let unit = fs::read_to_string(workspace.root.join(path))?;
                put_text(&generated::unit(&unit, &options.prefix)?, &to, mode)?;
            }
            Completions(shell) => put_text(&generated::completions(workspace, shell)?, &to, mode)?,
            Settings => put_text(&generated::settings(workspace)?, &to, mode)?,
        }
    }
    for (path, name) in documents::DOCUMENTS {
        let name = format!("{}/{name}", documents::FOLDER);
        say(format_args!("    {name}"));
        put_text(&documents::text(workspace, path)?, &folder.join(name), DATA)?;
    }
    for (name, target) in LINKS {
        say(format_args!("    {name} -> {target}"));
        link(target, &folder.join(name))?;
    }
    Ok(())
}

// Builds in a separate target folder. Together with the PHP extension, cargo would build the library with other
// features into the same files; and installing must not require PHP.
fn build_library(workspace: &Workspace) -> Result<()> {
    step("Building libpusher (release)");
    run_command(
        cargo(workspace)
            .args(["build", "--release", "--package", "libpusher"])
            .env("CARGO_TARGET_DIR", library_target(workspace)),
    )
}

fn library_target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("library")
}

// Not std::fs::copy: it would overwrite the file of a running daemon or a loaded library. `install` replaces the
// file.
pub(crate) fn put(from: &Path, to: &Path, mode: &str) -> Result<()> {
    let mut install = Command::new("install");
    install.args(["-D", "-T", "-m", mode]).args([from, to]);
    run_command(&mut install)
}

pub(crate) fn put_text(text: &str, to: &Path, mode: &str) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), text)?;
    put(file.path(), to, mode)
}

pub(crate) fn link(target: &str, name: &Path) -> Result<()> {
    run_command(
        Command::new("ln")
            .args(["-s", "-f", "-T", target])
            .arg(name),
    )
}

fn say_how_to_use(folder: &Path) {
    let folder = folder.display();
    say(format_args!(
        "\n\
         As a service: {folder}/share/doc/pushd/INSTALL.md\n\
         The manual:   man -M {folder}/share/man pushd   (and push_publish)\n\
         Compiling:    export PKG_CONFIG_PATH={folder}/lib/pkgconfig\n\
         \x20             cc program.c $(pkg-config --cflags --libs pusher)\n\
         Running that: `ldconfig` as root, if /etc/ld.so.conf.d names {folder}/lib;\n\
         \x20             else compile with -Wl,-rpath,{folder}/lib"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destdir_stands_for_the_root() {
        let mut options = Install {
            prefix: "/usr".into(),
            destdir: None,
        };
        assert_eq!(options.folder().unwrap(), Path::new("/usr"));
        options.destdir = Some("/tmp/package".into());
        assert_eq!(options.folder().unwrap(), Path::new("/tmp/package/usr"));
        options.prefix = "relative".into();
        let here = std::env::current_dir().unwrap();
        let expected = Path::new("/tmp/package")
            .join(here.strip_prefix("/").unwrap())
            .join("relative");
        assert_eq!(options.folder().unwrap(), expected);
    }

    #[test]
    fn each_link_has_a_target_in_its_folder() {
        for (name, target) in LINKS {
            let beside = Path::new(name).with_file_name(target);
            let is_there = FILES.iter().any(|(_, file, _)| Path::new(file) == beside);
            assert!(is_there, "{name} -> {target}");
        }
    }
}
