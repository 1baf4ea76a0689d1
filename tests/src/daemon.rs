//! pushd on free ports.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::{fs, thread};

use nix::sys::signal::Signal;
use xtask::http;
use xtask::process::{Background, wait_until};

use crate::log::Log;
use crate::{WAIT_MS, artefact, wine};

/// A running daemon. It stops when this value is dropped, and prints its log if the test failed.
#[derive(Debug)]
pub struct Daemon {
    /// The public listener, for browsers.
    pub web: SocketAddr,
    /// The publish listener.
    pub publish: SocketAddr,
    /// The process.
    pub process: Background,
    log: Log,
    setup: Setup,
}

/// What a daemon needs to start again, apart from its ports.
#[derive(Debug, Default)]
struct Setup {
    flags: Vec<String>,
    /// The only issuers that it trusts. `None` are those of this machine.
    issuers: Option<PathBuf>,
    /// Whether it is the program for Windows.
    is_in_wine: bool,
}

const ANY_PORT: &str = "127.0.0.1:0";

impl Setup {
    fn new(flags: &[&str]) -> Self {
        Self {
            flags: flags.iter().map(ToString::to_string).collect(),
            issuers: None,
            is_in_wine: false,
        }
    }

    #[track_caller]
    fn start_at(self, web: &str, publish: &str) -> Daemon {
        let mut command = match self.is_in_wine {
            true => wine::server_command(),
            false => command("pushd"),
        };
        command
            .args(["--listen", web, "--publish-listen", publish])
            .args(&self.flags);
        if let Some(issuers) = &self.issuers {
            trust(&mut command, issuers);
        }
        let (process, log) = start(&mut command);
        let mut daemon = Daemon {
            web: listening(&log, "browsers"),
            publish: listening(&log, "publishers"),
            process,
            log,
            setup: self,
        };
        daemon.assert_running();
        daemon
    }
}

impl Daemon {
    /// Starts the daemon on free ports, and waits until both listeners are open.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the daemon on free ports with more flags.
    #[track_caller]
    pub fn start_with(flags: &[&str]) -> Self {
        Self::start_at(ANY_PORT, ANY_PORT, flags)
    }

    /// Starts the daemon on free ports. It trusts no certificates but those from the issuers in this file.
    #[track_caller]
    pub fn start_trusting(issuers: &Path, flags: &[&str]) -> Self {
        let setup = Setup {
            issuers: Some(issuers.to_owned()),
            ..Setup::new(flags)
        };
        setup.start_at(ANY_PORT, ANY_PORT)
    }

    /// Starts the program for Windows in wine, on free ports.
    #[track_caller]
    pub fn start_in_wine(flags: &[&str]) -> Self {
        let setup = Setup {
            is_in_wine: true,
            ..Setup::new(flags)
        };
        setup.start_at(ANY_PORT, ANY_PORT)
    }

    /// Starts the daemon on these addresses.
    #[track_caller]
    pub fn start_at(web: &str, publish: &str, flags: &[&str]) -> Self {
        Setup::new(flags).start_at(web, publish)
    }

    /// Kills the daemon, and starts it again on the same ports.
    #[track_caller]
    pub fn kill_and_restart(self) -> Self {
        self.kill().start_again()
    }

    /// Kills the daemon with SIGKILL.
    pub fn kill(mut self) -> Stopped {
        self.process.signal(Signal::SIGKILL);
        self.process.wait(WAIT_MS).expect("it was killed");
        self.stopped()
    }

    /// Ends the daemon with SIGTERM.
    #[track_caller]
    pub fn terminate(mut self) -> Stopped {
        let status = self.end_by(Signal::SIGTERM);
        assert!(
            status.success(),
            "pushd ended with {status}\n{}",
            self.log.text()
        );
        self.stopped()
    }

    fn stopped(&mut self) -> Stopped {
        Stopped {
            web: self.web,
            publish: self.publish,
            setup: std::mem::take(&mut self.setup),
        }
    }

    /// Sends a signal and waits until the daemon ends.
    #[track_caller]
    pub fn end_by(&mut self, signal: Signal) -> ExitStatus {
        self.process.signal(signal);
        match self.process.wait(WAIT_MS) {
            Some(status) => status,
            None => panic!("pushd still ran {WAIT_MS} ms after {signal}"),
        }
    }

    /// Stops the daemon as a debugger does: it keeps its connections and does nothing. Returns when it has stopped.
    #[track_caller]
    pub fn freeze(&mut self) {
        freeze(&mut self.process);
    }

    /// Continues the stopped daemon.
    pub fn thaw(&mut self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Returns the address for `pusher.address` and `PUSH_ADDRESS`.
    pub fn push_address(&self) -> String {
        format!("tcp://{}", self.publish)
    }

    /// Returns the kernel's count of connected publishers.
    ///
    /// # Panics
    /// If there is no `/proc`.
    pub fn publishers(&self) -> usize {
        // "sl local_address rem_address st ...", addresses and ports in hexadecimal, 01 is ESTABLISHED.
        let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's table of connections");
        let suffix = format!(":{:04X}", self.publish.port());
        let rows = table.lines().map(|line| line.split_whitespace().skip(1));
        let remotes = rows.filter_map(|mut fields| {
            let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
            (local.ends_with(&suffix) && state == "01").then_some(remote)
        });
        // While connections open and close, the kernel lists some of them twice.
        remotes.collect::<HashSet<_>>().len()
    }

    /// Returns the log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Returns the address of the listener for signed requests, which a flag must open.
    #[track_caller]
    pub fn signed_requests(&self) -> SocketAddr {
        listening(&self.log, "signed requests")
    }

    /// Waits for a log line with `text` in it.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) -> String {
        let line = self
            .log
            .find(WAIT_MS, |line| line.contains(text).then(|| line.to_owned()));
        line.unwrap_or_else(|| panic!("pushd has not logged `{text}` after {WAIT_MS} ms"))
    }

    /// Panics if the daemon has ended.
    #[track_caller]
    pub fn assert_running(&mut self) {
        let ended = self.process.exited().expect("its state can be asked");
        assert!(
            ended.is_none(),
            "pushd has ended: {ended:?}\n{}",
            self.log.text()
        );
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- pushd's log\n{}\n---", self.log.text());
        }
    }
}

/// A daemon that has ended. It can start again on the same ports.
#[derive(Debug)]
pub struct Stopped {
    web: SocketAddr,
    publish: SocketAddr,
    setup: Setup,
}

impl Stopped {
    /// Starts the daemon again.
    #[track_caller]
    pub fn start_again(self) -> Daemon {
        let (web, publish) = (self.web.to_string(), self.publish.to_string());
        self.setup.start_at(&web, &publish)
    }
}

/// Stops a process as a debugger does, and returns when it has stopped.
#[track_caller]
pub fn freeze(process: &mut Background) {
    process.signal(Signal::SIGSTOP);
    let threads = format!("/proc/{}/task", process.pid());
    let stopped = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // pid (name) state ...
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    };
    let all_stopped = wait_until(WAIT_MS, || {
        fs::read_dir(&threads).is_ok_and(|threads| threads.flatten().all(stopped))
    });
    assert!(
        all_stopped,
        "{} has not stopped after {WAIT_MS} ms",
        process.name
    );
}

/// Returns the command for the program, by one of its two names, without arguments and without this machine's
/// settings.
pub fn command(name: &str) -> Command {
    let mut command = server_command(&artefact(name));
    command.env("PUSHD_CONFIG", "/dev/null");
    command
}

/// Returns a figure of `/metrics`. `None` if the daemon does not answer, or has no such figure.
#[track_caller]
pub fn metric(publish: SocketAddr, name: &str) -> Option<u64> {
    let metrics = http::get(publish, "/metrics").ok()?.text();
    metrics.lines().find_map(|line| {
        let (found, value) = line.split_once(' ')?;
        (found == name).then(|| value.parse().expect("a number"))
    })
}

/// Makes a program trust no certificates but those from the issuers in this file.
pub fn trust(command: &mut Command, issuers: &Path) {
    command
        .env("SSL_CERT_FILE", issuers)
        .env_remove("SSL_CERT_DIR");
}

/// Returns the command for a server with the daemon's log format, without arguments.
pub fn server_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_remove("LD_LIBRARY_PATH")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

/// Starts the program and follows its log.
#[track_caller]
pub fn start(command: &mut Command) -> (Background, Log) {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process =
        Background::start("pushd", command).unwrap_or_else(|error| panic!("{error:#}"));
    let stderr = process.child().stderr.take().expect("stderr is piped");
    (process, Log::follow(stderr))
}

/// Returns the address in the log line `listening for <clients> address=...`.
#[track_caller]
pub fn listening(log: &Log, clients: &str) -> SocketAddr {
    let message = format!("listening for {clients}");
    let address = log.find(WAIT_MS, |line| {
        let (_, fields) = line.split_once(&message)?;
        let (_, address) = fields.split_once("address=")?;
        address.split_whitespace().next()?.parse().ok()
    });
    address.unwrap_or_else(|| {
        panic!(
            "pushd does not say `{message} address=...`; its log:\n{}",
            log.text()
        )
    })
}
