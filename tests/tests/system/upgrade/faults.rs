//! A system call of the hand-over fails, or the daemon is killed in it.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use system_tests::WAIT_MS;
use system_tests::log::Log;
use system_tests::wamp::Wamp;
use xtask::process::Background;

use super::{Clients, Installed};

/// Makes the next one of these calls fail in the daemon's main thread, which does all steps of a hand-over. Ends when it is dropped.
struct Fault(Background);

impl Fault {
    #[track_caller]
    fn inject(daemon: &Installed, calls: &str, fault: &str) -> Self {
        let mut strace = Command::new("strace");
        strace
            .args(["-p", &daemon.process.pid().to_string(), "-o", "/dev/null"])
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{fault}:when=1")])
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Background::start("strace", &mut strace).unwrap();
        let log = Log::follow(process.child().stderr.take().unwrap());
        let attached = log.find(WAIT_MS, |line| line.contains(" attached").then_some(()));
        assert!(attached.is_some(), "strace: {}", log.text());
        Self(process)
    }

    /// Lets go of the daemon.
    #[track_caller]
    fn end(mut self) {
        self.0.signal(Signal::SIGINT);
        self.0.wait(WAIT_MS).expect("strace ends");
    }
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    let steps = [
        // The question to the new program.
        ("pipe2", "EMFILE", "no upgrade: cannot run"),
        ("?clone,?clone3,?vfork", "EAGAIN", "no upgrade: cannot run"),
        // The hand-over.
        ("memfd_create", "ENOMEM", "cannot pass the sockets"),
        ("socketpair", "EMFILE", "cannot pass the sockets"),
        ("sendmsg", "ENOBUFS", "cannot pass the sockets"),
        ("?dup2,?dup3", "EMFILE", "cannot start"),
        ("execve", "ENOMEM", "cannot start"),
    ];
    for (index, (calls, error, text)) in steps.into_iter().enumerate() {
        let fault = Fault::inject(&daemon, calls, &format!("error={error}"));
        let lines = daemon.lines();
        daemon.process.signal(Signal::SIGUSR2);
        let line = daemon.wait_for(lines, text);
        if !line.contains("no upgrade") {
            assert!(line.contains("this program goes on"), "{line}");
            daemon.wait_for(lines, "took the connections over");
        }
        fault.end();
        clients.go_on();
        let failed = daemon.metric("pushd_handovers_failed_total");
        assert_eq!(failed, index as u64 + 1, "{calls}");
    }
    assert_eq!(daemon.metric("pushd_handovers_total"), 0);
    daemon.ends();
}

#[test]
fn a_daemon_that_is_killed_in_a_step_leaves_no_connection_open() {
    for call in ["memfd_create", "socketpair", "sendmsg", "execve", "recvmsg"] {
        let mut daemon = Installed::start(&[]);
        let mut clients = Clients::connect(&daemon);
        let _fault = Fault::inject(&daemon, call, "signal=KILL");
        daemon.process.signal(Signal::SIGUSR2);
        clients.publisher.until_closed();
        assert!(daemon.process.wait(WAIT_MS).is_some(), "{call}");
    }
}

/// The new program runs already, so it cannot go back. It serves, and pages connect again.
#[test]
fn a_program_that_receives_nothing_begins_anew() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    let fault = Fault::inject(&daemon, "recvmsg", "error=EMFILE");
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, "all pages and publishers must connect again");
    daemon.wait_for(lines, "ready version");
    fault.end();
    clients.publisher.until_closed();
    // The port is another one here, because the test lets the system choose it.
    let text = daemon.log.text();
    let new: Vec<_> = text.lines().skip(lines).collect();
    let web = new
        .iter()
        .find_map(|line| line.split_once("listening for browsers address="));
    let (_, web) = web.unwrap();
    Wamp::subscribed(web.parse().unwrap(), "t");
    daemon.ends();
}
