//! Two hosts with a cable between them, in network namespaces. The test switches a real interface off.
//!
//! The test runs itself again in its own network namespace, which does not need root. The namespaces and everything in
//! them end with the test.

use std::env;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;
use xtask::requirements::NAMESPACES;

use crate::WAIT_MS;
use crate::program;

/// Set in the second run.
const INSIDE: &str = "IN_A_NETWORK_OF_ITS_OWN";

/// Runs the test `name`, the caller, in a network namespace of its own. Returns whether this is the second run, in which
/// the caller does its work.
#[track_caller]
pub fn is_inside(name: &str, deadline_ms: u64) -> bool {
    if env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return true;
    }
    let mut command = NAMESPACES.unshare(&["--net"]);
    command
        .arg(env::current_exe().expect("the path of the tests"))
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1");
    let told = program::run(&mut command, deadline_ms).success();
    assert!(told.contains("1 passed"), "{told}");
    false
}

#[track_caller]
fn ip(words: &str) {
    program::run(Command::new("ip").args(words.split(' ')), WAIT_MS).success();
}

/// Another host: a thread with its own network. It runs the closures that it receives, and the programs that they start
/// are in its network, too.
#[derive(Debug)]
pub struct Host {
    id: i32,
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Host {
    /// Starts a host without any cable.
    #[track_caller]
    pub fn start() -> Self {
        let (jobs, given) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (told, id) = mpsc::channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("a namespace");
            ip("link set lo up");
            told.send(gettid().as_raw()).expect("the test waits");
            given.into_iter().for_each(|job| job());
        });
        let id = id.recv().expect("a network of its own");
        Self { id, jobs }
    }

    /// Runs `job` on the host, and waits until it is done.
    #[track_caller]
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, result) = mpsc::channel();
        let job = move || sender.send(job()).expect("the test waits");
        self.jobs.send(Box::new(job)).expect("it waits for jobs");
        result.recv().expect("the job failed")
    }

    /// Lays a cable to the host. The addresses at its ends are `10.7.NUMBER.1` here, and `10.7.NUMBER.2` there.
    #[track_caller]
    pub fn connect(&self, number: u8) -> Cable<'_> {
        let cable = Cable { host: self, number };
        ip(&format!(
            "link add here{number} type veth peer name there{number}"
        ));
        ip(&format!("link set there{number} netns {}", self.id));
        ip(&format!("addr add {}/24 dev here{number}", cable.here()));
        ip(&format!("link set here{number} up"));
        let there = cable.there();
        self.run(move || ip(&format!("addr add {there}/24 dev there{number}")));
        cable.plug_in();
        cable
    }
}

/// A cable to a host.
#[derive(Debug)]
pub struct Cable<'a> {
    host: &'a Host,
    number: u8,
}

impl Cable<'_> {
    /// Returns the address at this end.
    pub fn here(&self) -> String {
        format!("10.7.{}.1", self.number)
    }

    /// Returns the address at the end of the host.
    pub fn there(&self) -> String {
        format!("10.7.{}.2", self.number)
    }

    /// Unplugs the cable at the host. Packets vanish, and no connection ends.
    #[track_caller]
    pub fn pull(&self) {
        self.set("down");
    }

    /// Plugs it in again.
    #[track_caller]
    pub fn plug_in(&self) {
        self.set("up");
    }

    #[track_caller]
    fn set(&self, state: &'static str) {
        let number = self.number;
        self.host
            .run(move || ip(&format!("link set there{number} {state}")));
    }
}
