//! PHPs other than Debian 12's, in which the extension is tested: Debian 13's PHP 8.4, and a debug build with
//! threads.
//!
//! Both come from Debian's archive, through an apt with its own lists in the target folder. The system installs
//! nothing, and root is not needed. The target folder keeps them for the next run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::cargo;
use crate::phpt::{self, Php, Pusher, write_program};
use crate::process::run as run_command;
use crate::say::step;
use crate::workspace::Workspace;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Builds the extension for PHP 8.4, and tests the extension and the fallback there.
pub fn php_84(workspace: &Workspace) -> Result<()> {
    let place = Place::new(workspace, "8.4")?;
    place.once("PHP 8.4", || {
        let apt = Apt::new(&place, "deb", "trixie")?;
        apt.run(
            &[
                "install",
                "--download-only",
                "-y",
                "--no-install-recommends",
            ],
            &["php8.4-cli", "php8.4-dev"],
        )?;
        unpack_all(&place)
    })?;
    let runner = "root/usr/lib/php/*/build/run-tests.php";
    place.test(workspace, runner)?;
    // Its extensions are not where it looks for them, so it has no FFI.
    let fallback = Pusher::Fallback { library: None };
    phpt::run(workspace, &place.php(runner, fallback)?)
}

/// Builds PHP 8.2 with threads and its memory checks, and tests the extension there.
pub fn zts_debug(workspace: &Workspace) -> Result<()> {
    let place = Place::new(workspace, "zts")?;
    place.once("PHP 8.2 with threads, for debugging", || {
        let apt = Apt::new(&place, "deb-src", "bookworm")?;
        apt.run(&["source", "--download-only"], &["php8.2"])?;
        compile(&place)
    })?;
    place.test(workspace, "installed/lib/php/build/run-tests.php")
}

/// The folder of a PHP. It is complete when it holds `php` and `php-config`.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new(workspace: &Workspace, name: &str) -> Result<Self> {
        let folder = workspace.target.join("php").join(name);
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the PHP, unless it exists from an earlier run.
    fn once(&self, name: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.path("php").exists() {
            return Ok(());
        }
        step(format_args!("Downloading {name}"));
        make()
    }

    /// Returns a shell command that runs in this folder.
    fn shell(&self, line: &str) -> Result<()> {
        run_command(
            Command::new("sh")
                .args(["-ec", line])
                .current_dir(&self.folder),
        )
    }

    fn test(&self, workspace: &Workspace, runner: &str) -> Result<()> {
        let target = self.path("target");
        step("Building the extension for it");
        run_command(
            cargo(workspace)
                .args(["build", "--release", "--package", "pusher-php"])
                .env("CARGO_TARGET_DIR", &target)
                .env("PHP", self.path("php"))
                .env("PHP_CONFIG", self.path("php-config")),
        )?;
        let extension = target.join("release/libpusher_php.so");
        phpt::run(workspace, &self.php(runner, Pusher::Extension(extension))?)
    }

    fn php(&self, runner: &str, pusher: Pusher) -> Result<Php> {
        Ok(Php {
            program: self.path("php"),
            runner: self.find(runner)?,
            pusher,
            without_ini: true,
        })
    }

    /// Returns the file that matches a shell pattern.
    fn find(&self, pattern: &str) -> Result<PathBuf> {
        let line = format!("ls -d {pattern}");
        let output = Command::new("sh")
            .args(["-ec", &line])
            .current_dir(&self.folder)
            .output()?;
        let found = String::from_utf8(output.stdout)?;
        let first = found.lines().next();
        Ok(self.path(first.with_context(|| format!("no {pattern} in {}", self.folder.display()))?))
    }
}

/// An apt with its own lists, cache and state, as if no package were installed.
struct Apt<'a> {
    place: &'a Place,
}

impl<'a> Apt<'a> {
    fn new(place: &'a Place, kind: &str, suite: &str) -> Result<Self> {
        for folder in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(place.path(folder))?;
        }
        fs::write(place.path("status"), "")?;
        let archive = archives()?.main;
        let line = format!("{kind} [signed-by={KEYRING}] {archive} {suite} main\n");
        fs::write(place.path("sources.list"), line)?;
        let apt = Self { place };
        apt.run(&["update"], &[])?;
        Ok(apt)
    }

    fn run(&self, words: &[&str], names: &[&str]) -> Result<()> {
        let mut command = Command::new("apt-get");
        for (option, file) in [
            ("Dir::Etc::SourceList", "sources.list"),
            ("Dir::State", "state"),
            ("Dir::State::status", "status"),
            ("Dir::Cache", "cache"),
        ] {
            command.arg("-o");
            command.arg(format!("{option}={}", self.place.path(file).display()));
        }
        command
            // Ignores the machine's own sources, and does not switch from root to another user.
            .args([
                "-o",
                "Dir::Etc::SourceParts=/dev/null",
                "-o",
                "APT::Sandbox::User=root",
                "-q",
            ])
            // The locks protect the machine's packages, which this apt does not touch.
            .args(["-o", "Debug::NoLocking=1"])
            .args(words)
            .args(names)
            .current_dir(&self.place.folder);
        run_command(&mut command).context("can't list the packages of Debian's archive")
    }
}

/// The mirrors of this machine's apt.
pub(crate) struct Archives {
    pub(crate) main: String,
    security: Option<String>,
}

impl Archives {
    /// Returns the lines of a `sources.list` for a Debian of that name.
    pub(crate) fn sources(&self, suite: &str) -> String {
        let main = &self.main;
        let mut lines = format!("deb {main} {suite} main\ndeb {main} {suite}-updates main\n");
        if let Some(security) = &self.security {
            lines += &format!("deb {security} {suite}-security main\n");
        }
        lines
    }
}

/// Asks apt for them.
pub(crate) fn archives() -> Result<Archives> {
    let output = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(ORIGIN) $(REPO_URI)",
            "Created-By: Packages",
        ])
        .output()
        .context("can't start apt-get")?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let find = |is_security: bool| {
        let uris = lines
            .lines()
            .filter_map(|line| line.strip_prefix("Debian "));
        let mut wanted = uris.filter(|uri| uri.contains("security") == is_security);
        wanted
            .next()
            .map(|uri| uri.trim_end_matches('/').to_owned())
    };
    Ok(Archives {
        main: find(false).context("apt has no Debian mirror: run apt-get update")?,
        security: find(true),
    })
}

/// Unpacks the packages, and writes a `php` script that uses the libraries from these packages: the machine's own may
/// be older.
fn unpack_all(place: &Place) -> Result<()> {
    place
        .shell("mkdir -p root; for deb in cache/archives/*.deb; do dpkg -x \"$deb\" root; done")?;
    let root = place.path("root");
    let root = root.display();
    let libraries = place.find("root/usr/lib/*-linux-gnu")?;
    let loader = place.find("root/usr/lib/*-linux-gnu/ld-linux-*.so.*")?;
    write_program(
        &place.path("php-config"),
        &format!(
            "#!/bin/sh\nsh '{root}/usr/bin/php-config8.4' \"$@\" | sed 's#/usr/include/php#{root}/usr/include/php#g'\n"
        ),
    )?;
    // PHP starts child processes by this script's path.
    write_program(
        &place.path("php"),
        &format!(
            "#!/bin/sh\nexec '{}' --argv0 \"$0\" --library-path '{}' '{root}/usr/bin/php8.4' \"$@\"\n",
            loader.display(),
            libraries.display()
        ),
    )?;
    Ok(())
}

/// Compiles PHP from source, which takes a few minutes.
fn compile(place: &Place) -> Result<()> {
    place.shell(
        "rm -rf source; mkdir source; tar -xf php8.2_*.orig.tar.xz -C source --strip-components 1
         cd source
         ./configure --quiet --prefix=\"$PWD/../installed\" --disable-all --disable-cgi --disable-phpdbg \
             --enable-zts --enable-debug --enable-pcntl --enable-posix --enable-session
         make --quiet -j\"$(nproc)\"
         make --quiet install",
    )?;
    link(
        &place.path("installed/bin/php-config"),
        &place.path("php-config"),
    )?;
    link(&place.path("installed/bin/php"), &place.path("php"))
}

fn link(from: &Path, to: &Path) -> Result<()> {
    std::os::unix::fs::symlink(from, to).with_context(|| format!("can't make {}", to.display()))
}
