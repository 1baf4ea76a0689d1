//! Publishers of PHP, which runs on Linux here, and the spool.

use std::fs;

use serde_json::{Value, json};
use system_tests::daemon::Daemon;
use system_tests::php::Php;
use system_tests::wamp::Wamp;
use system_tests::{WAIT_MS, wine};
use xtask::http;
use xtask::process::wait_until;

/// Returns code that loads the package from the .zip.
fn package() -> String {
    let file = wine::folder().join("php/src/pusher.php");
    format!("require '{}';", file.display())
}

#[test]
fn the_ways_of_the_recipe_and_the_package() {
    let daemon = Daemon::start_in_wine(&[]);
    let mut page = Wamp::subscribed(daemon.web, "kittens");
    page.barrier();
    let address = daemon.push_address();
    let socket = format!(
        "$socket = stream_socket_client('{address}');
        fwrite($socket, json_encode(['category' => 'kittens', 'title' => 'socket']));"
    );
    let zeromq = format!(
        "$socket = (new ZMQContext())->getSocket(ZMQ::SOCKET_PUSH, 'my pusher');
        $socket->connect('{address}');
        $socket->send(json_encode(['category' => 'kittens', 'title' => 'zeromq']));"
    );
    let package = format!(
        "{} Pusher::publish('kittens', ['title' => 'package']);",
        package()
    );
    let php = Php::plain().set("pusher.address", &address);
    for (code, title) in [(socket, "socket"), (zeromq, "zeromq"), (package, "package")] {
        php.print(&code);
        assert_eq!(page.event("kittens")["title"], title);
    }
}

/// PHP writes to the spool while the daemon is away, and the daemon publishes it at its next start.
#[test]
fn events_wait_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let daemon = Daemon::start_in_wine(&["--spool-dir", &wine::path(&spool)]);
    let php = Php::plain()
        .set("pusher.address", daemon.push_address())
        .set("pusher.spool", spool.display())
        // On a busy machine, the daemon may answer late.
        .set("pusher.timeout_ms", WAIT_MS);
    let publish = |title: &str| {
        php.print(&format!(
            "{} var_dump(Pusher::publish('kittens', '{title}')->spooled);",
            package()
        ))
    };
    assert_eq!(publish("first"), "bool(false)\n");
    let stopped = daemon.kill();
    for title in ["second", "third"] {
        assert_eq!(publish(title), "bool(true)\n");
    }
    let daemon = stopped.start_again();
    let is_empty = || fs::read_dir(&spool).unwrap().next().is_none();
    assert!(wait_until(WAIT_MS, is_empty), "it is drained");
    let history = http::get(daemon.publish, "/history/kittens").unwrap();
    let history: Value = serde_json::from_str(&history.text()).unwrap();
    let events = history["events"].as_array().unwrap();
    let events: Vec<_> = events.iter().map(|entry| entry["event"].clone()).collect();
    assert_eq!(events, [json!("second"), json!("third")]);
}
