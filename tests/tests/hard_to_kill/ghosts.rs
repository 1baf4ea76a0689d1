//! A browser that loses its network: half-open TCP without an end or a reset.

use system_tests::WAIT_MS;
use system_tests::cable::{self, Host};
use system_tests::daemon::Daemon;
use system_tests::publisher::Publisher;
use system_tests::resources::Resources;
use system_tests::wamp::Wamp;
use xtask::process::wait_until;

const TEST: &str =
    "ghosts::needs_namespaces::a_browser_whose_cable_is_pulled_goes_and_nobody_else_notices";

mod needs_namespaces {
    use super::*;

    #[test]
    fn a_browser_whose_cable_is_pulled_goes_and_nobody_else_notices() {
        if cable::is_inside(TEST, 4 * WAIT_MS) {
            pull_the_cable();
        }
    }
}

fn pull_the_cable() {
    let host = Host::start();
    let cable = host.connect(0);
    let flags = ["--ping-interval=200ms", "--pong-timeout=1s"];
    let daemon = Daemon::start_at(&format!("{}:0", cable.here()), "127.0.0.1:0", &flags);
    let mut stays = Wamp::subscribed(daemon.web, "t");
    let resources = Resources::of(daemon.process.pid());
    let open_files = resources.open_files();
    let web = daemon.web;
    let mut ghost = host.run(move || Wamp::subscribed(web, "t"));
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

    cable.pull();
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
