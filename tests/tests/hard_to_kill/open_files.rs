//! The daemon has no file descriptor left.

use std::process::Command;
use std::time::Instant;

use system_tests::WAIT_MS;
use system_tests::bystander::Bystander;
use system_tests::daemon::Daemon;
use system_tests::program::run;
use system_tests::publisher::Publisher;
use system_tests::resources::Resources;
use system_tests::wamp::Wamp;
use system_tests::wire::Wire;
use xtask::process::wait_until;

/// How many files the daemon may have open from now on.
fn limit_open_files(pid: u32, max: usize) {
    let arguments = [format!("--pid={pid}"), format!("--nofile={max}:")];
    run(Command::new("prlimit").args(arguments), WAIT_MS).success();
}

/// Who is there stays and is served, who comes waits in the kernel's queue, and is taken in as soon as there is
/// room.
#[test]
fn it_waits_until_there_are_some_again() {
    let mut daemon = Daemon::start();
    let pid = daemon.process.pid();
    let bystander = Bystander::start(&daemon);
    let open = Resources::of(pid).open_files();
    let began = Instant::now();
    limit_open_files(pid, open);
    let browsers: Vec<_> = (0..3).map(|_| Wire::connect(daemon.web)).collect();
    let mut publishers: Vec<_> = (0..3).map(|_| Publisher::connect(daemon.publish)).collect();
    for publisher in &mut publishers {
        publisher.send(b"[1,1][3,1,\"t\",1]");
    }
    let tries = || daemon.log().matches("cannot accept a connection").count();
    assert!(wait_until(WAIT_MS, || tries() >= 10), "{}", daemon.log());
    // Each door tries again every 100 ms.
    let (tries, tenths) = (tries(), began.elapsed().as_millis() as usize / 100);
    assert!(
        tries <= 2 * (tenths + 1),
        "{tries} in {tenths} tenths of a second"
    );
    let seen = bystander.end();
    assert!(seen.events > 0, "{seen:?}");

    limit_open_files(pid, open + 100);
    for publisher in &mut publishers {
        assert_eq!(publisher.answer()[0], 2);
        assert_eq!(publisher.answer()[0], 4);
    }
    drop(browsers);
    Wamp::subscribed(daemon.web, "t");
    daemon.assert_running();
}
