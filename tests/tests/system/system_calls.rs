//! How often pushd asks the kernel: what a delivery costs, counted.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use system_tests::daemon::{listening, server_command, start};
use system_tests::publisher::Publisher;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, artefact};

const SUBSCRIBERS: usize = 5;
const EVENTS: usize = 50;
const ANY_PORT: &str = "127.0.0.1:0";

#[test]
fn what_comes_together_leaves_in_one_write_for_each_browser() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let mut command = server_command(Path::new("strace"));
    command
        .args(["-f", "-qq", "-e", "trace=write,writev,sendto,sendmsg", "-o"])
        .arg(&calls)
        .arg(artefact("pushd"))
        .args(["--threads", "1", "--listen", ANY_PORT])
        .args(["--publish-listen", ANY_PORT]);
    let (mut traced, log) = start(&mut command);
    let web = listening(&log, "browsers");
    let mut browsers: Vec<Wamp> = (0..SUBSCRIBERS)
        .map(|_| Wamp::subscribed(web, "t"))
        .collect();

    let event = |n| format!(r#"{{"category":"t","n":{n}}}"#);
    let mut publisher = Publisher::connect(listening(&log, "publishers"));
    let together: String = (0..EVENTS).map(event).collect();
    publisher.send(together.as_bytes());
    for browser in &mut browsers {
        for n in 0..EVENTS {
            assert_eq!(browser.event("t")["n"], n);
        }
    }
    // To both: strace does not listen, and ends with pushd, when everything is written down.
    let group = Pid::from_raw(traced.pid().cast_signed());
    killpg(group, Signal::SIGTERM).unwrap();
    traced.wait(WAIT_MS).expect("strace ends with pushd");

    let calls = fs::read_to_string(&calls).unwrap();
    let writes = calls.lines().filter(|line| line.contains(r#"[8,\"t\","#));
    assert_eq!(writes.count(), SUBSCRIBERS, "{calls}");
}
