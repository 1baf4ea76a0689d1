//! The output of `pushd setup` works in each web server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::json;
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::publisher::publish_raw;
use system_tests::{WAIT_MS, workspace};
use xtask::process::wait_until;

use super::{SERVERS, doctor, fronts, setup};

#[test]
fn the_doctor_finds_no_fault_in_the_output_of_setup() {
    let daemon = Daemon::start();
    let publish = format!("--publish-address={}", daemon.publish);
    for path in ["/push", "/"] {
        for (name, front) in fronts(daemon.web, path) {
            // 3 s are more than the request timeouts of these Apaches.
            let (report, is_ok) = doctor(&front, &[&publish, "--idle=3", &front.url(path)]);
            assert!(is_ok, "{name} {path}: {report}");
            let steps = report["steps"].as_array().unwrap();
            assert!(
                steps.iter().all(|step| step["status"] == "ok"),
                "{name} {path}: {report}"
            );
            assert_eq!(steps.len(), 10, "{report}");
        }
    }
}

#[test]
fn the_path_works_without_its_slash_and_other_paths_are_the_sites() {
    let daemon = Daemon::start();
    for (name, front) in fronts(daemon.web, "/push") {
        let wss = front.url("/push").replace("https", "wss");
        let (report, is_ok) = doctor(&front, &["--no-publish", &wss]);
        assert!(is_ok, "{name}: {report}");
        let (report, is_ok) = doctor(&front, &["--no-publish", &front.url("/pushover")]);
        assert!(
            !is_ok && report.to_string().contains("not-proxied"),
            "{name}: {report}"
        );
    }
}

/// Publishes until the page shows the event. A connected page may still have a SUBSCRIBE that pushd has not read.
#[track_caller]
fn publish_until_shown(daemon: &Daemon, page: &mut Page, n: u32) {
    let shown = format!("Array.from(list.children, item => item.textContent).includes('{n}')");
    let came = wait_until(WAIT_MS, || {
        publish_raw(
            daemon.publish,
            &json!({"category": "t", "n": n}).to_string(),
        );
        page.evaluate(&shown) == json!(true)
    });
    assert!(
        came,
        "event {n} has not come to the page after {WAIT_MS} ms"
    );
}

#[test]
fn a_page_in_chromium_gets_events_by_wss_and_reconnects_after_a_restart() {
    let mut browser = Browser::start_with(&["--ignore-certificate-errors"]);
    for (name, server, start) in SERVERS {
        let daemon = Daemon::start();
        let front = start(&setup(server, daemon.web, "/push"));
        let mut page = browser.open(&front.url("/"));
        assert_eq!(
            page.evaluate("pusher.url"),
            json!(front.url("/push/").replace("https", "wss")),
            "{name}"
        );
        page.wait_for("pusher.state === 'open'");
        publish_until_shown(&daemon, &mut page, 1);
        let daemon = daemon.kill_and_restart();
        page.wait_for("pusher.state === 'open'");
        publish_until_shown(&daemon, &mut page, 2);
    }
}

const SHOWN: &str = "Array.from(list.children, item => Number(item.textContent))";

/// nginx, Apache and HAProxy keep their connections. Caddy closes WebSockets, and the page connects again.
#[test]
fn a_page_misses_nothing_when_the_web_server_is_reloaded() {
    let mut browser = Browser::start_with(&["--ignore-certificate-errors"]);
    for (name, server, start) in SERVERS {
        let daemon = Daemon::start();
        let lines = setup(server, daemon.web, "/push");
        let mut front = start(&lines);
        let mut page = browser.open(&front.url("/"));
        page.wait_for("pusher.state === 'open' && pusher.sessionId !== null");
        publish_until_shown(&daemon, &mut page, 1);
        let session = page.evaluate("pusher.sessionId");
        let reloaded = match server {
            "nginx" => "location = /reloaded { return 410; }",
            "apache" => "Redirect gone /reloaded",
            "caddy" => "respond /reloaded 410",
            _ => "http-request return status 410 if { path /reloaded }",
        };
        front.reload(&format!("{reloaded}\n{lines}"));
        front.wait_for_status("/reloaded", 410);
        let keeps = server != "caddy";
        if !keeps {
            page.wait_for(&format!(
                "pusher.state === 'open' && pusher.sessionId !== {session}"
            ));
        }
        for n in 2..=4 {
            publish_raw(
                daemon.publish,
                &json!({"category": "t", "n": n}).to_string(),
            );
        }
        page.wait_for(&format!("{SHOWN}.includes(4)"));
        let shown = page.evaluate(&format!("{SHOWN}.filter(n => n > 1)"));
        assert_eq!(shown, json!([2, 3, 4]), "{name}");
        let is_same = page.evaluate("pusher.sessionId") == session;
        assert_eq!(is_same, keeps, "{name}");
    }
}

/// Accepts one request, and returns its head.
fn one_request() -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let head = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = String::new();
        let mut chunk = [0; 4096];
        while !head.contains("\r\n\r\n") {
            let len = stream.read(&mut chunk).unwrap();
            assert!(len > 0, "the web server hung up: {head}");
            head.push_str(std::str::from_utf8(&chunk[..len]).unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        head
    });
    (address, head)
}

#[test]
fn pushd_gets_the_host_and_the_clients_address() {
    for (name, server, start) in SERVERS {
        let (address, request) = one_request();
        let front = start(&setup(server, address, "/push"));
        doctor(&front, &["--no-publish", &front.url("/push")]);
        let head = request.join().unwrap().to_lowercase();
        assert!(
            head.starts_with("get /push/ http/1.1\r\n"),
            "{name}: {head}"
        );
        for header in [
            &format!("host: localhost:{}", front.https),
            &format!("origin: https://localhost:{}", front.https),
            "x-forwarded-for: 127.0.0.1",
            "upgrade: websocket",
            "connection: upgrade",
            "sec-websocket-protocol: wamp",
        ] {
            assert!(
                head.contains(&format!("\r\n{header}\r\n")),
                "{name}: {header}: {head}"
            );
        }
    }
}

#[test]
fn the_page_about_proxies_shows_the_output_of_setup() {
    let page = std::fs::read_to_string(workspace().root.join("crates/pushd/PROXIES.md")).unwrap();
    for server in ["nginx", "apache", "caddy", "haproxy"] {
        let printed = setup(server, "0.0.0.0:8080".parse().unwrap(), "/push");
        assert!(
            page.contains(&format!("```{server}\n{printed}```\n")),
            "the block of {server} is another:\n{printed}"
        );
    }
}
