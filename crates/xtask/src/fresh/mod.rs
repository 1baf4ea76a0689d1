//! `cargo xtask fresh`: runs the README's two commands, and installs the packages, each on a newly installed Debian.
//!
//! A machine that builds this project every day has each package, crate and file that the project forgot to name. So
//! this command installs a Debian into a folder. Of this machine, that Debian gets the Rust toolchain and nothing
//! else. There, the command clones the last commit and runs the newcomer's commands. A second Debian installs the
//! resulting packages; its systemd runs Apache and php-fpm.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::args::Other;
use crate::build::cargo;
use crate::generated::output;
use crate::packages::{self, Purpose};
use crate::php_builds::archives;
use crate::process::run as run_command;
use crate::requirements;
use crate::say::{say, step};
use crate::workspace::Workspace;

const SUITE: &str = "bookworm";
/// The packages that the README requires before its first command.
const ASKED_FOR: &str = "ca-certificates,gcc,git,libc6-dev";
/// The packages of a server before ours arrive, with `curl` and `cgi-fcgi` to send requests to it.
const SERVER: &str =
    "systemd,systemd-sysv,dbus,adduser,apache2,libapache2-mod-php8.2,php8.2-fpm,curl,libfcgi-bin";
/// The packages of another system's server before ours arrive. `php-cli` is its own PHP.
const OTHER_SERVER: &str = "systemd,systemd-sysv,dbus,adduser,ca-certificates,curl,openssl,php-cli";
const PATH: &str = "PATH=/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Files that configure this machine's access to the network.
const NETWORK_FILES: &[&str] = &[
    "/etc/apt/apt.conf.d",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/local/share/ca-certificates",
    "/root/.npmrc",
];
/// Variables that configure the same.
const NETWORK_VARIABLES: &[&str] = &[
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Runs every step. After a failure, the machines stay in the target folder until the next run.
pub fn run(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("fresh");
    prepare(&folder)?;
    let newcomer = Machine::install(folder.join("newcomer"), &debian()?, ASKED_FOR)?;
    copy(&sysroot(workspace)?, &newcomer.path("rust"))?;
    run_command(
        Command::new("git")
            .args(["clone", "--quiet", "--bare", "--no-hardlinks"])
            .args([&workspace.root, &newcomer.path("source")]),
    )?;
    newcomer.run(include_str!("readme.sh"))?;

    let server = Machine::install(folder.join("server"), &debian()?, SERVER)?;
    copy(&newcomer.path("packages"), &server.path("packages"))?;
    server.boot(include_str!("packages.sh"))?;
    fs::remove_dir_all(&folder)?;
    say("\nBoth commands of the README work on a fresh machine, and so do the packages.");
    Ok(())
}

/// Installs the packages of `cargo xtask package` on a newly installed system of another name, and tries them there.
pub fn other(workspace: &Workspace, other: &Other) -> Result<()> {
    let packages = workspace.target.join("package");
    if !packages.is_dir() {
        bail!(
            "there are no packages in {}: run `cargo xtask package`",
            packages.display()
        );
    }
    let folder = workspace.target.join("fresh").join(&other.suite);
    prepare(&folder)?;
    let system = match &other.mirror {
        Some(mirror) => System::ubuntu(&other.suite, mirror),
        None => of_this_mirror(&other.suite)?,
    };
    let server = Machine::install(folder.join("server"), &system, OTHER_SERVER)?;
    copy(&packages, &server.path("packages"))?;
    copy(&workspace.root.join("php/src"), &server.path("pusher"))?;
    server.run(include_str!("prepare.sh"))?;
    server.boot(include_str!("other.sh"))?;
    fs::remove_dir_all(&folder)?;
    say(format_args!("\nThe packages work on {}.", other.suite));
    Ok(())
}

/// Checks that this machine can install others, and removes the folder of the last run.
fn prepare(folder: &Path) -> Result<()> {
    if let Some(requirement) = requirements::unmet().first() {
        bail!("{}", requirement.lack);
    }
    packages::install(&[Purpose::Fresh])?;
    if folder.exists() {
        fs::remove_dir_all(folder).context("can't remove the machines of the last run")?;
    }
    Ok(())
}

/// A system to install.
struct System {
    suite: String,
    mirror: String,
    /// The lines of its `sources.list`.
    sources: String,
    /// Further arguments of debootstrap, and its script if it has none of the system's name.
    options: &'static [&'static str],
    script: Option<&'static str>,
}

impl System {
    /// Debian 12 has neither the key of Ubuntu's archive nor a script for newer releases. So the installation is not checked
    /// against a key. Later, apt in the new system has the key.
    fn ubuntu(suite: &str, mirror: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            mirror: mirror.to_owned(),
            sources: format!("deb {mirror} {suite} main\n"),
            options: &["--no-check-gpg"],
            script: Some("/usr/share/debootstrap/scripts/gutsy"),
        }
    }
}

/// Returns the Debian of the README.
fn debian() -> Result<System> {
    of_this_mirror(SUITE)
}

/// Returns the Debian of this name, from the mirrors of this machine.
fn of_this_mirror(suite: &str) -> Result<System> {
    let archives = archives()?;
    Ok(System {
        suite: suite.to_owned(),
        sources: archives.sources(suite),
        mirror: archives.main,
        options: &[],
        script: None,
    })
}

/// A system in a folder.
struct Machine {
    root: PathBuf,
}

impl Machine {
    /// Installs the smallest selection of a system and `packages`, and copies this machine's network configuration.
    fn install(root: PathBuf, system: &System, packages: &str) -> Result<Self> {
        let suite = &system.suite;
        step(format_args!("Installing {suite} in {}", root.display()));
        fs::create_dir_all(&root)?;
        let log = root.with_extension("log");
        run_command(
            Command::new("debootstrap")
                .args(["--variant=minbase", &format!("--include={packages}")])
                .args(system.options)
                .arg(suite)
                .arg(&root)
                .arg(&system.mirror)
                .args(system.script)
                .stdout(fs::File::create(&log)?),
        )
        .with_context(|| format!("see {}", log.display()))?;
        let machine = Self { root };
        fs::write(machine.path("etc/apt/sources.list"), &system.sources)?;
        for file in NETWORK_FILES
            .iter()
            .map(Path::new)
            .filter(|file| file.exists())
        {
            let copied = machine.path(file.strip_prefix("/")?);
            fs::create_dir_all(copied.parent().context("a file in a folder")?)?;
            copy(file, &copied)?;
        }
        Ok(machine)
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Runs a bash script as root, with this machine's network.
    fn run(&self, script: &str) -> Result<()> {
        fs::write(self.path("run.sh"), script)?;
        self.start(&[], ["/bin/bash", "/run.sh"])
    }

    /// Starts systemd without a network, and runs a bash script there as its last service.
    fn boot(&self, script: &str) -> Result<()> {
        fs::write(self.path("run.sh"), script)?;
        fs::write(
            self.path("etc/systemd/system/run.service"),
            include_str!("run.service"),
        )?;
        let ended = self.start(&["--net"], ["/lib/systemd/systemd", "--unit=run.service"]);
        say(fs::read_to_string(self.path("run.log")).unwrap_or_default());
        ended
    }

    /// Starts a program as the first process of the machine.
    fn start(&self, kinds: &[&str], program: [&str; 2]) -> Result<()> {
        let enter = self.root.with_extension("sh");
        fs::write(&enter, include_str!("enter.sh"))?;
        let variables = NETWORK_VARIABLES.iter().filter_map(|name| {
            let value = std::env::var(name).ok()?;
            Some(format!("{name}={value}"))
        });
        let mut command = requirements::MOUNTS.unshare(kinds);
        command
            .args(["--mount", "--pid", "--ipc", "--uts", "--cgroup"])
            .args(["--fork", "--kill-child", "env", "-i"])
            .args([PATH, "HOME=/root", "container=fresh"])
            .args(variables)
            .args([OsStr::new("sh"), enter.as_os_str(), self.root.as_os_str()])
            .args(program);
        run_command(&mut command)
    }
}

/// Returns the folder of this machine's Rust toolchain.
fn sysroot(workspace: &Workspace) -> Result<PathBuf> {
    let rustc = cargo(workspace).get_program().to_owned();
    let rustc = Path::new(&rustc).with_file_name("rustc");
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(sysroot.trim_end()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    run_command(
        Command::new("cp")
            .args(["--archive", "--dereference", "--no-target-directory"])
            .args([from, to]),
    )
}
