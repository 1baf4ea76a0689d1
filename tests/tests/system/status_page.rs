//! The status page in a real browser.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;
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
    wait_for_text(&mut page, "#topics-rows tr:nth-child(1)", "kittens320watch");
    wait_for_text(&mut page, "#refused-rows", "publish");
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
    wait_for_text(&mut page, "#publish-answer", "queued for 1 browser");
    wait_for_text(&mut page, "#watch-events li", "onerror");
    page.fill("#publish-event", "no json");
    page.click("#publish button");
    wait_for_text(&mut page, "#publish-answer", "JSON");
    assert!(!text(&mut page, "title").contains("broken"));

    page.resize(1200, 1250);
    page.screenshot("status-page");
    page.darken();
    page.screenshot("status-page-dark");
    page.resize(390, 1600);
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
    wait_for_text(&mut page, "#publish-answer", "queued for 0 browsers");
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
    let page_max = "document.documentElement.scrollHeight < 2500";
    assert_eq!(page.evaluate(page_max), json!(true), "50 rows of topics");
    page.resize(1200, 1250);
    page.screenshot("status-page-long");

    wait_for_text(&mut page, "#complaints-rows", "0x78");
    page.evaluate("peer = document.querySelector('#complaints-rows td:nth-child(2)')");
    page.evaluate("ago = document.querySelector('#complaints-rows td').textContent");
    page.wait_for("document.querySelector('#complaints-rows td').textContent !== ago");
    assert_eq!(page.evaluate("peer.isConnected"), json!(true));
}
