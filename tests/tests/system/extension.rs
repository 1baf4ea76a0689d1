//! The PHP extension in each server that runs PHP. The phpt tests in `php/tests` cover its details.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use system_tests::WAIT_MS;
use system_tests::daemon::Daemon;
use system_tests::php::{Application, Fpm, Php, Server};
use system_tests::wamp::Wamp;
use xtask::http;
use xtask::process::wait_until;

/// Publishes the query's `n`, and prints the process id and the result.
const PUBLISH: &str = r#"<?php
header('Content-Type: application/json');
$receipt = Pusher::publish('t', ['n' => $_GET['n'], 'title' => '新しい子猫 🐈']);
echo json_encode(['pid' => getmypid(), 'sapi' => PHP_SAPI, 'receipt' => $receipt]);
"#;

/// A site with this page, which also answers at `/` without publishing.
fn site() -> Application {
    Application::of(&[("index.html", "here"), ("publish.php", PUBLISH)])
}

fn parse(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("not JSON ({error}): {body}"))
}

#[test]
fn on_the_command_line() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "kittensCategory");
    let printed = Php::with_extension(daemon.push_address()).print(
        "$receipt = Pusher::publish('kittensCategory', ['title' => '新しい子猫 🐈', 'empty' => new stdClass, 'f' => 0.1]);
         echo $receipt->subscribers, ' ', $receipt->sequence > 0 ? 'numbered' : 'not';",
    );
    assert_eq!(printed, "1 numbered");
    assert_eq!(
        browser.event("kittensCategory"),
        json!({"title": "新しい子猫 🐈", "empty": {}, "f": 0.1})
    );
}

#[test]
fn loading_opens_no_connection_and_prints_no_warning() {
    let ended = Php::with_extension("tcp://127.0.0.1:1")
        .run("echo extension_loaded('pusher') ? 'loaded' : 'not';");
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("loaded", "")
    );
}

#[test]
fn in_phps_own_server() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let site = site();
    let server = Server::start(
        &Php::with_extension(daemon.push_address()),
        site.path(),
        &[],
    );
    for n in 0..3 {
        let answer = parse(
            &http::get(server.address, &format!("/publish.php?n={n}"))
                .unwrap()
                .text(),
        );
        assert_eq!(
            (&answer["sapi"], &answer["receipt"]["subscribers"]),
            (&json!("cli-server"), &json!(1))
        );
        assert_eq!(browser.event("t")["n"], n.to_string());
    }
}

#[test]
fn in_php_fpm() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let site = site();
    let fpm = Fpm::start(&Php::with_extension(daemon.push_address()), 3);
    let script = site.path().join("publish.php");
    for n in 0..12 {
        let page = fpm.get(&script, &format!("n={n}"));
        let (_, body) = page.split_once("\r\n\r\n").unwrap();
        let answer = parse(body);
        assert_eq!(
            (&answer["sapi"], &answer["receipt"]["subscribers"]),
            (&json!("fpm-fcgi"), &json!(1)),
            "{answer}"
        );
        assert_eq!(browser.event("t")["n"], n.to_string());
    }
}

#[test]
fn in_apache_children_and_after_a_graceful_restart() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let site = site();
    let mut apache = Php::with_extension(daemon.push_address()).apache(site.path(), ".", &[]);
    let before = publish_from_several_threads(apache.address, &mut browser);
    apache.process.signal(Signal::SIGUSR1);
    // Its old children end and new ones start.
    let renewed = wait_until(WAIT_MS, || {
        let after = publish_from_several_threads(apache.address, &mut browser);
        after.is_disjoint(&before)
    });
    assert!(
        renewed,
        "Apache goes on with its old children; its log:\n{}",
        apache.log()
    );
}

#[test]
fn a_process_connects_at_its_first_publish_and_then_stays_connected() {
    let daemon = Daemon::start();
    let site = site();
    let apache = Php::with_extension(daemon.push_address()).apache(site.path(), ".", &[]);
    for _ in 0..10 {
        assert_eq!(
            http::get(apache.address, "/index.html").unwrap().status,
            200
        );
    }
    assert_eq!(daemon.publishers(), 0, "no process has published yet");
    let mut pids = HashSet::new();
    for n in 0..20 {
        let page = http::get(apache.address, &format!("/publish.php?n={n}")).unwrap();
        pids.insert(parse(&page.text())["pid"].as_u64().unwrap());
        // While other connections open and close, the kernel may leave some out of its list.
        let one_each = wait_until(WAIT_MS, || daemon.publishers() == pids.len());
        assert!(one_each, "{} connections for {pids:?}", daemon.publishers());
    }
}

/// Sends many requests at once. Checks that each gets a receipt and each event arrives once. Returns the pids of the
/// serving processes.
#[track_caller]
fn publish_from_several_threads(address: std::net::SocketAddr, browser: &mut Wamp) -> HashSet<u64> {
    const THREADS: usize = 4;
    const REQUESTS: usize = 10;
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            thread::spawn(move || {
                (0..REQUESTS)
                    .map(|request| {
                        let n = thread * REQUESTS + request;
                        let page = http::get(address, &format!("/publish.php?n={n}")).unwrap();
                        let answer = parse(&page.text());
                        assert_eq!(answer["receipt"]["subscribers"], 1, "{answer}");
                        assert_eq!(answer["sapi"], "apache2handler");
                        answer["pid"].as_u64().unwrap()
                    })
                    .collect::<HashSet<u64>>()
            })
        })
        .collect();
    let pids = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    let arrived: HashSet<String> = (0..THREADS * REQUESTS)
        .map(|_| browser.event("t")["n"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(arrived.len(), THREADS * REQUESTS, "some event came twice");
    browser.assert_nothing_waits();
    pids
}

#[test]
fn after_a_fork_parent_and_child_have_separate_connections() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    let printed = Php::with_extension(daemon.push_address())
        .set("pusher.on_failure", "exception")
        .print(
            "Pusher::publish('t', 'before');
             $children = [];
             for ($i = 0; $i < 4; $i++) {
                 $pid = pcntl_fork();
                 if ($pid === 0) {
                     for ($n = 0; $n < 50; $n++) Pusher::publish('t', \"child $i $n\");
                     exit(0);
                 }
                 $children[] = $pid;
             }
             for ($n = 0; $n < 50; $n++) Pusher::publish('t', \"parent $n\");
             foreach ($children as $pid) {
                 pcntl_waitpid($pid, $status);
                 if (!pcntl_wifexited($status) || pcntl_wexitstatus($status) !== 0) exit(\"child failed\");
             }
             Pusher::publish('t', 'after');
             echo 'well';",
        );
    assert_eq!(printed, "well");
    let arrived: HashSet<String> = (0..252)
        .map(|_| browser.event("t").as_str().unwrap().to_owned())
        .collect();
    assert_eq!(arrived.len(), 252);
    browser.assert_nothing_waits();
}

#[test]
fn a_page_works_without_the_daemon_and_publishes_after_its_return() {
    let daemon = Daemon::start();
    let site = site();
    let php = Php::with_extension(daemon.push_address())
        .set("display_errors", 0)
        .set("log_errors", 1);
    let apache = php.apache(site.path(), ".", &[]);
    let publish = || {
        parse(
            &http::get(apache.address, "/publish.php?n=1")
                .unwrap()
                .text(),
        )
    };
    assert_eq!(publish()["receipt"]["subscribers"], 0);
    let stopped = daemon.kill();
    assert_eq!(publish()["receipt"], json!(null));
    let log = apache.log();
    assert!(
        log.contains("PHP Warning") && log.contains("Pusher::publish"),
        "{log}"
    );
    let daemon = stopped.start_again();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    assert_eq!(publish()["receipt"]["subscribers"], 1);
    browser.event("t");
}

#[test]
fn a_daemon_that_hangs_costs_the_page_no_more_than_its_deadline() {
    let mut daemon = Daemon::start();
    let php = Php::with_extension(daemon.push_address()).set("pusher.timeout_ms", 200);
    daemon.freeze();
    let begin = Instant::now();
    let printed = php.print(
        "$begin = hrtime(true);
         var_dump(@Pusher::publish('t', 1));
         echo (hrtime(true) - $begin) / 1e6 < 1000 ? 'in time' : 'late';",
    );
    daemon.thaw();
    assert_eq!(printed, "NULL\nin time");
    assert!(begin.elapsed() < Duration::from_millis(WAIT_MS));
}

#[test]
fn wrong_arguments_always_throw_and_failures_throw_on_request() {
    let code = "foreach ([['', 1], ['t', NAN], ['t', \"\\xff\"]] as [$category, $data]) {
            try { Pusher::publish($category, $data); echo 'nothing thrown'; }
            catch (PusherException $exception) { echo $exception->getCode(), ' '; }
        }
        ini_set('pusher.on_failure', 'exception');
        try { Pusher::publish('t', 1); }
        catch (PusherException $exception) { echo $exception->getCode() === PusherException::CONNECT ? 'no connection' : 'other'; }";
    let printed = Php::with_extension("tcp://127.0.0.1:1").print(code);
    assert_eq!(printed, "-2 -3 -3 no connection");
}

#[test]
fn phpinfo_has_its_section() {
    let printed = Php::with_extension("tcp://127.0.0.1:1").print("phpinfo(INFO_MODULES);");
    for part in [
        "pusher.address => tcp://127.0.0.1:1",
        "pusher.timeout_ms => 250",
        "pusher.on_failure => warning",
    ] {
        assert!(printed.contains(part), "{part}");
    }
}
