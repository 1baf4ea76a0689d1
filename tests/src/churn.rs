//! Connections that open and close.

use std::thread;

use xtask::process::wait_until;

use crate::WAIT_MS;
use crate::daemon::Daemon;
use crate::publisher::{Publisher, publish_raw};
use crate::random::Random;
use crate::resources::Resources;
use crate::wamp::Wamp;
use crate::wire::{Wire, first, masked, text};

/// Opens a connection of a browser or a publisher, and ends it in one of the usual ways.
fn come_and_go(daemon: &Daemon, random: &mut Random) {
    match random.below(8) {
        0 => drop(Wamp::subscribed(daemon.web, "t")),
        1 => Wamp::subscribed(daemon.web, "u").begin_close(),
        2 => drop(Wire::connect(daemon.web)),
        3 => Wire::connect(daemon.web).send(b"GET /"),
        4 => Wire::open(daemon.web).send(&text("[5,\"t")[..9]),
        5 => Wire::open(daemon.web).send(&[text("[5,\"t\"]"), masked(first::TEXT, b"[")].concat()),
        6 => publish_raw(daemon.publish, r#"{"category":"t"}"#),
        _ => {
            let mut publisher = Publisher::connect(daemon.publish);
            publisher.send(b"[1,1][3,1,\"t\",{}][3,2,");
            publisher.answer();
        }
    }
}

/// Opens and closes this number of connections, four at a time. Returns when none is left.
#[track_caller]
pub fn churn(daemon: &Daemon, connections: usize, seed: u64) {
    // Waits for an answer, which shows that all threads have started. Threads need descriptors too.
    let _stays = Wamp::subscribed(daemon.web, "stays");
    let open_files = Resources::of(daemon.process.pid()).open_files();
    thread::scope(|scope| {
        for worker in 0..4 {
            let mut random = Random::new(seed * 4 + worker);
            scope.spawn(move || {
                (0..connections / 4).for_each(|_| come_and_go(daemon, &mut random));
            });
        }
    });
    let resources = Resources::of(daemon.process.pid());
    let given_back = wait_until(WAIT_MS, || resources.open_files() <= open_files);
    assert!(
        given_back,
        "{open_files} files before, {}",
        resources.open_files()
    );
}
