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
    if let Some(requirement) = requirements::unmet().first() {
        bail!("{}", requirement.lack);
    }
    packages::install(&[Purpose::Fresh])?;
    let folder = workspace.target.join("fresh");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("can't remove the machines of the last run")?;
    }

    let newcomer = Machine::install(folder.join("newcomer"), ASKED_FOR)?;
    copy(&sysroot(workspace)?, &newcomer.path("rust"))?;
    run_command(
        Command::new("git")
            .args(["clone", "--quiet", "--bare", "--no-hardlinks"])
            .args([&workspace.root, &newcomer.path("source")]),
    )?;
    newcomer.run(include_str!("readme.sh"))?;

    let server = Machine::install(folder.join("server"), SERVER)?;
    copy(&newcomer.path("packages"), &server.path("packages"))?;
    server.boot(include_str!("packages.sh"))?;
    fs::remove_dir_all(&folder)?;
    say("\nBoth commands of the README work on a fresh machine, and so do the packages.");
    Ok(())
}

/// A Debian in a folder.
struct Machine {
    root: PathBuf,
}

impl Machine {
    /// Installs Debian's smallest selection and `packages`, and copies this machine's network configuration.
    fn install(root: PathBuf, packages: &str) -> Result<Self> {
        step(format_args!("Installing Debian in {}", root.display()));
        fs::create_dir_all(&root)?;
        let archives = archives()?;
        let log = root.with_extension("log");
        run_command(
            Command::new("debootstrap")
                .args(["--variant=minbase", &format!("--include={packages}"), SUITE])
                .arg(&root)
                .arg(&archives.main)
                .stdout(fs::File::create(&log)?),
        )
        .with_context(|| format!("see {}", log.display()))?;
        let machine = Self { root };
        fs::write(
            machine.path("etc/apt/sources.list"),
            archives.sources(SUITE),
        )?;
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
