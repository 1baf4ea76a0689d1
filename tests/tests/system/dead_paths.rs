//! A relay stops forwarding and closes nothing. Each client detects it and reconnects.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::json;
use system_tests::browser::{Browser, Page};
use system_tests::daemon::{self, Daemon};
use system_tests::log::Log;
use system_tests::publisher::{Publisher, publish_raw};
use system_tests::relay::{Direction, Relay};
use system_tests::{WAIT_MS, workspace};
use tungstenite::Message;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use xtask::process::{Background, wait_until};

/// A client detects a dead connection after 5/4 of a second, a second, and 5 s for the answer.
const SOON: &[&str] = &["--ping-interval=1s"];
/// Silence alone does not mean a dead connection.
const NEVER: &[&str] = &["--ping-interval=1h"];

/// Publishes until the client shows an event of these publishes. `newest` returns the number of the last event that
/// it shows.
#[track_caller]
fn publish_until(daemon: &Daemon, name: &str, mut newest: impl FnMut() -> u64) {
    static PUBLISHED: AtomicU64 = AtomicU64::new(0);
    let publish = || {
        let n = PUBLISHED.fetch_add(1, Ordering::Relaxed) + 1;
        publish_raw(
            daemon.publish,
            &json!({"category": "t", "n": n}).to_string(),
        );
        n
    };
    let first = publish();
    let came = wait_until(2 * WAIT_MS, || {
        publish();
        newest() >= first
    });
    assert!(came, "{name} shows no event");
}

fn newest_in(page: &mut Page) -> u64 {
    page.evaluate("heard.at(-1) || 0").as_u64().unwrap()
}

/// Returns the number behind the last `mark` in a text.
fn last_number(text: &str, mark: &str) -> u64 {
    let digits = text.rsplit_once(mark).map_or("", |(_, rest)| rest);
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().unwrap_or(0)
}

/// Opens a page that has loaded one of the clients through the relay, and connects through it.
#[track_caller]
fn page(browser: &mut Browser, relay: &Relay, client: &str, connect: &str) -> Page {
    let mut page = browser.open(&format!("http://{}/empty", relay.address));
    page.evaluate(&format!(
        "new Promise((loaded, failed) => {{
            window.heard = [], window.states = [];
            const script = document.createElement('script');
            Object.assign(script, {{src: '/{client}', onload: loaded, onerror: failed}});
            document.head.append(script);
        }}).then(() => {{ {connect} }}).then(() => true)"
    ));
    page.wait_for("states.includes('open')");
    page
}

const PUSHER: &str = "window.pusher = new Pusher(null, {backoffBaseMs: 100});
    pusher.subscribe('t', event => heard.push(event.n));
    pusher.watch(state => states.push(state));";

#[test]
fn a_page_detects_a_dead_connection() {
    for direction in [Direction::Both, Direction::ToServer, Direction::ToClient] {
        let daemon = Daemon::start_with(SOON);
        let relay = Relay::start(daemon.web);
        let mut browser = Browser::start();
        let mut page = page(&mut browser, &relay, "pusher.js", PUSHER);
        publish_until(&daemon, "the page", || newest_in(&mut page));
        relay.forget(direction);
        page.evaluate("heard.length = states.length = 0");
        page.wait_within("states.includes('open')", 2 * WAIT_MS);
        assert_eq!(
            page.evaluate("states"),
            json!(["waiting", "connecting", "open"]),
            "{direction:?}"
        );
        publish_until(&daemon, "the page, after the move,", || {
            newest_in(&mut page)
        });
    }
}

#[test]
fn a_quiet_page_does_not_ask() {
    let daemon = Daemon::start_with(SOON);
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let connect = format!(
        "window.sent = [], window.received = [];
         class Seen extends WebSocket {{
             constructor(...args) {{ super(...args); this.addEventListener('message', e => received.push(e.data)); }}
             send(text) {{ sent.push(text); super.send(text); }}
         }}
         {}",
        PUSHER.replace("100}", "100, WebSocket: Seen}")
    );
    let mut page = page(&mut browser, &relay, "pusher.js", &connect);
    // Each event comes with a ping. The page asks only after a missing ping.
    page.wait_for("received.filter(text => text.startsWith('[12,1000,')).length > 5");
    assert_eq!(page.evaluate("sent"), json!([r#"[5,"t"]"#]));
    assert_eq!(page.evaluate("states"), json!(["connecting", "open"]));
}

#[test]
fn a_page_that_is_online_again_asks_at_once() {
    let daemon = Daemon::start_with(NEVER);
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let mut page = page(&mut browser, &relay, "pusher.js", PUSHER);
    relay.forget(Direction::Both);
    page.evaluate("states.length = 0, dispatchEvent(new Event('online')), true");
    page.wait_for("states.includes('open')");
    publish_until(&daemon, "the page", || newest_in(&mut page));
}

/// With an older pushd or with Ratchet, the server selects the subprotocol `wamp`.
const OLD: &str = "class Old extends WebSocket { constructor(url) { super(url, ['wamp']); } }
    window.pusher = new Pusher(null, {WebSocket: Old});
    pusher.subscribe('t', event => heard.push(event.n));
    pusher.watch(state => states.push(state));";

#[test]
fn on_plain_wamp_a_page_that_is_online_again_leaves_a_dead_connection() {
    let daemon = Daemon::start_with(NEVER);
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let mut page = page(&mut browser, &relay, "pusher.js", OLD);
    relay.forget(Direction::Both);
    page.evaluate("states.length = 0, dispatchEvent(new Event('online')), true");
    page.wait_for("states.includes('open')");
    assert_eq!(page.evaluate("states"), json!(["open"]));
    publish_until(&daemon, "the page", || newest_in(&mut page));
}

#[test]
fn on_plain_wamp_leaving_a_good_connection_loses_and_duplicates_nothing() {
    let daemon = Daemon::start_with(NEVER);
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let mut page = page(&mut browser, &relay, "pusher.js", OLD);
    // There is one connection, so its events arrive in order.
    let mut publisher = Publisher::connect(daemon.publish);
    let mut n = 0;
    let mut publish = || {
        n += 1;
        publisher.send(json!({"category": "t", "n": n}).to_string().as_bytes());
        n
    };
    let is_subscribed = wait_until(WAIT_MS, || {
        publish();
        newest_in(&mut page) > 0
    });
    assert!(is_subscribed, "the page shows no event");
    let before = publish();
    page.wait_for(&format!("heard.at(-1) === {before}"));
    page.evaluate("heard.length = states.length = 0");
    // An event before the WELCOME of the second connection would show that the first one is alive.
    page.evaluate("dispatchEvent(new Event('online')), true");
    page.wait_for("states.includes('open')");
    // Events during and after the time in which the page reads both connections.
    let has_moved = wait_until(WAIT_MS, || {
        publish();
        page.evaluate("!pusher._overlap") == json!(true)
    });
    assert!(has_moved, "the page has not moved");
    let last = publish();
    page.wait_for(&format!("heard.at(-1) === {last}"));
    let all: Vec<u64> = (before + 1..=last).collect();
    assert_eq!(page.evaluate("heard"), json!(all));
    assert_eq!(page.evaluate("states"), json!(["open"]));
}

/// `ab.connect` reconnects by itself, with a new session.
#[test]
fn a_page_with_autobahn_js_detects_a_dead_connection() {
    let daemon = Daemon::start_with(SOON);
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let connect = format!(
        "ab.connect('ws://{}/', session => {{
             states.push('open');
             session.subscribe('t', (topic, event) => heard.push(event.n));
         }}, code => {{ states.push(code); }}, {{retryDelay: 100}});",
        relay.address
    );
    let mut page = page(&mut browser, &relay, "autobahn.js", &connect);
    relay.forget(Direction::Both);
    page.evaluate("states.length = 0");
    page.wait_within("states.includes('open')", 2 * WAIT_MS);
    // CONNECTION_LOST_SCHEDULED_RECONNECT
    assert_eq!(page.evaluate("states"), json!([6, "open"]));
    publish_until(&daemon, "the page", || newest_in(&mut page));
}

const NODE: &str = "
    globalThis.WebSocket ??= require('/usr/share/nodejs/ws');
    const [script, url] = process.argv.slice(-2);
    const Pusher = require(script);
    const pusher = new Pusher(url, {backoffBaseMs: 50});
    pusher.watch((state, info) => console.log(`state ${state} ${info.reason}`));
    pusher.subscribe('t', event => console.log(`event ${event.n}`));
";

#[test]
fn node_detects_a_dead_connection() {
    let daemon = Daemon::start_with(SOON);
    let relay = Relay::start(daemon.web);
    let mut command = Command::new("node");
    command
        .args(["--eval", NODE, "--"])
        .arg(workspace().root.join("crates/pusher-core/js/pusher.js"))
        .arg(format!("ws://{}/", relay.address))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut node =
        Background::start("node", &mut command).unwrap_or_else(|error| panic!("{error:#}"));
    let log = Log::follow(node.child().stdout.take().expect("stdout is piped"));
    let newest = || last_number(&log.text(), "event ");
    publish_until(&daemon, "Node", newest);
    relay.forget(Direction::Both);
    let noticed = log.find(2 * WAIT_MS, |line| {
        line.contains("no answer within 5000 ms").then_some(())
    });
    assert_eq!(noticed, Some(()), "{}", log.text());
    publish_until(&daemon, "Node", newest);
}

/// Starts the command. Returns it, its standard error and its events.
fn subscribe(url: &str, arguments: &[&str]) -> (Background, Log, Log) {
    let mut command = daemon::command("pusherd");
    command
        .env("PUSHD_PING_INTERVAL", "1s")
        .env("PUSHD_PONG_TIMEOUT", "2s")
        .args(["subscribe", "t", "--url", url])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = Background::start("pusherd subscribe", &mut command).unwrap();
    let stdout = Log::follow(process.child().stdout.take().expect("stdout is piped"));
    let stderr = Log::follow(process.child().stderr.take().expect("stderr is piped"));
    let begun = stderr.find(WAIT_MS, |line| line.contains("subscribed at").then_some(()));
    assert_eq!(begun, Some(()), "{}", stderr.text());
    (process, stdout, stderr)
}

#[test]
fn pushd_subscribe_detects_a_dead_connection() {
    for direction in [Direction::Both, Direction::ToServer, Direction::ToClient] {
        let daemon = Daemon::start_with(SOON);
        let relay = Relay::start(daemon.web);
        let (_process, stdout, stderr) = subscribe(&format!("ws://{}/", relay.address), &[]);
        relay.forget(direction);
        let again = stderr.find(2 * WAIT_MS, |line| {
            line.contains("subscribed again at").then_some(())
        });
        assert_eq!(again, Some(()), "{direction:?}: {}", stderr.text());
        publish_until(&daemon, "pusherd", || last_number(&stdout.text(), "\"n\":"));
    }
}

#[test]
fn pushd_subscribe_reconnects_after_a_restart_and_continues_its_count() {
    let daemon = Daemon::start();
    let url = format!("ws://{}/", daemon.web);
    let (mut process, stdout, stderr) = subscribe(&url, &["--count=2"]);
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    let shown = stdout.find(WAIT_MS, |line| line.contains("\"n\":1").then_some(()));
    assert_eq!(shown, Some(()), "{}", stderr.text());
    let daemon = daemon.kill_and_restart();
    let again = stderr.find(2 * WAIT_MS, |line| {
        line.contains("subscribed again at").then_some(())
    });
    assert_eq!(again, Some(()), "{}", stderr.text());
    publish_raw(daemon.publish, r#"{"category":"t","n":2}"#);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(0));
    assert_eq!(stdout.text().lines().count(), 2, "{}", stdout.text());
}

#[test]
#[expect(clippy::result_large_err, reason = "the type is tungstenite's")]
fn pushd_subscribe_ends_when_the_server_refuses_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let speaks_wamp = |_: &Request, mut response: Response| {
            let headers = response.headers_mut();
            headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static("wamp"));
            Ok(response)
        };
        let mut socket = tungstenite::accept_hdr(stream, speaks_wamp).unwrap();
        socket.send(Message::text(r#"[0,"sid",1,"x"]"#)).unwrap();
        while !socket.read().unwrap().is_ping() {}
        socket.flush().unwrap();
        let refusal = CloseFrame {
            code: CloseCode::Policy,
            reason: "not you".into(),
        };
        socket.close(Some(refusal)).unwrap();
        while socket.read().is_ok() {}
    });
    let (mut process, _, stderr) = subscribe(&url, &[]);
    assert_eq!(process.wait(WAIT_MS).unwrap().code(), Some(1));
    let told = stderr.find(WAIT_MS, |line| line.contains("not you").then_some(()));
    assert_eq!(told, Some(()), "{}", stderr.text());
    server.join().unwrap();
}
