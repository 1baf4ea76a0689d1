//! 50 processes of Apache publish at once, with the extension and with PHP alone, while the daemon is killed and started again.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use system_tests::workspace;
use xtask::apache::Apache;

use super::*;

const CHILDREN: usize = 50;
const ROUNDS: usize = 10;
/// The pages that each visitor opens in a round, one after the other.
const PAGES: usize = 4;
const EVENTS_PER_PAGE: usize = 10;

/// Publishes the time to the topic of its process, again and again. In one process, the times grow from page to page.
/// The first page of a round waits at the gate, so that each process has one of them.
const PAGE: &str = "<?php
    extension_loaded('pusher') || require __DIR__ . '/src/pusher.php';
    if (isset($_GET['gate'])) {
        file_put_contents($_SERVER['FOLDER'] . '/arrived', '.', FILE_APPEND);
        flock(fopen($_SERVER['FOLDER'] . '/gate', 'r'), LOCK_SH);
    }
    $pid = getmypid();
    $page = ['process' => $pid, 'events' => [], 'spooled' => 0];
    for ($i = 0; $i < (int) $_GET['events']; $i++) {
        $event = hrtime(true);
        $receipt = Pusher::publish(\"p$pid\", $event);
        $page['events'][] = $event;
        $page['spooled'] += $receipt->spooled;
    }
    header('Content-Type: application/json');
    echo json_encode($page);";

/// A folder that Apache's processes, which have another user, can write to.
fn folder_for_all() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Opens a page. Returns what it has published.
#[track_caller]
fn visit(apache: &Apache, query: &str) -> Value {
    let path = format!("/publish.php?events={EVENTS_PER_PAGE}{query}");
    let text = http::get(apache.address, &path).unwrap().text();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Opens the pages of one round. The daemon ends when some are done, and starts again while the others publish.
fn round(apache: &Apache, folder: &Path, daemon: Daemon, number: usize) -> (Vec<Value>, Daemon) {
    let gate = File::create(folder.join("gate")).unwrap();
    gate.lock().unwrap();
    let done = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let visitor = move || {
            let mut pages = Vec::new();
            for number in 0..PAGES {
                pages.push(visit(apache, if number == 0 { "&gate" } else { "" }));
                done.fetch_add(1, Ordering::Relaxed);
            }
            pages
        };
        let visitors: Vec<_> = (0..CHILDREN).map(|_| scope.spawn(visitor)).collect();
        let arrived = || fs::metadata(folder.join("arrived")).map_or(0, |file| file.len());
        let all = (CHILDREN * (number + 1)) as u64;
        let is_full = wait_until(WAIT_MS, || arrived() == all);
        gate.unlock().unwrap();
        assert!(is_full, "{} of {all} pages wait at the gate", arrived());
        assert!(wait_until(WAIT_MS, || done.load(Ordering::Relaxed) >= CHILDREN / 2));
        let stopped = match number % 2 {
            0 => daemon.kill(),
            _ => daemon.terminate(),
        };
        let daemon = stopped.start_again();
        let pages = visitors
            .into_iter()
            .flat_map(|visitor| visitor.join().unwrap());
        (pages.collect(), daemon)
    })
}

#[test]
fn fifty_children_of_apache_lose_and_double_nothing() {
    fifty_children(|address| Php::with_extension(address));
}

#[test]
fn fifty_children_with_php_alone_lose_and_double_nothing() {
    fifty_children(|address| Php::plain().set("pusher.address", address));
}

#[track_caller]
fn fifty_children(php: impl Fn(String) -> Php) {
    let (_folder, spool, flags) = directories();
    fs::set_permissions(spool.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&spool, Permissions::from_mode(0o777)).unwrap();
    let mut flags = flags.each_ref().map(String::as_str).to_vec();
    flags.push("--history-topic-events-max=20000");
    let mut daemon = Daemon::start_with(&flags);
    let site = Application::of(&[("publish.php", PAGE)]);
    site.copy_in(&workspace().root.join("php/src"));
    let folder = folder_for_all();
    let php = php(daemon.push_address())
        .set("pusher.spool", spool.display())
        .in_children(u32::try_from(CHILDREN).unwrap());
    let environment = [("FOLDER", folder.path().display().to_string())];
    let apache = php.apache(site.path(), "", &environment);

    // What each process has published, in the order of its clock.
    let mut published: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut spooled = 0;
    for number in 0..ROUNDS {
        let (pages, running) = round(&apache, folder.path(), daemon, number);
        daemon = running;
        for page in pages {
            let events = page["events"].as_array().unwrap();
            let events = events.iter().map(|event| event.as_u64().unwrap());
            published
                .entry(page["process"].as_u64().unwrap())
                .or_default()
                .extend(events);
            spooled += page["spooled"].as_u64().unwrap();
        }
    }
    assert!(wait_until(WAIT_MS, || is_empty(&spool)), "it is drained");
    let total: usize = published.values().map(Vec::len).sum();
    assert_eq!(total, ROUNDS * CHILDREN * PAGES * EVENTS_PER_PAGE);
    assert!(
        0 < spooled && spooled < total as u64,
        "{spooled} of {total} are spooled"
    );
    assert_eq!(published.len(), CHILDREN);
    for (process, mut events) in published {
        events.sort_unstable();
        let topic = format!("p{process}");
        let expected: Vec<_> = events.into_iter().map(Value::from).collect();
        assert_eq!(history(&daemon, &topic), expected, "{topic}");
    }
    let log = apache.log();
    assert!(!log.contains("PHP "), "{log}");
}
