//! A disk with faults. strace changes a write of the daemon to its state directory.

mod hangs;
mod killed_in_a_write;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use serde_json::Value;
use system_tests::WAIT_MS;
use system_tests::artefact;
use system_tests::daemon::{listening, server_command, start};
use system_tests::log::Log;
use tempfile::TempDir;
use xtask::http;
use xtask::process::{Background, wait_until};

/// The file to which the first daemon of a state directory writes its events.
const FIRST_FILE: &str = "00000000000000000001.events";

/// So many that each of the daemon's two threads serves some.
const BROWSERS: usize = 8;

/// The write returns after ten minutes, long after the end of the test.
const FOR_EVER: &str = "delay_enter=600000000";

/// The write returns after 8 s. The daemon waits for 1 s to 2 s.
const FOR_A_WHILE: &str = "delay_enter=8000000";

/// What the daemon then says.
const STALLED: &str = "the disk does not answer";

/// A busy machine can need so long for a test that the daemon has gone on without the disk before. Then it tries again.
const ROUNDS_MAX: usize = 20;

/// A daemon with two threads, under strace.
struct FaultyDaemon {
    process: Background,
    log: Log,
    web: SocketAddr,
    publish: SocketAddr,
}

impl FaultyDaemon {
    /// Starts the daemon. `fault` happens to the second write of a thread to the first file of events. The main thread
    /// writes the head of the file, and another one the events.
    fn start(state: &Path, fault: &str) -> Self {
        let mut command = server_command(Path::new("strace"));
        command
            // The daemon is the child process, and strace a grandchild.
            .args(["-D", "-f", "-qq", "-o", "/dev/null"])
            .args(["-e", "trace=write", "-P"])
            .arg(state.join(FIRST_FILE))
            .args(["-e", &format!("inject=write:{fault}:when=2")])
            .arg(artefact("pushd"))
            .arg("--state-dir")
            .arg(state)
            .args(["--threads=2", "--listen=127.0.0.1:0"])
            .arg("--publish-listen=127.0.0.1:0");
        let (process, log) = start(&mut command);
        Self {
            web: listening(&log, "browsers"),
            publish: listening(&log, "publishers"),
            process,
            log,
        }
    }

    /// Waits until this many events are published.
    fn until_published(&self, count: usize) {
        let is_published = || {
            let end = http::get(self.publish, "/position").unwrap().text();
            end.contains(&format!("-{count}\""))
        };
        assert!(wait_until(WAIT_MS, is_published));
    }

    /// Whether the daemon still waits for the disk.
    fn is_waiting(&self) -> bool {
        let ready = http::get(self.publish, "/readyz").unwrap();
        !ready.text().contains("in memory only")
    }

    /// Kills the daemon, even in a write that strace delays.
    fn kill(&mut self) {
        let tracer = self.tracer();
        self.process.signal(Signal::SIGKILL);
        // A delayed thread ends only without its tracer. strace may have ended by itself.
        if let Some(tracer) = tracer {
            let _ended = signal::kill(tracer, Signal::SIGKILL);
        }
        self.process.wait(WAIT_MS).expect("it was killed");
    }

    fn tracer(&self) -> Option<Pid> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).ok()?;
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        let tracer = tracer?.trim().parse().unwrap();
        (tracer != 0).then(|| Pid::from_raw(tracer))
    }
}

impl Drop for FaultyDaemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns a path that strace can compare: without symbolic links.
fn state_dir(folder: &TempDir) -> PathBuf {
    folder.path().canonicalize().unwrap().join("state")
}

/// Publishes to the topic `t`. Returns the receipt.
#[track_caller]
fn publish(address: SocketAddr, event: &str) -> Value {
    let answer = http::post_json(address, "/publish/t", event).unwrap();
    serde_json::from_str(&answer.text()).unwrap()
}

/// Returns all events of the topic `t`.
#[track_caller]
fn events(publish: SocketAddr) -> Vec<Value> {
    let answer = http::get(publish, "/history/t").unwrap();
    let history: Value = serde_json::from_str(&answer.text()).unwrap();
    let events = history["events"].as_array().unwrap().iter();
    events.map(|event| event["event"].clone()).collect()
}
