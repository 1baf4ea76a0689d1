//! A copy of this machine, to install packages in. Its files are this machine's until something changes them, its
//! network is its own, and dropping the value discards every change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;
use xtask::process::{Background, wait_until};
use xtask::requirements::MOUNTS;

use crate::log::Log;
use crate::program::{self, Ended};
use crate::{WAIT_MS, workspace};

/// Time limit for the start of a machine, and for the installation of a package.
const LONG_MS: u64 = 300_000;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A running machine.
#[derive(Debug)]
pub struct Machine {
    _outside: Background,
    /// Process id of its first process, as seen from this machine.
    first: u32,
    console: Log,
    _folder: TempDir,
}

impl Machine {
    /// Starts a machine that runs no services.
    #[track_caller]
    pub fn bare() -> Self {
        Self::start(&["sleep", "1h"], "sleep")
    }

    /// Starts a machine with its own systemd, which runs none of this machine's services.
    #[track_caller]
    pub fn with_systemd() -> Self {
        let systemd = "/lib/systemd/systemd";
        let machine = Self::start(
            &[
                systemd,
                "--system",
                "--unit=nothing.target",
                "--log-target=console",
            ],
            "systemd",
        );
        let is_up = || {
            let ended = machine.run("systemctl is-active --quiet nothing.target");
            ended.status.success()
        };
        assert!(
            wait_until(LONG_MS, is_up),
            "systemd is not up:\n{}",
            machine.console.text()
        );
        machine
    }

    #[track_caller]
    fn start(first: &[&str], name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = workspace().root;
        let mut command =
            MOUNTS.unshare(&["--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"]);
        command
            .args(["--fork", "--kill-child", "sh"])
            .arg(root.join("tests/src/machine/boot.sh"))
            .arg(folder.path())
            .arg(root.join("crates/xtask/src/fresh/enter.sh"))
            .args(first)
            .env("PATH", PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut outside = Background::start("a machine", &mut command).unwrap();
        let console = Log::follow(outside.child().stderr.take().unwrap());
        let mut first = None;
        wait_until(WAIT_MS, || {
            first = child(outside.pid()).filter(|pid| is_called(*pid, name));
            first.is_some()
        });
        let first = first.unwrap_or_else(|| panic!("no machine:\n{}", console.text()));
        Self {
            _outside: outside,
            first,
            console,
            _folder: folder,
        }
    }

    /// Returns a command that runs a program in the machine.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.first.to_string()])
            .args([
                "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--root", "--wdns=/",
            ])
            .arg(program)
            .env_clear()
            .env("PATH", PATH)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("NO_COLOR", "1");
        command
    }

    /// Runs a shell command in the machine, as root.
    #[track_caller]
    pub fn run(&self, line: &str) -> Ended {
        program::run(self.command("sh").args(["-ec", line]), LONG_MS)
    }

    /// Runs a shell command that must succeed, and returns its output.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        self.run(line).success()
    }

    /// Returns the path of a file in the machine, as seen from this machine.
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(format!("{}/root{path}", self.first))
    }

    /// Runs `action` in the machine's network. Connections from there stay there.
    ///
    /// # Panics
    /// If `action` panics.
    #[track_caller]
    pub fn in_its_network<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.first)).unwrap();
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // Only this thread changes its namespace, and it ends with the action.
                setns(network, CloneFlags::CLONE_NEWNET).expect("root may");
                action()
            });
            thread.join().expect("see above")
        })
    }
}

/// Returns the first child of a process.
fn child(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn is_called(pid: u32, name: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == name)
}
