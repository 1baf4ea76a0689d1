//! Commands that must succeed, and background processes that end with their owner.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use std::{io, os::unix::process::CommandExt, thread};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// How long a process may take to end after SIGTERM before it is killed.
pub const STOP_MS: u64 = 5_000;
/// How often a state is looked at that nobody can tell us about.
pub const POLL_MS: u64 = 10;

/// Runs `command` to its end with our own standard streams; an exit code other than 0 is an error.
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

/// The command as somebody would type it, for messages.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Calls `ready` until it says yes; false when `deadline_ms` have passed.
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

/// A process that runs beside us and is ended, by its pid, when this value is dropped.
#[derive(Debug)]
pub struct Background {
    /// What messages call it.
    pub name: String,
    child: Child,
}

impl Background {
    /// Starts `command` in a process group of its own: a Ctrl-C at the terminal reaches only us,
    /// and we end our processes in the order that we choose.
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

    /// The process, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if it has ended.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for its end; None when it still runs after `deadline_ms`.
    pub fn wait(&mut self, deadline_ms: u64) -> Option<ExitStatus> {
        let mut status = None;
        wait_until(deadline_ms, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        status
    }

    /// Sends `signal`, unless the process has been waited for already (its pid may be somebody else's now).
    pub fn signal(&mut self, signal: Signal) {
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            // It may end between the two calls: then there is nobody to tell.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// SIGTERM, and SIGKILL after [`STOP_MS`] or for whatever it leaves behind; the exit status.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::SIGTERM);
        let id = Pid::from_raw(self.child.id().cast_signed());
        // Looked at, not waited for: until we wait, the number is nobody else's, not even as a group's.
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        wait_until(STOP_MS, || {
            !matches!(waitid(Id::Pid(id), look), Ok(WaitStatus::StillAlive))
        });
        // Its own children are in its group. Nobody there: nothing to kill.
        let _ = killpg(id, Signal::SIGKILL);
        self.child.wait()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure.
        let _ = self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_exit_code() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`sh -c exit 3` failed: exit status: 3")
        );
    }

    #[test]
    fn a_background_process_ends_when_it_is_dropped() {
        let sleeper = Background::start("sleeper", Command::new("sleep").arg("60")).unwrap();
        let pid = Pid::from_raw(i32::try_from(sleeper.pid()).unwrap());
        assert!(kill(pid, None).is_ok());
        drop(sleeper);
        assert!(kill(pid, None).is_err());
    }

    #[test]
    fn what_it_leaves_behind_ends_with_it() {
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
        // Whoever inherits it may take a moment to wait for it.
        assert!(wait_until(STOP_MS, || kill(child, None).is_err()));
    }

    #[test]
    fn waiting_gives_up_at_the_deadline() {
        assert!(!wait_until(30, || false));
        assert!(wait_until(0, || true));
    }
}
