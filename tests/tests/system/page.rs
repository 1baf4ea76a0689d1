//! Limits for the time that a publish adds to a page, in every state of pushd, and the sending of deferred events
//! after the page.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use system_tests::daemon::Daemon;
use system_tests::php::{Application, Fpm, Php};
use system_tests::stream::Stream;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, workspace};
use xtask::apache::Apache;
use xtask::page_time::{PAGES, Visit, visit};

/// Requests, enough for several children of Apache.
const REQUESTS: usize = 40;
const TIMEOUT_MS: u64 = 100;

/// Pages that publish, in an Apache where each child waits only once for a pushd that hangs.
fn apache(push_address: impl std::fmt::Display) -> Apache {
    let php = Php::with_extension(push_address)
        .set("pusher.timeout_ms", TIMEOUT_MS)
        .set("pusher.retry_ms", 3_600_000);
    php.apache(Application::of(&PAGES).path(), ".", &[])
}

fn visits(apache: &Apache) -> Vec<Visit> {
    let begin = Instant::now();
    let visits: Vec<_> = (0..REQUESTS)
        .map(|_| visit(apache.address, "publish.php").unwrap())
        .collect();
    for visit in &visits {
        assert!(
            visit.took < Duration::from_millis(TIMEOUT_MS + WAIT_MS),
            "{visit:?}"
        );
    }
    // If every request waited, the total would be much longer.
    assert!(begin.elapsed() < Duration::from_millis(WAIT_MS));
    visits
}

fn count(visits: &[Visit], outcome: &str) -> usize {
    visits
        .iter()
        .filter(|visit| visit.outcome == outcome)
        .count()
}

#[track_caller]
fn assert_each_child_tried_once(visits: &[Visit]) {
    let children: HashSet<_> = visits.iter().map(|visit| &visit.pid).collect();
    assert_eq!(count(visits, "failed"), children.len(), "{visits:?}");
    assert_eq!(
        count(visits, "not tried"),
        REQUESTS - children.len(),
        "{visits:?}"
    );
}

#[test]
fn a_page_publishes_while_pushd_runs() {
    let daemon = Daemon::start();
    let visits = visits(&apache(daemon.push_address()));
    assert_eq!(count(&visits, "published"), REQUESTS);
}

#[test]
fn a_page_tries_each_time_while_pushd_is_absent() {
    let daemon = Daemon::start();
    let address = daemon.push_address();
    daemon.kill();
    let visits = visits(&apache(address));
    assert_eq!(count(&visits, "failed"), REQUESTS);
}

#[test]
fn a_child_of_apache_waits_once_for_a_pushd_that_is_stopped() {
    let mut daemon = Daemon::start();
    let apache = apache(daemon.push_address());
    daemon.freeze();
    let visits = visits(&apache);
    daemon.thaw();
    assert_each_child_tried_once(&visits);
}

#[test]
fn a_child_of_apache_waits_once_for_a_server_that_never_answers() {
    // The kernel accepts connections and data for a server that never calls `accept`.
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", hole.local_addr().unwrap());
    assert_each_child_tried_once(&visits(&apache(address)));
}

/// Defers one event, and prints text before and after it.
const DEFER: &str = "<?php echo 'before '; Pusher::defer('t', $_GET['n'] ?? 0); echo 'after';";

fn patient(daemon: &Daemon) -> Php {
    Php::with_extension(daemon.push_address()).set("pusher.timeout_ms", 60_000)
}

#[test]
fn fpm_ends_the_response_before_it_sends_deferred_events() {
    let mut daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let site = Application::of(&[("defer.php", DEFER)]);
    let fpm = Fpm::start(&patient(&daemon), 1);
    daemon.freeze();
    // The deadline is much later than the end of this wait.
    let page = fpm.get(&site.path().join("defer.php"), "n=1");
    assert!(page.ends_with("before after"), "{page}");
    daemon.thaw();
    assert_eq!(browser.event("t"), "1");
    // The only worker continues, and sends nothing twice.
    fpm.get(&site.path().join("defer.php"), "n=2");
    assert_eq!(browser.event("t"), "2");
    browser.assert_nothing_waits();
}

#[test]
fn apache_sends_the_page_before_deferred_events() {
    let mut daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let site = Application::of(&[("index.html", "here"), ("defer.php", DEFER)]);
    let apache = patient(&daemon).apache(site.path(), ".", &[]);
    daemon.freeze();
    let mut stream = Stream::connect(apache.address, WAIT_MS);
    stream
        .write_all(b"GET /defer.php?n=1 HTTP/1.0\r\n\r\n")
        .unwrap();
    let mut page = Vec::new();
    while !page.ends_with(b"before after") {
        let mut part = [0; 1024];
        let len = stream.read(&mut part).unwrap();
        assert!(len > 0, "{}", String::from_utf8_lossy(&page));
        page.extend_from_slice(&part[..len]);
    }
    daemon.thaw();
    assert_eq!(browser.event("t"), "1");
    // The page gets no other output.
    assert_eq!(stream.read(&mut [0; 1024]).unwrap(), 0);
    browser.assert_nothing_waits();
}

#[test]
fn unsent_events_are_logged_and_not_kept_for_the_next_page() {
    let daemon = Daemon::start();
    let site = Application::of(&[("defer.php", DEFER)]);
    let php = Php::with_extension(daemon.push_address()).set("log_errors", 1);
    let fpm = Fpm::start(&php, 1);
    let stopped = daemon.kill();
    let page = fpm.get(&site.path().join("defer.php"), "n=lost");
    assert!(page.ends_with("before after"), "{page}");
    fpm.wait_for_log("1 of 1 deferred events have no receipt");
    let daemon = stopped.start_again();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    fpm.get(&site.path().join("defer.php"), "n=2");
    assert_eq!(browser.event("t"), "2");
    browser.assert_nothing_waits();
}

/// Defers one event, and then prints until the visitor has disconnected, which ends the script.
const PRINT: &str = "<?php require 'src/pusher.php'; pusher_configure(['address' => $_GET['address'], 'timeout_ms' => 60000]);
    Pusher::defer('t', 'deferred'); while (true) { echo str_repeat('x', 8192); flush(); }";

#[track_caller]
fn what_was_deferred_is_sent_though_the_visitor_has_gone(php: &Php) {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let site = Application::of(&[("index.html", "here"), ("print.php", PRINT)]);
    site.copy_in(&workspace().root.join("php/src"));
    let apache = php.apache(site.path(), ".", &[]);
    let mut stream = Stream::connect(apache.address, WAIT_MS);
    let request = format!(
        "GET /print.php?address={} HTTP/1.0\r\n\r\n",
        daemon.push_address()
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 4096]).unwrap();
    drop(stream);
    assert_eq!(browser.event("t"), "deferred");
}

#[test]
fn the_extension_sends_deferred_events_after_the_visitor_has_left() {
    let php = Php::with_extension("tcp://127.0.0.1:1");
    what_was_deferred_is_sent_though_the_visitor_has_gone(&php);
}

#[test]
fn the_fallback_sends_deferred_events_after_the_visitor_has_left() {
    what_was_deferred_is_sent_though_the_visitor_has_gone(&Php::plain());
}
