//! Commands that must succeed, and background processes that end with their owner.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use std::{fs, io, os::unix::process::CommandExt, thread};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// Time between SIGTERM and SIGKILL, in ms.
pub const STOP_MS: u64 = 5_000;
/// Interval for polling a state that sends no notification, in ms.
pub const POLL_MS: u64 = 10;

/// The state of a listener in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Runs `command` with our own standard streams. An exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command
        .status()
        .with_context(|| format!("can't start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Returns the command line, for messages.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Calls `ready` until it returns true. Returns false after `deadline_ms`.
pub fn wait_until(deadline_ms: u64, mut ready: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_millis(deadline_ms);
    loop {
        if ready() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(POLL_MS));
    }
}

/// A background process. Dropping the value stops the process by its pid.
#[derive(Debug)]
pub struct Background {
    /// Its name in messages.
    pub name: String,
    child: Child,
}

impl Background {
    /// Starts `command` in its own process group. A Ctrl-C at the terminal then reaches only us, and we stop our
    /// processes in our own order.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't start {name} (`{}`)", shown(command)))?;
        Ok(Self {
            name: name.to_owned(),
            child,
        })
    }

    /// Returns the process, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process itself listens on an IPv4 address with this port. Answers of another process must not count.
    pub fn listens(&self, port: u16) -> bool {
        let (Ok(files), Ok(table)) = (
            fs::read_dir(format!("/proc/{}/fd", self.pid())),
            fs::read_to_string("/proc/net/tcp"),
        ) else {
            return false;
        };
        let files = files
            .flatten()
            .filter_map(|file| file.path().read_link().ok());
        let files: Vec<PathBuf> = files.collect();
        let port = format!(":{port:04X}");
        table.lines().any(|line| {
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_on_port = fields.get(1).is_some_and(|local| local.ends_with(&port));
            let is_listener = is_on_port && fields.get(3) == Some(&LISTEN);
            let socket = fields.get(9).map(|inode| format!("socket:[{inode}]"));
            is_listener && socket.is_some_and(|socket| files.contains(&socket.into()))
        })
    }

    /// Returns the exit status if the process has ended.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until the process ends. Returns `None` after `deadline_ms`.
    pub fn wait(&mut self, deadline_ms: u64) -> Option<ExitStatus> {
        let mut status = None;
        wait_until(deadline_ms, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        status
    }

    /// Sends `signal`, unless the process was reaped: the system may have given its pid to another process.
    pub fn signal(&mut self, signal: Signal) {
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            // The process may end between the two calls. Then there is no receiver.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Sends SIGTERM, after [`STOP_MS`] SIGKILL, and SIGKILL to the rest of its process group. Returns the exit
    /// status.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::SIGTERM);
        let id = Pid::from_raw(self.child.id().cast_signed());
        // WNOWAIT keeps the zombie. Until we reap it, no other process or group can get its number.
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        wait_until(STOP_MS, || {
            !matches!(waitid(Id::Pid(id), look), Ok(WaitStatus::StillAlive))
        });
        // Its children are in its process group. If the group is empty, the call fails, which is fine.
        let _ = killpg(id, Signal::SIGKILL);
        self.child.wait()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // `drop` cannot report a failure.
        let _ = self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use super::*;

    #[test]
    fn an_error_names_the_command_and_its_exit_code() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`sh -c exit 3` failed: exit status: 3")
        );
    }

    #[test]
    fn drop_ends_the_process() {
        let sleeper = Background::start("sleeper", Command::new("sleep").arg("60")).unwrap();
        let pid = Pid::from_raw(i32::try_from(sleeper.pid()).unwrap());
        assert!(kill(pid, None).is_ok());
        drop(sleeper);
        assert!(kill(pid, None).is_err());
    }

    #[test]
    fn stop_ends_the_children_too() {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "sleep 60 & echo $!; exec sleep 60"])
            .stdout(Stdio::piped());
        let mut parent = Background::start("parent", &mut shell).unwrap();
        let mut line = String::new();
        let stdout = parent.child().stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let child = Pid::from_raw(line.trim().parse().unwrap());
        assert!(kill(child, None).is_ok());
        parent.stop().unwrap();
        // The process that inherits it may need a moment to reap it.
        assert!(wait_until(STOP_MS, || kill(child, None).is_err()));
    }

    #[test]
    fn wait_until_returns_at_the_deadline() {
        assert!(!wait_until(30, || false));
        assert!(wait_until(0, || true));
    }
}
