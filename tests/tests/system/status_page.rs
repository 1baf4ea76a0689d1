//! The status page in a real browser.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::publisher::publish_raw;
use system_tests::wamp::Wamp;

/// A topic that becomes a script if the page does not escape it.
const HOSTILE: &str = "<img src=x onerror=\"document.title='broken into'\">";

fn url(daemon: &Daemon) -> String {
    format!("http://{}/", daemon.publish)
}

/// Returns the text of an element.
fn text(page: &mut Page, selector: &str) -> String {
    let text = page.evaluate(&format!("document.querySelector({selector:?}).textContent"));
    text.as_str().unwrap().to_owned()
}

fn wait_for_text(page: &mut Page, selector: &str, part: &str) {
    page.wait_for(&format!(
        "document.querySelector({selector:?}).textContent.includes({part:?})"
    ));
}

#[test]
fn it_shows_events_and_escapes_markup() {
    let daemon = Daemon::start();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    wait_for_text(&mut page, "#state", "ready");
    let _kittens: Vec<_> = (0..3)
        .map(|_| Wamp::subscribed(daemon.web, "kittens"))
        .collect();
    let _hostile = Wamp::subscribed(daemon.web, HOSTILE);
    for n in 0..20 {
        publish_raw(
            daemon.publish,
            &format!(r#"{{"category":"kittens","n":{n}}}"#),
        );
    }
    let mut stranger = TcpStream::connect(daemon.publish).unwrap();
    write!(stranger, "GET / HTTP/1.0\r\nHost: {HOSTILE}\r\n\r\n").unwrap();
    wait_for_text(&mut page, "#browsers", "4");
    wait_for_text(&mut page, "#topics-rows tr:nth-child(1)", "kittens3");
    wait_for_text(&mut page, "#topics-rows tr:nth-child(2) td", HOSTILE);
    wait_for_text(
        &mut page,
        "#log-more",
        "of at most 16 MiB: 20 events, up to",
    );
    wait_for_text(&mut page, "#recovery-rows", "Replayed events0");
    wait_for_text(
        &mut page,
        "#topics-rows tr:nth-child(1) td:nth-child(4)",
        "20",
    );
    wait_for_text(&mut page, "#refused-rows", "An HTTP request was refused.");
    wait_for_text(&mut page, "#refused-rows", "publisher: request");
    // Its own tabs do not count.
    page.wait_for("document.querySelector('#publishers').textContent === '0'");
    wait_for_text(&mut page, "#complaints-rows", "onerror");
    page.wait_for("document.querySelector('#events-max').textContent !== '0'");
    page.wait_for(
        "document.querySelector('#deliveries-chart path.line').getAttribute('d').length > 8",
    );
    assert_eq!(
        page.evaluate("document.querySelectorAll('main img, main script').length"),
        json!(0)
    );

    // Watch the hostile topic, and publish a hostile event there.
    page.evaluate(&format!(
        "[...document.querySelectorAll('#topics-rows button')].find(b => b.dataset.topic === {HOSTILE:?}).click()"
    ));
    wait_for_text(&mut page, "#watch-state", "Watching <img");
    page.fill("#publish-topic", HOSTILE);
    page.fill("#publish-event", &json!({"html": HOSTILE}).to_string());
    page.click("#publish button");
    wait_for_text(&mut page, "#publish-answer", "queued for 1 subscriber");
    wait_for_text(&mut page, "#watch-events li", "onerror");
    page.fill("#publish-event", "no json");
    page.click("#publish button");
    wait_for_text(&mut page, "#publish-answer", "JSON");
    assert!(!text(&mut page, "title").contains("broken"));

    page.resize(1280, 2400);
    page.screenshot("status-page");
    page.darken();
    page.screenshot("status-page-dark");
    page.resize(390, 4800);
    let overflow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(
        page.evaluate(overflow),
        json!(true),
        "it is wider than a phone"
    );
    page.screenshot("status-page-phone");
    assert_eq!(page.problems(), Vec::<String>::new());
}

#[test]
fn it_asks_for_the_token_and_says_when_the_server_is_away() {
    let mut daemon = Daemon::start_with(&["--publish-token", "s3cret-token-for-tests"]);
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    page.wait_for("!document.querySelector('#token-form').hidden");
    page.fill("#token", "wrong");
    page.click("#token-form button");
    wait_for_text(&mut page, "#token-error", "Wrong token");
    page.fill("#token", "s3cret-token-for-tests");
    page.click("#token-form button");
    wait_for_text(&mut page, "#state", "ready");
    page.click("#publish button");
    wait_for_text(&mut page, "#publish-answer", "queued for 0 subscribers");
    page.fill("#watch-topic", "t");
    page.click("#watch-button");
    wait_for_text(&mut page, "#watch-state", "Watching t");
    daemon.end_by(nix::sys::signal::Signal::SIGTERM);
    wait_for_text(&mut page, "#state", "no answer");
}

#[test]
fn it_shows_a_server_that_hangs_and_continues_a_watch() {
    let mut daemon = Daemon::start();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    wait_for_text(&mut page, "#state", "ready");
    daemon.freeze();
    wait_for_text(&mut page, "#state", "no answer");
    assert!(text(&mut page, "#uptime").starts_with("since "));
    assert_eq!(
        page.evaluate("document.querySelector('main').className"),
        json!("old")
    );
    daemon.thaw();
    wait_for_text(&mut page, "#state", "ready");
    assert_eq!(
        page.evaluate("document.querySelector('main').className"),
        json!("")
    );

    page.fill("#watch-topic", "kittens");
    page.click("#watch-button");
    wait_for_text(&mut page, "#watch-state", "Watching kittens");
    publish_raw(daemon.publish, r#"{"category":"kittens","n":"before"}"#);
    wait_for_text(&mut page, "#watch-events", "before");
    let stopped = daemon.kill();
    wait_for_text(&mut page, "#watch-state", "retrying");
    let daemon = stopped.start_again();
    wait_for_text(&mut page, "#watch-state", "Watching kittens");
    let long = "z".repeat(10_000);
    let event = format!(r#"{{"category":"kittens","n":"after","z":"{long}"}}"#);
    publish_raw(daemon.publish, &event);
    wait_for_text(&mut page, "#watch-events", "after");
    wait_for_text(&mut page, "#watch-events", "before");
    let shown = text(&mut page, "#watch-events li");
    assert!(
        shown.len() < 3000 && shown.contains("characters"),
        "{shown}"
    );
    page.click("#watch-button");
    wait_for_text(&mut page, "#watch-state", "Stopped");
}

#[test]
fn long_names_take_one_line_and_unchanged_rows_stay() {
    let daemon = Daemon::start();
    let long = format!("https://site.example/{}", "a".repeat(900));
    let _long = Wamp::subscribed(daemon.web, &long);
    let _others: Vec<_> = (0..60)
        .map(|n| Wamp::subscribed(daemon.web, &format!("topic/{n}")))
        .collect();
    publish_raw(daemon.publish, "x");
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    page.resize(390, 900);
    wait_for_text(&mut page, "#topics-rows", &long);
    let line_max = "document.querySelector('#topics-rows tr').offsetHeight < 50";
    assert_eq!(page.evaluate(line_max), json!(true));
    let whole = "document.querySelector('#topics-rows td').title.length";
    assert_eq!(page.evaluate(whole), json!(long.len()));
    let list_max = "document.querySelector('.topics').parentElement.offsetHeight < 450";
    assert_eq!(page.evaluate(list_max), json!(true), "50 rows of topics");
    page.resize(1200, 1250);
    page.screenshot("status-page-long");
    page.resize(390, 900);

    wait_for_text(&mut page, "#complaints-rows", "0x78");
    page.evaluate("peer = document.querySelector('#complaints-rows td:nth-child(2)')");
    page.evaluate("ago = document.querySelector('#complaints-rows td').textContent");
    page.wait_for("document.querySelector('#complaints-rows td').textContent !== ago");
    assert_eq!(page.evaluate("peer.isConnected"), json!(true));
}

/// Scrolls to the connections: the page loads them only while they can be seen.
fn show_connections(page: &mut Page) {
    page.evaluate("document.querySelector('#connections').scrollIntoView()");
}

#[test]
fn connections_are_found_and_closed() {
    let daemon = Daemon::start();
    let mut kittens = Wamp::connect_from(daemon.web, "http://localhost:81");
    kittens.subscribe("kittens");
    let mut others: Vec<_> = (0..3)
        .map(|_| Wamp::subscribed(daemon.web, "puppies"))
        .collect();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    show_connections(&mut page);
    wait_for_text(&mut page, "#connections-count", "4 connections");
    page.fill("#connections-search", "LOCALHOST:81");
    wait_for_text(&mut page, "#connections-count", "1 of 4 connections");
    wait_for_text(
        &mut page,
        "#connections-rows",
        "http://localhost:81kittenswamp",
    );

    // One click is not enough.
    let close = "#connections-rows button";
    let consequence = "autobahn.js does not connect again";
    let title = format!("document.querySelector({close:?}).title");
    let tip = page.evaluate(&title);
    assert!(tip.as_str().unwrap().contains(consequence), "{tip}");
    page.click(close);
    wait_for_text(&mut page, close, "really close?");
    wait_for_text(&mut page, "#connections-rows .sure p", consequence);
    wait_for_text(&mut page, "#connections-rows .sure p", "revoke");
    kittens.barrier();
    for (name, width, height) in [("", 1280, 2000), ("-phone", 390, 4800)] {
        page.resize(width, height);
        page.screenshot(&format!("status-page-close{name}"));
    }
    page.click(close);
    wait_for_text(&mut page, "#connections-rows", "No connection matches");
    assert_eq!(kittens.close_code(), 1008);
    page.fill("#connections-search", "");
    wait_for_text(&mut page, "#connections-count", "3 connections");
    for other in &mut others {
        other.barrier();
    }
    assert_eq!(page.problems(), Vec::<String>::new());
}

#[test]
fn refused_sites_are_listed_with_what_to_do() {
    let daemon = Daemon::start();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    let is_hidden = "document.querySelector('#origins').hidden";
    wait_for_text(&mut page, "#refused-rows", "Nothing was refused");
    assert_eq!(page.evaluate(is_hidden), json!(true));
    for _ in 0..2 {
        let mut stranger = TcpStream::connect(daemon.web).unwrap();
        write!(
            stranger,
            "GET / HTTP/1.1\r\nHost: push.example:8080\r\nOrigin: https://shop.example\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wamp\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        let _reset = stranger.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    wait_for_text(
        &mut page,
        "#refused-rows",
        "A page of another host may not connect.",
    );
    wait_for_text(&mut page, "#refused-rows", "browser: origin");
    wait_for_text(&mut page, "#origins-rows", "2https://shop.example");
    wait_for_text(&mut page, "#origins-rows", "calls this server push.example");
    wait_for_text(
        &mut page,
        "#origins-rows",
        "--allow-origin https://shop.example",
    );
}

#[test]
fn near_limits_are_shown() {
    let daemon = Daemon::start_with(&["--connections-max", "5"]);
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    wait_for_text(&mut page, "#state", "ready");
    let class = "document.querySelector('#tile-connections').className";
    assert_eq!(page.evaluate(class), json!("card tile"));
    let mut pages: Vec<_> = (0..4).map(|_| Wamp::connect(daemon.web)).collect();
    wait_for_text(
        &mut page,
        "#problems .warning",
        "4 of at most 5 connections",
    );
    page.wait_for("document.querySelector('#tile-connections').classList.contains('warning')");
    pages.push(Wamp::connect(daemon.web));
    wait_for_text(&mut page, "#problems .error", "(connections-max)");
    page.wait_for("document.querySelector('#tile-connections').classList.contains('error')");
    page.resize(1280, 700);
    page.screenshot("status-page-limit");
    drop(pages);
    page.wait_for("document.querySelector('#problems').hidden");
}

#[test]
fn charts_have_times_values_and_windows() {
    let daemon = Daemon::start();
    let _page = Wamp::subscribed(daemon.web, "kittens");
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    page.resize(1280, 900);
    publish_raw(daemon.publish, r#"{"category":"kittens"}"#);
    page.wait_for("document.querySelector('#events-max').textContent === '1'");
    // Some labels of the time axis, one minute apart.
    let times =
        "[...document.querySelectorAll('#events-chart .time')].map(time => time.textContent)";
    let labels = page.evaluate(times);
    let labels: Vec<&str> = labels
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        labels.len() >= 3 && labels.iter().all(|label| label.len() == 5),
        "{labels:?}"
    );

    // The pointer is at the right end, at the newest value.
    let hover = "(name => { const svg = document.querySelector(name); const box = svg.getBoundingClientRect(); \
                 svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 10, clientY: box.top + 50})); \
                 return svg.parentElement.querySelector('.tip').textContent; })";
    let tip = page.evaluate(&format!("{hover}('#sessions-chart')"));
    let tip = tip.as_str().unwrap();
    assert!(tip.ends_with("1 connection"), "{tip}");
    let tip = page.evaluate(&format!("{hover}('#events-chart')"));
    assert!(tip.as_str().unwrap().contains("per second"), "{tip}");
    page.screenshot("status-page-hover");
    page.wait_for("document.querySelectorAll('#events-chart .cursor').length === 1");
    page.evaluate(
        "document.querySelector('#events-chart').dispatchEvent(new PointerEvent('pointerleave'))",
    );
    page.wait_for("document.querySelectorAll('#events-chart .cursor').length === 0");

    page.choose("#window", "1h");
    page.wait_for(&format!(
        "({times}).length >= 4 && ({times}).every(time => time.endsWith('0'))"
    ));
    page.wait_for("document.querySelector('#events-max').textContent === '1'");
    assert_eq!(page.problems(), Vec::<String>::new());
}

#[test]
fn printed_lines_work_in_a_page() {
    let daemon = Daemon::start();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    let address = format!("http://{}", daemon.web);
    page.wait_for(&format!(
        "document.querySelector('#snippet-address').value === {address:?}"
    ));
    let topic = r#"it's "</script>" \n"#;
    page.fill("#snippet-topic", topic);
    let lines = text(&mut page, "#snippet-html");
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let script = format!("<script src=\"{address}/pusher.js\"></script>\n");
    assert!(lines.starts_with(&script), "{lines}");
    wait_for_text(&mut page, "#snippet-notes", "is this machine only");
    page.fill("#snippet-address", "https://site.example/push");
    wait_for_text(
        &mut page,
        "#snippet-html",
        "\"https://site.example/push/pusher.js\"",
    );
    wait_for_text(&mut page, "#snippet-notes", "no certificate");
    for server in ["nginx", "apache", "caddy", "haproxy"] {
        wait_for_text(&mut page, "#snippet-notes", server);
    }
    page.fill("#snippet-address", "ftp://x");
    wait_for_text(&mut page, "#snippet-html", "An address is like");

    // A page of the same host, with these lines.
    let mut site = browser.open(&format!("{address}/pusher.js"));
    site.evaluate("console.log = event => { window.shown = event; }");
    site.evaluate(&format!(
        "document.open(); document.write({}); document.close()",
        json!(lines)
    ));
    wait_for_text(&mut page, "#topics-rows", topic);
    page.fill("#publish-topic", topic);
    page.fill("#publish-event", "7");
    page.click("#publish button");
    wait_for_text(&mut page, "#publish-answer", "queued for 1 subscriber");
    site.wait_for("window.shown === 7");
}

#[test]
fn snippet_address_may_be_a_name_only() {
    let daemon = Daemon::start();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    page.wait_for("document.querySelector('#snippet-address').value !== ''");
    for (typed, folder) in [
        ("www.example.com", "https://www.example.com/push/"),
        ("www.example.com/", "https://www.example.com/push/"),
        ("[2001:db8::1]", "https://[2001:db8::1]/push/"),
        ("www.example.com/live", "https://www.example.com/live/"),
        ("www.example.com:8080", "http://www.example.com:8080/"),
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080/"),
        ("http://www.example.com", "http://www.example.com/"),
        (
            "https://www.example.com/?a=/b#c",
            "https://www.example.com/",
        ),
        (
            "https://www.example.com/push/pusher.js",
            "https://www.example.com/push/",
        ),
        (
            "http://www.example.com:8080/pusher.js",
            "http://www.example.com:8080/",
        ),
    ] {
        page.fill("#snippet-address", typed);
        let lines = text(&mut page, "#snippet-html");
        let script = format!("<script src=\"{folder}pusher.js\"></script>\n");
        assert!(lines.starts_with(&script), "{typed}: {lines}");
    }
    page.fill("#snippet-address", "www.example.com");
    wait_for_text(
        &mut page,
        "#snippet-notes",
        "pusherd doctor https://www.example.com/push",
    );
}

#[test]
fn long_events_take_a_few_lines_until_they_are_opened() {
    let daemon = Daemon::start();
    let mut browser = Browser::start();
    let mut page = browser.open(&url(&daemon));
    page.fill("#watch-topic", "kittens");
    page.click("#watch-button");
    wait_for_text(&mut page, "#watch-state", "Watching kittens");
    let long = "z ".repeat(900);
    publish_raw(
        daemon.publish,
        &format!(r#"{{"category":"kittens","z":"{long}"}}"#),
    );
    wait_for_text(&mut page, "#watch-events button", "more");
    let height = "document.querySelector('#watch-events li').offsetHeight";
    let closed = page.evaluate(height).as_f64().unwrap();
    assert!(closed < 150.0, "{closed}");
    page.click("#watch-events button");
    wait_for_text(&mut page, "#watch-events button", "less");
    let open = page.evaluate(height).as_f64().unwrap();
    assert!(open > closed + 50.0, "{closed} {open}");
}
