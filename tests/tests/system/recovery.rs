//! Pages in Chromium that lose their connections, and get what they missed.

use serde_json::{Value, json};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::publisher::Publisher;
use system_tests::relay::Relay;

const CUTS: u64 = 5;
const EVENTS_WHILE_CUT: u64 = 50;

/// Publishes, and waits until pushd has accepted everything.
#[track_caller]
fn publish(daemon: &Daemon, numbers: impl IntoIterator<Item = u64>) {
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"[1,1]\n");
    publisher.answer();
    for n in numbers {
        let message = json!([3, n, "t", {"n": n}]);
        publisher.send(format!("{message}\n").as_bytes());
        let receipt = publisher.answer();
        assert_eq!(receipt[0], 4, "{receipt}");
    }
}

/// Asks for the position of the log, as a site does.
#[track_caller]
fn position(daemon: &Daemon) -> Value {
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"GET /position HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (_, body) = publisher.http_answer();
    serde_json::from_str::<Value>(&body).unwrap()["position"].take()
}

/// Opens a page and runs a script in it.
#[track_caller]
fn page(browser: &mut Browser, relay: &Relay, script: &str) -> Page {
    let mut page = browser.open(&format!("http://{}/empty", relay.address));
    page.evaluate(script);
    page
}

const PUSHER: &str = "new Promise((loaded, failed) => {
        window.heard = [], window.gaps = [], window.states = [];
        const script = document.createElement('script');
        Object.assign(script, {src: '/pusher.js', onload: loaded, onerror: failed});
        document.head.append(script);
    }).then(() => {
        window.pusher = new Pusher();
        pusher.watch(state => states.push(state));
        pusher.subscribe('t', event => heard.push(event.n), { since: SINCE, gap: topic => gaps.push(topic) });
    })";

#[test]
fn pusher_js_gets_each_event_once_and_in_order_over_cuts() {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    let since = position(&daemon);
    // Published before the page connects.
    publish(&daemon, [1]);
    let mut browser = Browser::start();
    let script = PUSHER.replace("SINCE", &since.to_string());
    let mut page = page(&mut browser, &relay, &script);
    let mut last = 1;
    for _ in 0..CUTS {
        last += 1;
        publish(&daemon, [last]);
        page.wait_for(&format!("heard.at(-1) === {last}"));
        relay.cut();
        publish(&daemon, last + 1..=last + EVENTS_WHILE_CUT);
        last += EVENTS_WHILE_CUT;
        page.wait_for("pusher.state !== 'open'");
        relay.restore();
        page.wait_for(&format!("heard.at(-1) === {last}"));
    }
    let all: Vec<u64> = (1..=last).collect();
    assert_eq!(page.evaluate("heard"), json!(all));
    assert_eq!(page.evaluate("gaps"), json!([]));
}

#[test]
fn pusher_js_is_told_of_a_gap_after_a_restart_without_a_state_directory() {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let mut page = page(&mut browser, &relay, &PUSHER.replace("SINCE", "undefined"));
    page.wait_for("pusher.position('t') !== null");
    publish(&daemon, [1]);
    page.wait_for("heard.length === 1");
    let daemon = daemon.kill_and_restart();
    page.wait_for("gaps.length === 1");
    publish(&daemon, [2]);
    page.wait_for("heard.length === 2");
    assert_eq!(page.evaluate("gaps"), json!(["t"]));
}

#[test]
fn pusher_js_misses_nothing_over_a_restart_with_a_state_directory() {
    let state = tempfile::tempdir().unwrap();
    let folder = format!("--state-dir={}", state.path().display());
    let daemon = Daemon::start_with(&[&folder]);
    let relay = Relay::start(daemon.web);
    let mut browser = Browser::start();
    let mut page = page(&mut browser, &relay, &PUSHER.replace("SINCE", "undefined"));
    page.wait_for("pusher.position('t') !== null");
    relay.cut();
    publish(&daemon, [1]);
    let daemon = daemon.kill_and_restart();
    relay.restore();
    publish(&daemon, [2]);
    page.wait_for("heard.length === 2");
    assert_eq!(page.evaluate("heard"), json!([1, 2]));
    assert_eq!(page.evaluate("gaps"), json!([]));
}

/// The part of autobahn.js v1 that matters here: WAMP v1 over one WebSocket, and the same address for each attempt.
const AUTOBAHN: &str = "window.heard = [], window.gaps = [], window.sessions = 0;
    const random = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
    const url = `ws://${location.host}/?resume=${random}SINCE`;
    const WELCOME = 0, SUBSCRIBE = 5, EVENT = 8;
    const connect = () => {
        const socket = new WebSocket(url, ['wamp']);
        socket.onmessage = ({data}) => {
            const [type, topic, event] = JSON.parse(data);
            if (type === WELCOME) {
                sessions++;
                ['t', 'pushd:gap'].forEach(uri => socket.send(JSON.stringify([SUBSCRIBE, uri])));
            }
            if (type === EVENT && topic === 't') heard.push(event.n);
            if (type === EVENT && topic === 'pushd:gap') gaps.push(event.topic);
        };
        socket.onclose = () => setTimeout(connect, 100);
    };
    connect(), true";

/// The events that are newer than all before them. Others have come again.
const FIRSTS: &str = "heard.filter((n, index) => heard.slice(0, index).every(other => other < n))";

#[test]
fn an_unmodified_client_gets_each_event_at_least_once_and_in_order_over_cuts() {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    let since = position(&daemon);
    publish(&daemon, [1]);
    let mut browser = Browser::start();
    let since = format!("&since={}", since.as_str().unwrap());
    let mut page = page(&mut browser, &relay, &AUTOBAHN.replace("SINCE", &since));
    let mut last = 1;
    for sessions in 1..=CUTS {
        last += 1;
        publish(&daemon, [last]);
        page.wait_for(&format!(
            "heard.at(-1) === {last} && sessions === {sessions}"
        ));
        relay.cut();
        publish(&daemon, last + 1..=last + EVENTS_WHILE_CUT);
        last += EVENTS_WHILE_CUT;
        relay.restore();
        page.wait_for(&format!("heard.at(-1) === {last}"));
    }
    let all: Vec<u64> = (1..=last).collect();
    assert_eq!(page.evaluate(FIRSTS), json!(all));
    assert_eq!(page.evaluate("gaps"), json!([]));
}

#[test]
fn an_unmodified_client_with_a_position_is_told_of_a_gap_after_a_restart() {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    let since = format!("&since={}", position(&daemon).as_str().unwrap());
    let mut browser = Browser::start();
    let mut told = page(&mut browser, &relay, &AUTOBAHN.replace("SINCE", &since));
    let mut untold = page(&mut browser, &relay, &AUTOBAHN.replace("SINCE", ""));
    for page in [&mut told, &mut untold] {
        page.wait_for("sessions === 1");
    }
    let daemon = daemon.kill_and_restart();
    told.wait_for("gaps.length === 1");
    assert_eq!(told.evaluate("gaps"), json!(["t"]));
    // MIGRATING.md says so.
    untold.wait_for("sessions === 2");
    let shown = xtask::process::wait_until(system_tests::WAIT_MS, || {
        publish(&daemon, [1]);
        untold.evaluate("heard.length > 0") == true
    });
    assert!(shown, "the page shows no event");
    assert_eq!(untold.evaluate("gaps"), json!([]));
}
