//! Memory and open files of an upgraded daemon.

use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use system_tests::resources::Resources;
use system_tests::wamp::Wamp;

use super::{Clients, Installed};

const BROWSERS: usize = 1000;

/// Memory after an upgrade may be so much more than before it, in percent, and some KiB that do not depend on connections.
const MEMORY_PERCENT_MAX: usize = 150;
const MEMORY_KIB_MORE: usize = 4 * 1024;

fn upgrade(daemon: &mut Installed) {
    let lines = daemon.lines();
    daemon.process.signal(Signal::SIGUSR2);
    daemon.wait_for(lines, "took the connections over");
}

#[test]
fn an_upgraded_daemon_needs_as_much_memory_as_a_fresh_one() {
    let (_, open_files) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, open_files, open_files).unwrap();
    let mut daemon = Installed::start(&[]);
    let topic = |number: usize| format!("t{}", number % 100);
    let mut pages: Vec<_> = (0..BROWSERS)
        .map(|number| Wamp::subscribed(daemon.web, &topic(number)))
        .collect();
    let used = Resources::of(daemon.process.pid());
    let (fresh_kib, open_files) = (used.memory_kib(), used.open_files());
    for number in 1..=5 {
        upgrade(&mut daemon);
        let kib = used.memory_kib();
        eprintln!("upgrade {number}: {kib} KiB, and {fresh_kib} KiB before all");
        let max = fresh_kib * MEMORY_PERCENT_MAX / 100 + MEMORY_KIB_MORE;
        assert!(kib < max, "{kib} KiB of at most {max}");
        assert!(used.open_files() <= open_files + 2, "{}", used.open_files());
    }
    for (number, page) in pages.iter_mut().enumerate() {
        page.barrier();
        assert!(page.take_waiting().is_empty(), "{number}");
    }
    daemon.ends();
}

/// Lowers the limit of open files of a running daemon.
#[track_caller]
fn limit(daemon: &Installed, open_files: usize) {
    let mut command = Command::new("prlimit");
    command.arg(format!("--pid={}", daemon.process.pid()));
    let status = command
        .arg(format!("--nofile={open_files}:{open_files}"))
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn at_the_limit_of_open_files_it_upgrades_or_goes_on() {
    let mut daemon = Installed::start(&[]);
    let mut clients = Clients::connect(&daemon);
    let mut pages: Vec<_> = (0..50).map(|_| Wamp::subscribed(daemon.web, "t")).collect();
    let used = Resources::of(daemon.process.pid());
    let mut outcomes = [0, 0];
    let mut events = 0;
    // The limit only falls, because not everybody may raise it.
    for spare in (0..=24).rev() {
        limit(&daemon, used.open_files() + spare);
        let lines = daemon.lines();
        daemon.process.signal(Signal::SIGUSR2);
        let line = daemon.wait_for_any(lines, &["took the connections over", "no upgrade"]);
        outcomes[usize::from(line.contains("no upgrade"))] += 1;
        clients.go_on();
        events += 1;
        for page in &mut pages {
            assert_eq!(page.event("t"), events, "spare: {spare}");
        }
    }
    eprintln!("{} took place, and {} did not", outcomes[0], outcomes[1]);
    assert!(!outcomes.contains(&0), "{outcomes:?}");
    daemon.ends();
}
