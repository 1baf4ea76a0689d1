//! Events that publishers left in the spool.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use pusher_core::{Recipe, StateOptions, SyncPolicy};
use pusher_proto::limits::SPOOL_TTL_S;
use pusher_proto::spool::{FILE_NAME, Record, TEMPORARY, encode};

use crate::support::{TestServer, on_any_ports, start_server};

fn start(dir: &Path) -> TestServer {
    let mut options = on_any_ports();
    options.spool_dir = Some(dir.to_owned());
    start_server(options, Recipe::default())
}

pub(crate) fn record<'a>(id: &'a str, event: &'a str) -> Record<'a> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Record {
        time_ms: now.unwrap().as_millis() as u64,
        ttl_s: SPOOL_TTL_S,
        topic: "t".into(),
        id: id.into(),
        latest: false,
        exclude: None,
        token: None,
        event,
    }
}

/// Leaves bytes in the spool, as a publisher does.
pub(crate) fn leave(dir: &Path, bytes: &[u8]) {
    let mut options = OpenOptions::new();
    let mut file = options
        .append(true)
        .create(true)
        .open(dir.join(FILE_NAME))
        .unwrap();
    file.lock_shared().unwrap();
    file.write_all(bytes).unwrap();
}

fn history(server: &TestServer) -> Vec<String> {
    let mut browser = crate::recovery::Pushd1::connect(server);
    let begin = format!("{:016x}-0", server.hub.position().epoch);
    let replayed = browser.subscribe("t", Some(&begin)).replayed;
    (0..replayed)
        .map(|_| browser.event().0.to_string())
        .collect()
}

#[test]
fn events_are_published_in_order_before_publishers_connect() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..500 {
        let (id, event) = (format!("id{number}"), number.to_string());
        leave(folder.path(), &encode(&record(&id, &event)));
    }
    let server = start(folder.path());
    // The publish listener accepts only behind the spool.
    assert_eq!(server.publisher().publish("t", "500").0, 501);
    let expected: Vec<_> = (0..=500).map(|number| number.to_string()).collect();
    assert_eq!(history(&server), expected);
    assert_eq!(server.hub.stats().spool_drained, 500);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_publisher_can_wait_until_its_events_are_drained() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let mut publisher = server.publisher();
    for number in 1..=3 {
        let (id, event) = (number.to_string(), number.to_string());
        leave(folder.path(), &encode(&record(&id, &event)));
        publisher.send(&format!("[8,{number}]"));
        assert_eq!(publisher.whole_line(), format!("[9,{number}]"));
        assert_eq!(server.hub.position().sequence, number);
    }
    let server = start_server(on_any_ports(), Recipe::default());
    let mut publisher = server.publisher();
    publisher.send("[8,7]");
    assert_eq!(publisher.whole_line(), "[9,7]", "a server without a spool");
}

#[test]
fn an_event_that_was_received_is_not_published_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let start = || {
        let mut options = on_any_ports();
        options.spool_dir = Some(spool.clone());
        let dir = folder.path().join("state");
        let sync = SyncPolicy::Never;
        options.state = Some(StateOptions { dir, sync });
        start_server(options, Recipe::default())
    };
    let mut server = start();
    let mut publisher = server.publisher();
    publisher.send("[3,1,\"t\",1,{\"id\":\"a\"}]");
    assert!(publisher.whole_line().starts_with("[4,1,1,"));
    server.end();
    leave(&spool, &encode(&record("a", "1")));
    leave(&spool, &encode(&record("b", "2")));
    let server = start();
    server.until("the spool is drained", |hub| hub.stats().spool_drained == 2);
    assert_eq!(history(&server), ["1", "2"]);
}

#[test]
fn records_that_cannot_be_published_do_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = encode(&record("good", "7"));
    let mut damaged = encode(&record("damaged", "1"));
    damaged[12] ^= 1;
    let newer_line = "{\"v\":2}";
    let newer = format!(
        "\n{:08x} {newer_line}\n",
        crc32fast::hash(newer_line.as_bytes())
    );
    let expired = Record {
        time_ms: 1,
        ..record("expired", "2")
    };
    let topic = Record {
        topic: "x".repeat(2000).into(),
        ..record("topic", "3")
    };
    let superseded = Record {
        latest: true,
        ..record("superseded", "4")
    };
    let latest = Record {
        latest: true,
        ..record("latest", "5")
    };
    let torn = &encode(&record("torn", "6"))[..30];
    for bytes in [
        &damaged,
        newer.as_bytes(),
        &encode(&expired),
        &encode(&topic),
        &encode(&superseded),
        &encode(&latest),
        torn,
        &good,
    ] {
        leave(folder.path(), bytes);
    }
    let server = start(folder.path());
    server.until("the spool is drained", |hub| hub.stats().spool_drained == 2);
    assert_eq!(history(&server), ["5", "7"]);
    let stats = server.hub.stats();
    assert_eq!(
        (
            stats.spool_set_aside,
            stats.spool_expired,
            stats.spool_refused,
            stats.spool_superseded
        ),
        (3, 1, 1, 1)
    );
    let set_aside = fs::read(folder.path().join("set-aside")).unwrap();
    let lines: Vec<_> = set_aside.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines[0], &damaged[1..damaged.len() - 1]);
    assert_eq!(lines[1], newer.trim().as_bytes());
    assert_eq!(lines[2], &torn[1..]);
}

#[test]
fn a_record_needs_the_token_that_publishers_need() {
    let folder = tempfile::tempdir().unwrap();
    let with_token = |id, token: Option<&'static str>| Record {
        token: token.map(Into::into),
        ..record(id, "1")
    };
    let token = "a-token-for-tests";
    for record in [
        with_token("none", None),
        with_token("wrong", Some("another-token")),
        with_token("right", Some(token)),
    ] {
        leave(folder.path(), &encode(&record));
    }
    let mut options = on_any_ports();
    options.spool_dir = Some(folder.path().to_owned());
    options.live.publish_token = Some(token.parse().unwrap());
    let server = start_server(options, Recipe::default());
    server.until("all records are done", |hub| {
        let stats = hub.stats();
        (stats.spool_drained, stats.spool_refused) == (1, 2)
    });
}

#[test]
fn a_publisher_that_stops_while_it_writes_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let mut options = OpenOptions::new();
    let mut slow = options.append(true).create(true).open(&path).unwrap();
    slow.lock_shared().unwrap();
    leave(folder.path(), &encode(&record("other", "1")));
    let server = start(folder.path());
    server.until("the other event", |hub| hub.stats().spool_drained == 1);
    slow.write_all(&encode(&record("slow", "2"))).unwrap();
    drop(slow);
    server.until("the slow event", |hub| hub.stats().spool_drained == 2);
    server.until("the file is removed", |_| {
        fs::read_dir(folder.path()).unwrap().count() == 0
    });
    assert_eq!(history(&server), ["1", "2"]);
}

#[test]
fn without_its_directory_a_server_serves_and_looks_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("later");
    let server = start(&dir);
    let mut publisher = server.publisher();
    publisher.send("[8,1]");
    assert_eq!(publisher.whole_line(), "[9,1]", "nobody could drain it");
    fs::create_dir(&dir).unwrap();
    leave(&dir, &encode(&record("a", "1")));
    server.until("the event", |hub| hub.stats().spool_drained == 1);
}

/// What is not a file that a publisher made. All of it could be under the name of the active file.
#[cfg(unix)]
#[test]
fn links_and_special_files_are_set_aside() {
    let make: [fn(&Path, &Path); 4] = [
        |active, other| std::os::unix::fs::symlink(other, active).unwrap(),
        |active, other| fs::hard_link(other, active).unwrap(),
        |active, _| fs::create_dir(active).unwrap(),
        |active, _| drop(std::os::unix::net::UnixListener::bind(active).unwrap()),
    ];
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    fs::write(&other, encode(&record("stranger", "1"))).unwrap();
    let dir = folder.path().join("spool");
    fs::create_dir(&dir).unwrap();
    let active = dir.join(FILE_NAME);
    let server = start(&dir);
    let mut publisher = server.publisher();
    for (index, make) in (1..).zip(make) {
        make(&active, &other);
        publisher.send("[8,1]");
        assert_eq!(publisher.whole_line(), "[9,1]");
        assert_eq!(server.hub.stats().spool_set_aside, index);
    }
    leave(&dir, &encode(&record("good", "2")));
    publisher.send("[8,2]");
    assert_eq!(publisher.whole_line(), "[9,2]");
    assert_eq!(history(&server), ["2"]);
    let names = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(
        names.iter().all(|name| name.starts_with("set-aside-")),
        "{names:?}"
    );
    assert!(other.exists());
}

/// A publisher was killed between the link and the removal of the first name.
#[test]
fn a_publisher_that_was_killed_while_it_made_the_file_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    leave(folder.path(), &encode(&record("a", "1")));
    let active = folder.path().join(FILE_NAME);
    for name in ["one", "two"] {
        let name = folder.path().join(format!("{TEMPORARY}{name}"));
        fs::hard_link(&active, name).unwrap();
    }
    fs::write(folder.path().join(".keep"), "").unwrap();
    let server = start(folder.path());
    server.until("the event", |hub| hub.stats().spool_drained == 1);
    assert_eq!(history(&server), ["1"]);
    let names = || {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
    };
    server.until("the files are removed", |_| names().eq([".keep"]));
    assert_eq!(server.hub.stats().spool_set_aside, 0);
}

/// The next server finds the records that the one before did not mark as done, whether it has published them or not.
#[cfg(unix)]
#[test]
fn a_hand_over_within_a_file_doubles_nothing() {
    const RECORDS: u64 = 1000;
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = || {
        let mut options = on_any_ports();
        options.spool_dir = Some(folder.path().to_owned());
        // Each publish waits for the disk.
        let sync = SyncPolicy::Always;
        options.state = Some(StateOptions {
            dir: state.path().to_owned(),
            sync,
        });
        options
    };
    let mut server = start_server(options(), Recipe::default());
    let mut browser = server.subscriber("t");
    let mut begin = 0;
    // The first server may be faster than this thread.
    loop {
        let records = (begin..begin + RECORDS).map(|number| number.to_string());
        let records = records.flat_map(|number| encode(&record(&number, &number)));
        leave(folder.path(), &records.collect::<Vec<_>>());
        server.until("some are drained", |hub| {
            hub.position().sequence > begin + 10
        });
        server = server.hand_over(options(), Recipe::default());
        begin += RECORDS;
        server.until("all are drained", |_| {
            fs::read_dir(folder.path()).unwrap().count() == 0
        });
        if server.hub.stats().spool_drained > 0 {
            break;
        }
        assert!(begin < 20 * RECORDS, "no hand-over was within the file");
    }
    for number in 0..begin {
        assert_eq!(browser.message(), format!("[8,\"t\",{number}]"));
    }
    assert_eq!(server.hub.position().sequence, begin);
}
