//! A browser that loses its network: half-open TCP without an end or a reset. The test switches a real interface off.
//!
//! The test runs itself again in its own network namespace, which does not need root. The namespace and everything in
//! it end with the test.

use std::process::Command;
use std::sync::mpsc;
use std::{env, thread};

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;
use system_tests::daemon::Daemon;
use system_tests::publisher::Publisher;
use system_tests::resources::Resources;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, program};
use xtask::process::wait_until;

/// Set in the second run.
const INSIDE: &str = "IN_A_NETWORK_OF_ITS_OWN";
const TEST: &str =
    "ghosts::needs_namespaces::a_browser_whose_cable_is_pulled_goes_and_nobody_else_notices";

const HERE: &str = "10.7.0.1";

mod needs_namespaces {
    use super::*;
    use xtask::requirements::NAMESPACES;

    #[test]
    fn a_browser_whose_cable_is_pulled_goes_and_nobody_else_notices() {
        if env::var_os(INSIDE).is_some() {
            return pull_the_cable();
        }
        let mut command = NAMESPACES.unshare(&["--net"]);
        command
            .arg(env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(INSIDE, "1");
        let told = program::run(&mut command, 4 * WAIT_MS).success();
        assert!(told.contains("1 passed"), "{told}");
    }
}

#[track_caller]
fn ip(words: &str) {
    program::run(Command::new("ip").args(words.split(' ')), WAIT_MS).success();
}

fn pull_the_cable() {
    ip("link set lo up");
    ip("link add here type veth peer name there");
    let there = Thread::with_network();
    ip(&format!("link set there netns {}", there.id));
    ip(&format!("addr add {HERE}/24 dev here"));
    ip("link set here up");
    there.run(|| {
        ip("addr add 10.7.0.2/24 dev there");
        ip("link set there up");
    });
    let flags = ["--ping-interval=200ms", "--pong-timeout=1s"];
    let daemon = Daemon::start_at(&format!("{HERE}:0"), "127.0.0.1:0", &flags);
    let mut stays = Wamp::subscribed(daemon.web, "t");
    let resources = Resources::of(daemon.process.pid());
    let open_files = resources.open_files();
    let web = daemon.web;
    let (sender, ghost) = mpsc::channel();
    there.run(move || sender.send(Wamp::subscribed(web, "t")).unwrap());
    let mut ghost = ghost.recv().unwrap();
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"[1,1]");
    publisher.answer();
    let mut publish = |n: u32| {
        publisher.send(format!("[3,1,\"t\",{n}]").as_bytes());
        // Reading also answers the daemon's pings.
        assert_eq!(stays.event("t"), n);
        publisher.answer()[3].as_u64().unwrap()
    };
    assert_eq!(publish(0), 2);
    assert_eq!(ghost.event("t"), 0);

    there.run(|| ip("link set there down"));
    let mut n = 0;
    let is_gone = wait_until(WAIT_MS, || {
        n += 1;
        publish(n) == 1
    });
    assert!(is_gone, "the ghost is still there");
    // The connections that are new: those of the publisher.
    let given_back = wait_until(WAIT_MS, || resources.open_files() <= open_files + 1);
    assert!(given_back, "{} files are open", resources.open_files());
    assert_eq!(publish(n + 1), 1);
}

/// A thread with its own network, which runs the closures that it receives.
struct Thread {
    id: i32,
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    done: mpsc::Receiver<()>,
}

impl Thread {
    fn with_network() -> Self {
        let (jobs, given) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (finished, done) = mpsc::channel();
        let (told, id) = mpsc::channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            told.send(gettid().as_raw()).unwrap();
            for job in given {
                job();
                finished.send(()).unwrap();
            }
        });
        let id = id.recv().expect("a network of its own");
        Self { id, jobs, done }
    }

    fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.jobs.send(Box::new(job)).unwrap();
        self.done.recv().expect("it did what it was told");
    }
}
