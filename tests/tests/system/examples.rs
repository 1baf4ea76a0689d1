//! The examples of pusher-core, with the JavaScript clients in a real browser.

use std::net::SocketAddr;

use serde_json::json;
use system_tests::browser::{Browser, Page};
use system_tests::log::Log;
use system_tests::{WAIT_MS, daemon, debug_program};
use xtask::process::Background;

/// A running example.
struct Example {
    address: SocketAddr,
    _process: Background,
}

impl Example {
    #[track_caller]
    fn start(name: &str) -> Self {
        let mut command = daemon::server_command(&debug_program(&format!("examples/{name}")));
        let (process, log) = daemon::start(command.arg("127.0.0.1:0"));
        Self {
            address: address(&log),
            _process: process,
        }
    }

    /// Opens a page of the example's own origin that has loaded one of the clients.
    #[track_caller]
    fn page(&self, browser: &mut Browser, client: &str) -> Page {
        let mut page = browser.open(&format!("http://{}/empty", self.address));
        page.evaluate(&format!(
            "new Promise((loaded, failed) => {{
                const script = document.createElement('script');
                Object.assign(script, {{src: '/{client}', onload: loaded, onerror: failed}});
                document.head.append(script);
            }}).then(() => true)"
        ));
        page
    }

    /// Opens such a page and connects it. `pusher` is a global variable.
    #[track_caller]
    fn connected(&self, browser: &mut Browser) -> Page {
        let mut page = self.page(browser, "pusher.js");
        page.evaluate("window.events = [], window.pusher = new Pusher(), true");
        page.wait_for("pusher.state === 'open'");
        page
    }
}

#[track_caller]
fn address(log: &Log) -> SocketAddr {
    let found = log.find(WAIT_MS, |line| {
        let address = line.strip_prefix("listening on [")?;
        address.strip_suffix(']')?.parse().ok()
    });
    found.unwrap_or_else(|| panic!("no address in:\n{}", log.text()))
}

#[test]
fn the_calculator_is_called_with_curies() {
    let calculator = Example::start("calculator");
    let mut browser = Browser::start();
    let mut page = calculator.connected(&mut browser);
    page.evaluate("pusher.prefix('calc', 'http://example.com/simple/calc#'), true");
    for (call, expect) in [
        ("pusher.call('calc:add', 23, 7)", "30"),
        ("pusher.call('calc:sub', 23, 7)", "16"),
        (
            "pusher.call('http://example.com/simple/calc#div', 1, 4)",
            "0.25",
        ),
        (
            "pusher.call('calc:div', 1, 0).catch(e => [e.uri, e.description, e.details])",
            r#"["http://example.com/simple/calc#zero","cannot divide by 0",{"dividend":1}]"#,
        ),
        (
            "pusher.call('calc:add', 'one').catch(e => e.uri)",
            r#""http://example.com/simple/calc#arguments""#,
        ),
        (
            "Promise.all([1, 2, 3].map(n => pusher.call('calc:mul', n, n)))",
            "[1,4,9]",
        ),
    ] {
        let answer = page.evaluate(&format!("{call}.then(JSON.stringify)"));
        assert_eq!(answer, json!(expect), "{call}");
    }
}

#[test]
fn browsers_chat() {
    let chat = Example::start("chat");
    let mut browser = Browser::start();
    let mut pages: Vec<Page> = (0..3).map(|_| chat.connected(&mut browser)).collect();
    let lobby = "http://example.com/chat/lobby";
    for page in &mut pages {
        page.evaluate("pusher.prefix('chat', 'http://example.com/chat/'), true");
        page.evaluate(
            "pusher.subscribe('chat:lobby', (text, topic) => events.push([text, topic])), true",
        );
        page.evaluate(
            "pusher.subscribe('http://example.com/presence', count => { window.present = count; }), true",
        );
    }
    // The presence of the new member shows that all subscriptions are active.
    let newcomer = chat.connected(&mut browser);
    for page in &mut pages {
        page.wait_for("window.present === 4");
    }
    drop(newcomer);
    let excluded = pages[2].evaluate("pusher.sessionId");
    for publish in [
        "pusher.publish('chat:lobby', 'to all')".to_owned(),
        "pusher.publish('chat:lobby', 'to others', {excludeMe: true})".to_owned(),
        format!("pusher.publish('chat:lobby', 'not to 2', {{exclude: [{excluded}]}})"),
        format!("pusher.publish('chat:lobby', 'only to 2', {{eligible: [{excluded}]}})"),
        "pusher.publish('chat:lobby', 'end')".to_owned(),
    ] {
        assert_eq!(pages[0].evaluate(&publish), json!(true), "{publish}");
    }
    for (page, expect) in pages.iter_mut().zip([
        &["to all", "not to 2", "end"][..],
        &["to all", "to others", "not to 2", "end"],
        &["to all", "to others", "only to 2", "end"],
    ]) {
        page.wait_for("events.length && events.at(-1)[0] === 'end'");
        let expect: Vec<_> = expect.iter().map(|text| json!([text, lobby])).collect();
        assert_eq!(page.evaluate("events"), json!(expect));
    }
    // A forbidden publish disconnects the browser.
    pages[0].evaluate("pusher.watch((state, info) => { window.last = info; }), true");
    pages[0].evaluate("pusher.publish('elsewhere', 'x')");
    pages[0].wait_for("window.last && window.last.code === 1008");
}

#[test]
fn members_authenticate_by_the_interface_of_autobahn_js() {
    let members = Example::start("members");
    let mut browser = Browser::start();
    let mut page = members.page(&mut browser, "autobahn.js");
    let url = format!("ws://{}/", members.address);
    page.evaluate(&format!(
        "new Promise((opened, closed) => {{
            window.events = [];
            window.session = new ab.Session('{url}', () => opened(true), closed);
        }})"
    ));
    let wrong = page.evaluate(
        "session.authreq('ann').then(c => session.auth(session.authsign(c, 'wrong'))).catch(e => e.uri)",
    );
    assert_eq!(wrong, json!("http://api.wamp.ws/error#invalid-signature"));
    let permissions = page
        .evaluate("session.authreq('ann').then(c => session.auth(session.authsign(c, 's3cret')))");
    assert_eq!(
        permissions["pubsub"][0],
        json!({"uri": "http://example.com/members/", "prefix": true, "pub": true, "sub": true})
    );
    page.evaluate(
        "session.prefix('members', 'http://example.com/members/'),
         session.subscribe('members:news', (topic, event) => events.push([topic, event])),
         session.publish('members:news', 'hello'), true",
    );
    page.wait_for("events.length === 1");
    assert_eq!(
        page.evaluate("events[0]"),
        json!(["http://example.com/members/news", "hello"])
    );
}
