//! The log over a restart, in a state directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pusher_core::{Options, Position, Receipt, Recipe, StateOptions, Stored, SyncPolicy};

use crate::event_stream::Stream;
use crate::recovery::Pushd1;
use crate::support::{TestServer, on_any_ports, start_server};

fn options(dir: &Path, sync: SyncPolicy) -> Options {
    let mut options = on_any_ports();
    let dir = dir.to_owned();
    options.state = Some(StateOptions { dir, sync });
    options
}

fn start(dir: &Path) -> TestServer {
    start_server(options(dir, SyncPolicy::Interval), Recipe::default())
}

fn publish(server: &TestServer, topic: &str, number: u64) -> Position {
    let receipt = publish_json(server, topic, &number.to_string());
    assert_eq!(receipt.stored, Stored::Written);
    receipt.position.unwrap()
}

/// Publishes, and waits until the event is on disk.
fn publish_json(server: &TestServer, topic: &str, event: &str) -> Receipt {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let published = server.hub.publish_async(topic, event);
    runtime.build().unwrap().block_on(published).unwrap()
}

#[test]
fn clients_recover_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("state");
    let mut server = start(&dir);
    let before = publish(&server, "t", 1);
    for number in 2..=4 {
        publish(&server, "t", number);
    }
    let end = publish(&server, "u", 5);
    server.end();
    for _ in 0..2 {
        // The second time the log was not changed in between.
        server = start(&dir);
        assert_eq!(server.hub.position(), end);
        server.end();
    }
    let server = start(&dir);
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("t", Some(&before.to_string()));
    assert_eq!((subscribed.is_recovered, subscribed.replayed), (true, 3));
    let next = publish(&server, "t", 6);
    assert_eq!(next.sequence, end.sequence + 1);
    let numbers: Vec<_> = (0..4).map(|_| browser.event().0).collect();
    assert_eq!(numbers, [2, 3, 4, 6]);
    let target = format!("/events?topic=t&topic=u&since={before}");
    let (mut stream, _) = Stream::begin(&server, &target, "");
    assert_eq!(stream.event().0, "{\"topic\":\"t\",\"event\":2}");
    assert_eq!(server.hub.stats().gaps.total(), 0);
}

/// The log in memory does not keep an event that is too long for it, and neither does the log after a restart.
#[test]
fn event_that_is_not_kept_is_a_gap_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut options = options(folder.path(), SyncPolicy::Never);
        options.live.limits.history_topic_len_max = 1000;
        start_server(options, Recipe::default())
    };
    let mut server = start();
    let before = publish(&server, "t", 1);
    let long = format!("\"{}\"", "x".repeat(1000));
    let long = publish_json(&server, "t", &long);
    assert_eq!(long.stored, Stored::No);
    let behind = long.position.unwrap();
    publish(&server, "t", 3);
    for _ in 0..2 {
        for (since, is_recovered) in [(before, false), (behind, true)] {
            let mut browser = Pushd1::connect(&server);
            let subscribed = browser.subscribe("t", Some(&since.to_string()));
            assert_eq!(subscribed.is_recovered, is_recovered, "{since}");
        }
        server.end();
        server = start();
    }
}

#[test]
fn publish_ids_are_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path());
    server.publisher().send("[3,1,\"t\",1,{\"id\":\"a\"}]");
    server.until("it is accepted", |hub| hub.position().sequence == 1);
    server.end();
    let server = start(folder.path());
    let mut publisher = server.publisher();
    publisher.send("[3,2,\"t\",1,{\"id\":\"a\"}][3,3,\"t\",2,{\"id\":\"b\"}]");
    assert_eq!(publisher.line(), "[4,2,1,0]");
    assert_eq!(publisher.line(), "[4,3,2,0]");
}

#[test]
fn old_id_is_published_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path());
    server.publisher().send("[3,1,\"t\",1,{\"id\":\"a\"}]");
    server.until("it is accepted", |hub| hub.position().sequence == 1);
    server.end();
    let mut options = options(folder.path(), SyncPolicy::Never);
    options.id_limits.id_memory = Duration::from_millis(1);
    std::thread::sleep(Duration::from_millis(2));
    let server = start_server(options, Recipe::default());
    let mut publisher = server.publisher();
    publisher.send("[3,2,\"t\",1,{\"id\":\"a\"}]");
    assert_eq!(publisher.line(), "[4,2,2,0]");
}

/// The log cannot know what another run has accepted meanwhile without the directory.
#[test]
fn long_stop_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path());
    let end = publish(&server, "t", 1);
    server.end();
    let mut options = options(folder.path(), SyncPolicy::Never);
    options.live.limits.history_age_max = Duration::from_millis(1);
    std::thread::sleep(Duration::from_millis(2));
    let server = start_server(options, Recipe::default());
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("t", Some(&end.to_string()));
    assert!(!subscribed.is_recovered);
    assert_eq!(server.hub.position().epoch, end.epoch);
    publish(&server, "t", 2);
    assert_eq!(browser.event(), (2, end.sequence + 2));
}

#[test]
fn event_longer_than_the_log_is_a_gap_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut options = options(folder.path(), SyncPolicy::Never);
        options.live.limits.history_topic_len_max = 1000;
        start_server(options, Recipe::default())
    };
    let mut server = start();
    let before = publish(&server, "t", 1);
    let long = format!("\"{}\"", "x".repeat(2000));
    assert_eq!(publish_json(&server, "t", &long).stored, Stored::No);
    let between = publish(&server, "t", 3);
    server.end();
    let server = start();
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("t", Some(&before.to_string()));
    assert!(!subscribed.is_recovered);
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("t", Some(&between.to_string()));
    assert!(subscribed.is_recovered);
}

#[test]
fn receipt_says_how_the_event_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (sync, stored) in [
        (SyncPolicy::Never, "written"),
        (SyncPolicy::Interval, "written"),
        (SyncPolicy::Always, "synced"),
    ] {
        let mut options = options(&folder.path().join(sync.to_string()), sync);
        options.live.history = vec!["t*".parse().unwrap()];
        let server = start_server(options, Recipe::default());
        let mut publisher = server.publisher();
        publisher.send("[3,1,\"t\",1][3,2,\"without history\",1][3,3,\"t\",1]");
        for stored in [stored, "no", stored] {
            let line = publisher.whole_line();
            assert!(
                line.ends_with(&format!("\"stored\":\"{stored}\"}}]")),
                "{line}"
            );
        }
    }
}

#[test]
fn log_of_topics_without_history_continues_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut options = options(folder.path(), SyncPolicy::Never);
        options.live.history = vec!["kept".parse().unwrap()];
        start_server(options, Recipe::default())
    };
    let mut server = start();
    publish(&server, "kept", 1);
    for number in 0..10 {
        server.hub.publish("other", &number.to_string()).unwrap();
    }
    let end = server.hub.position();
    server.end();
    assert_eq!(start().hub.position(), end);
}

/// A topic that had no history for a while has lost events.
#[test]
fn change_of_history_is_a_gap_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = |history: &str| {
        let mut options = options(folder.path(), SyncPolicy::Never);
        options.live.history = vec![history.parse().unwrap()];
        start_server(options, Recipe::default())
    };
    let is_recovered = |server: &TestServer, since: Position| {
        let mut browser = Pushd1::connect(server);
        browser
            .subscribe("t", Some(&since.to_string()))
            .is_recovered
    };
    let mut server = start("*");
    let before = publish(&server, "t", 1);
    server.end();
    let mut server = start("other");
    server.hub.publish("t", "2").unwrap();
    server.end();
    let mut server = start("*");
    assert!(!is_recovered(&server, before));
    let between = publish(&server, "t", 3);
    publish(&server, "t", 4);
    // The same by a reload.
    for (history, stored) in [("other", Stored::No), ("*", Stored::Written)] {
        let mut options = on_any_ports();
        options.live.history = vec![history.parse().unwrap()];
        server.control.reload(options.live).unwrap();
        assert_eq!(publish_json(&server, "t", "5").stored, stored);
    }
    let after = server.hub.position();
    publish(&server, "t", 6);
    server.end();
    let server = start("*");
    assert!(!is_recovered(&server, between));
    assert!(is_recovered(&server, after));
}

#[test]
fn damaged_log_is_a_gap_and_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path());
    let before = publish(&server, "t", 1);
    publish(&server, "t", 2);
    publish(&server, "t", 3);
    server.end();
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    files.sort();
    let mut bytes = fs::read(&files[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&files[0], bytes).unwrap();
    let mut options = options(folder.path(), SyncPolicy::Always);
    options.shards = 1;
    let server = start_server(options, Recipe::default());
    assert_ne!(server.hub.position().epoch, before.epoch);
    // An id of the lost log is known, and its receipt promises nothing.
    let mut publisher = server.publisher();
    publisher.send("[3,1,\"t\",1,{\"id\":\"first\"}]");
    let line = publisher.whole_line();
    assert!(
        line.contains("\"stored\":\"no\"") || line.contains("\"stored\":\"synced\""),
        "{line}"
    );
    let mut browser = Pushd1::connect(&server);
    assert!(
        !browser
            .subscribe("t", Some(&before.to_string()))
            .is_recovered
    );
    server.hub.publish("t", "4").unwrap();
    assert_eq!(browser.event().0, 4);
}

#[test]
fn unusable_directory_leaves_events_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path());
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    for dir in [folder.path(), &file, &open, Path::new("/proc/pushd")] {
        let server = start(dir);
        let receipt = publish_json(&server, "t", "1");
        assert_eq!(receipt.stored, Stored::Memory, "{dir:?}");
        let stats = server.hub.stats();
        assert_eq!((stats.log_on_disk, stats.disk_errors), (0, 1), "{dir:?}");
        let mut client = server.raw(server.publish);
        let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        std::io::Write::write_all(&mut client, request.as_bytes()).unwrap();
        let answer = crate::support::read_to_end(&mut client);
        assert!(answer.contains("events are in memory only"), "{answer}");
    }
    publish(&first, "t", 1);
    assert_eq!(first.hub.stats().log_on_disk, 1);
}
