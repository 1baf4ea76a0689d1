//! SIGTERM under load: every event with a receipt arrives, and pages reconnect.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::signal::Signal;
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::history::{Fate, History, Id, Publish, Reading};
use system_tests::publisher::Publisher;
use system_tests::random::Random;
use system_tests::wire::{Wire, first, masked, text};
use xtask::process::wait_until;

const READERS: usize = 6;
const PUBLISHERS: u64 = 6;
/// Number of answered publishes before SIGTERM.
const RECEIPTS_BEFORE: usize = 400;
const BURST: u64 = 5;

fn subscribed(daemon: &Daemon) -> Wire {
    let mut browser = Wire::open(daemon.web);
    browser.send(&text(r#"[5,"t"]"#));
    browser.send(&masked(first::PING, b""));
    assert_eq!(browser.frame().first, first::PONG);
    browser
}

/// Reads to the end, which must not be a close frame: autobahn.js would not reconnect.
fn read_all(mut browser: Wire, index: usize) -> Reading {
    let mut ids = Vec::new();
    while let Some(frame) = browser.next_frame() {
        assert_eq!(frame.first, first::TEXT, "{frame:?}");
        let message: (u8, &str, (Id, &str)) = serde_json::from_str(frame.text()).unwrap();
        ids.push(message.2.0);
    }
    Reading {
        subscriber: format!("reader {index}"),
        topic: "t".to_owned(),
        ids,
        stays: true,
    }
}

/// Publishes until the daemon ends the connection.
fn publish_to_the_end(
    address: SocketAddr,
    connection: u64,
    receipts: &AtomicUsize,
) -> Vec<Publish> {
    let mut random = Random::new(connection);
    let mut publisher = Publisher::connect(address);
    publisher.send(b"[1,1]");
    publisher.answer();
    let mut publishes = Vec::new();
    loop {
        let begin = publishes.len() as u64;
        let mut burst = String::new();
        for n in begin..begin + BURST {
            let id = (connection << 32) + n;
            let padding = "x".repeat(random.below(20_000));
            burst += &format!("[3,{n},\"t\",[{id},\"{padding}\"]]");
            publishes.push(Publish {
                id,
                topic: "t".to_owned(),
                connection,
                fate: Fate::Unknown,
            });
        }
        publisher.try_send(burst.as_bytes());
        for _ in 0..BURST {
            let Some(answer) = publisher.next_answer() else {
                return publishes;
            };
            if answer[0] == 5 {
                assert_eq!(answer[2], "shutting_down", "{answer}");
                return publishes;
            }
            let number = |element: usize| answer[element].as_u64().unwrap();
            publishes[usize::try_from(number(1)).unwrap()].fate = Fate::Receipt {
                sequence: number(2),
                subscribers: number(3),
            };
            receipts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn what_got_a_receipt_arrives_although_the_daemon_is_told_to_end() {
    let mut daemon = Daemon::start_with(&["--outbox-len-max=64MiB", "--flush-timeout=15s"]);
    let readers: Vec<Wire> = (0..READERS).map(|_| subscribed(&daemon)).collect();
    let receipts = AtomicUsize::new(0);
    let mut history = History::default();
    let address = daemon.publish;
    thread::scope(|scope| {
        let receipts = &receipts;
        let reading: Vec<_> = readers
            .into_iter()
            .enumerate()
            .map(|(index, browser)| scope.spawn(move || read_all(browser, index)))
            .collect();
        let publishing: Vec<_> = (1..=PUBLISHERS)
            .map(|number| scope.spawn(move || publish_to_the_end(address, number, receipts)))
            .collect();
        let is_busy = || receipts.load(Ordering::Relaxed) >= RECEIPTS_BEFORE;
        assert!(wait_until(WAIT_MS, is_busy), "nothing is published");
        daemon.process.signal(Signal::SIGTERM);
        for thread in publishing {
            history.publishes.extend(thread.join().unwrap());
        }
        for thread in reading {
            history.readings.push(thread.join().unwrap());
        }
    });
    assert_eq!(daemon.process.wait(WAIT_MS).unwrap().code(), Some(0));
    history.check();
    assert!(history.receipts() >= RECEIPTS_BEFORE);
}

#[test]
fn a_client_that_does_not_read_delays_the_end_only_up_to_the_limit() {
    let mut daemon = Daemon::start_with(&["--outbox-len-max=64MiB", "--flush-timeout=500ms"]);
    let _stuck = subscribed(&daemon);
    let mut reader = subscribed(&daemon);
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"[1,1]");
    publisher.answer();
    // More than the kernel buffers for a client that does not read.
    let padding = "x".repeat(1_000_000);
    for id in 0..30 {
        publisher.send(format!("[3,1,\"t\",[{id},\"{padding}\"]]").as_bytes());
        assert_eq!(publisher.answer()[3], 2);
        assert!(
            reader
                .frame()
                .text()
                .starts_with(&format!("[8,\"t\",[{id},"))
        );
    }
    assert_eq!(daemon.end_by(Signal::SIGTERM).code(), Some(0));
    assert_eq!(reader.next_frame(), None);
}
