//! A running daemon becomes another program, with its connections.

mod faults;
mod formats;
mod log_on_disk;
mod redis;
mod refused;
mod resources;
mod upload;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use serde_json::json;
use system_tests::daemon::{self, listening, metric, server_command};
use system_tests::log::Log;
use system_tests::publisher::{Publisher, publish_raw_at};
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact};
use tempfile::TempDir;
use xtask::process::{Background, wait_until};

/// The version of the program that is built, and one of the same length.
const VERSION: &str = env!("CARGO_PKG_VERSION");
const OTHER_VERSION: &str = "9.8.7";

/// A daemon whose program is in a folder of its own.
struct Installed {
    folder: TempDir,
    process: Background,
    log: Log,
    web: SocketAddr,
    publish: SocketAddr,
}

impl Installed {
    #[track_caller]
    fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("pushd");
        copy_program(&artefact("pushd"), &program);
        let mut command = server_command(&program);
        command
            .env("PUSHD_CONFIG", folder.path().join("pushd.toml"))
            .args(["--listen=127.0.0.1:0", "--publish-listen=127.0.0.1:0"])
            .args(flags);
        fs::write(folder.path().join("pushd.toml"), "").unwrap();
        let (process, log) = daemon::start(&mut command);
        Self {
            web: listening(&log, "browsers"),
            publish: listening(&log, "publishers"),
            folder,
            process,
            log,
        }
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("pushd")
    }

    /// Replaces the program by a rename, as package managers do.
    fn install(&self, content: &[u8]) {
        let [written, new] = ["written", "new"].map(|name| self.folder.path().join(name));
        fs::write(&written, content).unwrap();
        copy_program(&written, &new);
        fs::rename(new, self.program()).unwrap();
    }

    /// Waits for a log line that is not among the first `lines`.
    #[track_caller]
    fn wait_for(&self, lines: usize, text: &str) -> String {
        self.wait_for_any(lines, &[text])
    }

    #[track_caller]
    fn wait_for_any(&self, lines: usize, texts: &[&str]) -> String {
        let mut number = 0;
        let found = self.log.find(WAIT_MS, |line| {
            number += 1;
            let is_found = texts.iter().any(|text| line.contains(text));
            (number > lines && is_found).then(|| line.to_owned())
        });
        found.unwrap_or_else(|| panic!("none of {texts:?} in\n{}", self.log.text()))
    }

    fn lines(&self) -> usize {
        self.log.text().lines().count()
    }

    /// Returns a figure of `/metrics`.
    #[track_caller]
    fn metric(&self, name: &str) -> u64 {
        metric(self.publish, name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// Runs `pushd upgrade`. Returns whether it succeeds, and what it prints.
    fn upgrade(&self) -> (bool, String) {
        let mut command = Command::new(artefact("pushd"));
        let address = self.publish.to_string();
        command
            .env("PUSHD_CONFIG", "/dev/null")
            .args(["upgrade", "--publish-address", &address]);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    fn ends(&mut self) {
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(WAIT_MS).expect("it ends");
        assert_eq!(status.code(), Some(0), "{}", self.log.text());
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- pushd's log\n{}\n---", self.log.text());
        }
    }
}

/// Copies a program. Another process does it: a file that this one has open for writing cannot be run, also not if a child of
/// another test has inherited it.
#[track_caller]
fn copy_program(from: &Path, to: &Path) {
    let mut install = Command::new("install");
    let status = install.args(["-m", "755"]).arg(from).arg(to).status();
    assert!(status.unwrap().success());
}

/// Returns the program with another version.
fn other_version() -> Vec<u8> {
    let mut program = fs::read(artefact("pushd")).unwrap();
    assert_eq!(VERSION.len(), OTHER_VERSION.len());
    let mut at = 0;
    while at + VERSION.len() <= program.len() {
        let window = &mut program[at..at + VERSION.len()];
        if window == VERSION.as_bytes() {
            window.copy_from_slice(OTHER_VERSION.as_bytes());
        }
        at += 1;
    }
    program
}

/// A page, and a publisher that has sent a half message.
struct Clients {
    page: Wamp,
    publisher: Publisher,
    events: u64,
}

impl Clients {
    fn connect(daemon: &Installed) -> Self {
        let page = Wamp::subscribed(daemon.web, "t");
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.send(b"[1,1]");
        publisher.answer();
        let mut clients = Self {
            page,
            publisher,
            events: 0,
        };
        clients.publisher.send(b"[3,1,\"t\",");
        clients
    }

    /// Completes the half message, and sends the next half.
    #[track_caller]
    fn go_on(&mut self) {
        self.events += 1;
        let events = self.events;
        self.publisher
            .send(format!("{events}][3,1,\"t\",").as_bytes());
        assert_eq!(self.publisher.answer()[0], 4);
        assert_eq!(self.page.event("t"), json!(events));
    }
}

#[test]
fn connections_stay_over_an_upgrade_and_a_downgrade() {
    let mut daemon = Installed::start(&[]);
    let built = fs::read(artefact("pushd")).unwrap();
    let other = other_version();
    let mut clients = Clients::connect(&daemon);
    for (number, program, to) in [(1, &other, OTHER_VERSION), (2, &built, VERSION)] {
        clients.go_on();
        daemon.install(program);
        let lines = daemon.lines();
        let (is_done, text) = daemon.upgrade();
        // The connections of the command count, too.
        let is_told = text.contains(" connections kept, 0 closed, pause ");
        assert!(is_done && is_told, "{text}");
        let ready = daemon.wait_for(lines, "ready version");
        assert!(ready.contains(to), "{ready}");
        clients.go_on();
        assert_eq!(daemon.metric("pushd_handovers_total"), number);
    }
    Wamp::subscribed(daemon.web, "t");
    daemon.ends();
}

#[test]
fn sighup_upgrades_only_if_the_file_is_another_one() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    daemon.process.signal(Signal::SIGHUP);
    daemon.wait_for(0, "the settings were read again");
    assert_eq!(daemon.metric("pushd_handovers_total"), 0);
    let lines = daemon.lines();
    daemon.install(&other_version());
    daemon.process.signal(Signal::SIGHUP);
    let ready = daemon.wait_for(lines, "ready version");
    assert!(ready.contains(OTHER_VERSION), "{ready}");
    clients.go_on();
    // A signal reaches the new program, too.
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, "took the connections over");
    clients.go_on();
    daemon.ends();
}

/// Returns the number of the daemon's threads that serve browsers.
fn shards(daemon: &Installed) -> usize {
    let threads = format!("/proc/{}/task", daemon.process.pid());
    let threads = fs::read_dir(threads).unwrap().flatten();
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm"));
    let names = threads.filter_map(|thread| name(thread).ok());
    names.filter(|name| name.starts_with("shard-")).count()
}

#[test]
fn settings_that_need_a_restart_take_effect() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    for threads in [1, 3] {
        let settings = format!("threads = {threads}\n");
        fs::write(daemon.folder.path().join("pushd.toml"), settings).unwrap();
        let lines = daemon.lines();
        daemon.process.signal(Signal::SIGUSR2);
        daemon.wait_for(lines, "took the connections over");
        assert_eq!(shards(&daemon), threads);
        clients.go_on();
    }
    daemon.ends();
}

#[test]
fn the_file_of_a_unix_socket_stays_until_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.sock");
    let flag = format!("--publish-listen=unix:{}", path.display());
    let mut daemon = Installed::start(&[&flag]);
    let mut page = Wamp::subscribed(daemon.web, "t");
    for number in 1..=2 {
        let lines = daemon.lines();
        daemon.process.signal(Signal::SIGUSR2);
        daemon.wait_for(lines, "took the connections over");
        publish_raw_at(&path, &format!(r#"{{"category":"t","n":{number}}}"#));
        assert_eq!(page.event("t")["n"], number);
    }
    daemon.ends();
    assert!(!Path::new(&path).exists());
}

#[test]
fn sigterm_behind_sigusr2_ends_the_daemon() {
    for _ in 0..5 {
        let mut daemon = Installed::start(&[]);
        let _page = Wamp::subscribed(daemon.web, "t");
        daemon.process.signal(Signal::SIGUSR2);
        daemon.wait_for(0, "handing over");
        daemon.ends();
    }
}

/// Reads events until the last one, 0. Returns their number. They must be in order, and none may be missing.
fn read_all(mut page: Wamp) -> u64 {
    let mut events = 0;
    loop {
        match page.event("t").as_u64().unwrap() {
            0 => return events,
            number => assert_eq!(number, events + 1),
        }
        events += 1;
    }
}

/// Publishes numbers until `stop` is set, each with a receipt, and then 0. Returns the last number.
fn publish_until(stop: &AtomicBool, address: SocketAddr) -> u64 {
    let mut publisher = Publisher::connect(address);
    publisher.send(b"[1,1]");
    publisher.answer();
    let mut events = 0;
    while !stop.load(Ordering::Relaxed) {
        events += 1;
        publisher.send(format!("[3,1,\"t\",{events}]").as_bytes());
        assert_eq!(publisher.answer()[0], 4);
    }
    publisher.send(b"[3,1,\"t\",0]");
    assert_eq!(publisher.answer()[0], 4);
    events
}

#[test]
fn many_upgrades_in_a_row_lose_and_double_nothing() {
    const PAGES: usize = 20;
    let mut daemon = Installed::start(&[]);
    let (web, publish) = (daemon.web, daemon.publish);
    let pages = (0..PAGES).map(|_| Wamp::subscribed(web, "t"));
    let pages: Vec<_> = pages
        .map(|page| std::thread::spawn(move || read_all(page)))
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let publishing = std::thread::spawn(move || publish_until(&stopped, publish));
    for number in 1..=10 {
        daemon.process.signal(Signal::SIGUSR2);
        let done = wait_until(WAIT_MS, || {
            metric(publish, "pushd_handovers_total") == Some(number)
        });
        assert!(done, "hand-over {number}");
    }
    stop.store(true, Ordering::Relaxed);
    let events = publishing.join().unwrap();
    for page in pages {
        assert_eq!(page.join().unwrap(), events);
    }
    assert_eq!(daemon.metric("pushd_handovers_failed_total"), 0);
}
