//! Server-Sent Events through Debian's nginx, Apache, Caddy and HAProxy: with curl, with EventSource in Chromium, and with
//! `pusher.js` where WebSockets are blocked.

use std::net::TcpListener;

use serde_json::json;
use system_tests::WAIT_MS;
use system_tests::browser::Browser;
use system_tests::daemon::Daemon;
use system_tests::front::{Front, Mpm, PROXY_MODULES};
use system_tests::log::Log;
use system_tests::publisher::publish_raw;
use system_tests::relay::Relay;
use xtask::process::{Background, wait_until};

use crate::proxies::setup;

/// The streams of topic `t`.
const STREAM: &str = "/push/events?topic=t";

#[track_caller]
fn publish(daemon: &Daemon, n: u32) {
    publish_raw(
        daemon.publish,
        &json!({"category": "t", "n": n}).to_string(),
    );
}

/// Returns a web server whose site compresses everything.
fn compressing(server: &str, lines: &str) -> Front {
    match server {
        "nginx" => {
            let gzip = "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;";
            Front::nginx(&format!("{gzip}\n{lines}"))
        }
        "apache" => {
            let modules = &["proxy", "proxy_http", "filter", "deflate"];
            let lines = format!("SetOutputFilter DEFLATE\n{lines}");
            Front::apache(Mpm::Event, modules, &lines)
        }
        // Their sites compress in each test.
        _ => front(server, lines),
    }
}

fn front(server: &str, lines: &str) -> Front {
    match server {
        "nginx" => Front::nginx(lines),
        "apache" => Front::apache(Mpm::Event, PROXY_MODULES, lines),
        "caddy" => Front::caddy(lines),
        _ => Front::haproxy(lines),
    }
}

/// Starts curl with a stream. Returns it and its output.
fn stream(front: &Front, words: &[&str]) -> (Background, Log) {
    let words = [&["--no-buffer", "--include"], words].concat();
    let mut curl = Background::start("curl", &mut front.curl(&words, STREAM)).unwrap();
    let log = Log::follow(curl.child().stdout.take().expect("stdout is piped"));
    (curl, log)
}

#[track_caller]
fn wait_for_line(log: &Log, line: &str, case: &str) {
    let found = log.find(WAIT_MS, |other| (other == line).then_some(()));
    assert!(found.is_some(), "{case}: no line {line}:\n{}", log.text());
}

#[track_caller]
fn wait_for_event(log: &Log, n: u32, case: &str) {
    let line = format!("data: {}", json!({"category": "t", "n": n}));
    wait_for_line(log, &line, case);
}

#[test]
fn curl_gets_each_event_at_once() {
    let daemon = Daemon::start();
    for server in ["nginx", "apache", "caddy", "haproxy"] {
        let front = compressing(server, &setup(server, daemon.web, "/push"));
        for (n, words) in [
            (1, &["--http1.1"][..]),
            (2, &["--http2"]),
            (3, &["--http1.1", "--compressed"]),
        ] {
            let case = format!("{server} {words:?}");
            let (_curl, log) = stream(&front, words);
            wait_for_line(&log, "event: position", &case);
            publish(&daemon, n);
            wait_for_event(&log, n, &case);
            let is_compressed = log.text().contains("Content-Encoding: gzip");
            // Caddy and HAProxy compress no event streams.
            let expected = n == 3 && ["nginx", "apache"].contains(&server);
            assert_eq!(is_compressed, expected, "{case}: {}", log.text());
        }
    }
}

#[test]
fn a_reload_of_the_web_server_keeps_open_streams() {
    let daemon = Daemon::start();
    for (server, reloaded) in [
        ("nginx", "location = /reloaded { return 410; }"),
        ("apache", "Redirect gone /reloaded"),
        ("caddy", "respond /reloaded 410"),
        (
            "haproxy",
            "http-request return status 410 if { path /reloaded }",
        ),
    ] {
        let lines = setup(server, daemon.web, "/push");
        let mut front = front(server, &lines);
        let (_curl, log) = stream(&front, &[]);
        wait_for_line(&log, "event: position", server);
        front.reload(&format!("{reloaded}\n{lines}"));
        front.wait_for_status("/reloaded", 410);
        publish(&daemon, 1);
        wait_for_event(&log, 1, server);
    }
}

/// A page that reads a stream with EventSource, and opens another one if the browser gives up.
const EVENT_SOURCE: &str = "window.heard = [], window.states = [];
    window.read = url => {
        const source = new EventSource(url);
        const keep = event => { window.last = event.lastEventId; };
        source.onmessage = event => { keep(event); heard.push(JSON.parse(event.data).n); };
        source.addEventListener('position', event => { keep(event); states.push('open'); });
        source.addEventListener('gap', event => { keep(event); states.push('gap'); });
        source.onerror = () => {
            const isClosed = source.readyState === EventSource.CLOSED;
            states.push(isClosed ? 'closed' : 'again');
            if (isClosed) setTimeout(read, 200, '/push/events?topic=t&since=' + last);
        };
    };
    read('/push/events?topic=t')";

#[track_caller]
fn event_source_misses_nothing_behind(server: &str) {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    let lines = setup(server, relay.address, "/push");
    let mut front = front(server, &lines);
    let mut browser = Browser::start_with(&["--ignore-certificate-errors"]);
    let mut page = browser.open(&front.url("/nothing"));
    page.evaluate(EVENT_SOURCE);
    page.wait_for("states.length === 1");
    publish(&daemon, 1);
    page.wait_for("heard.length === 1");
    // The browser connects again by itself, with Last-Event-ID.
    relay.cut();
    publish(&daemon, 2);
    relay.restore();
    page.wait_for("heard.length === 2 && states.length === 3");
    // The web server answers 502 or 503 for a while. Then the browser gives up.
    let unused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    front.reload(&setup(server, unused, "/push"));
    let status = match server {
        "nginx" | "caddy" => 502,
        _ => 503,
    };
    front.wait_for_status("/push/pusher.js", status);
    relay.cut();
    page.wait_for("states.includes('closed')");
    publish(&daemon, 3);
    publish(&daemon, 4);
    front.reload(&lines);
    relay.restore();
    page.wait_for("heard.length === 4");
    publish(&daemon, 5);
    page.wait_for("heard.length === 5");
    assert_eq!(page.evaluate("heard"), json!([1, 2, 3, 4, 5]));
    let states = page.evaluate("states.filter((state, n) => state !== states[n - 1])");
    assert_eq!(
        states,
        json!(["open", "again", "open", "again", "closed", "open"])
    );
}

#[test]
fn event_source_misses_nothing_behind_nginx() {
    event_source_misses_nothing_behind("nginx");
}

#[test]
fn event_source_misses_nothing_behind_apache() {
    event_source_misses_nothing_behind("apache");
}

#[test]
fn event_source_misses_nothing_behind_caddy() {
    event_source_misses_nothing_behind("caddy");
}

#[test]
fn event_source_misses_nothing_behind_haproxy() {
    event_source_misses_nothing_behind("haproxy");
}

const SHOWN: &str = "Array.from(list.children, item => Number(item.textContent))";

#[test]
fn pusher_js_uses_event_streams_where_a_web_server_blocks_websockets() {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    for (server, blocking) in [
        ("nginx", "proxy_set_header Upgrade $http_upgrade;"),
        ("apache", "upgrade=websocket "),
    ] {
        let lines = setup(server, relay.address, "/push");
        let mut front = front(server, &lines.replace(blocking, ""));
        let mut browser = Browser::start_with(&["--ignore-certificate-errors"]);
        let mut page = browser.open(&front.url("/"));
        page.wait_for("pusher.state === 'open' && pusher.sessionId === null");
        publish(&daemon, 1);
        page.wait_for(&format!("{SHOWN}.length === 1"));
        relay.cut();
        publish(&daemon, 2);
        relay.restore();
        page.wait_for(&format!("{SHOWN}.length === 2"));
        // Another network does not block them.
        front.reload(&lines);
        let has_moved = wait_until(WAIT_MS, || {
            page.evaluate("dispatchEvent(new Event('online')), pusher.sessionId !== null") == true
        });
        assert!(has_moved, "{server}: no WebSocket");
        publish(&daemon, 3);
        page.wait_for(&format!("{SHOWN}.length === 3"));
        assert_eq!(page.evaluate(SHOWN), json!([1, 2, 3]), "{server}");
    }
}
