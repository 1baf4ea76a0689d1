//! The demo blog in Chromium.

use serde_json::{Value, json};
use system_tests::WAIT_MS;
use system_tests::blog::{Blog, post, shows, wait_until_live};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::php::Php;
use system_tests::publisher::publish_raw;
use system_tests::relay::Relay;
use system_tests::wamp::Wamp;
use xtask::http;
use xtask::process::wait_until;

/// A daemon, and a blog whose PHP has the extension.
fn daemon_and_blog() -> (Daemon, Blog) {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::with_extension(daemon.push_address()), &daemon);
    (daemon, blog)
}

/// Publishes until the page meets `condition`. A live page may still have a SUBSCRIBE that the daemon has not read,
/// and SUBSCRIBE has no answer.
#[track_caller]
fn publish_until(daemon: &Daemon, events: &[Value], page: &mut Page, condition: &str) {
    let came = wait_until(WAIT_MS, || {
        for event in events {
            publish_raw(daemon.publish, &event.to_string());
        }
        page.evaluate(condition) == json!(true)
    });
    assert!(
        came,
        "the page did not reach `{condition}` after {WAIT_MS} ms"
    );
}

#[test]
fn an_entry_is_stored_and_published() {
    let (daemon, blog) = daemon_and_blog();
    let mut subscriber = Wamp::subscribed(daemon.web, "puppiesCategory");
    let mut page = Browser::start().open(&blog.url());
    post(&mut page, "puppiesCategory", "題名", "本文 🐈");
    let event = subscriber.event("puppiesCategory");
    assert_eq!(
        (&event["category"], &event["title"], &event["article"]),
        (&json!("puppiesCategory"), &json!("題名"), &json!("本文 🐈"))
    );
    page.wait_for("document.querySelector('#notice').textContent.includes('pushed to 1 browser')");
    let stored = http::get(blog.server.address, "/?category=puppiesCategory")
        .unwrap()
        .text();
    assert!(stored.contains("題名") && stored.contains("本文 🐈"));
}

#[test]
fn a_reader_sees_only_the_chosen_category() {
    let (daemon, blog) = daemon_and_blog();
    let mut chromium = Browser::start();
    let mut page = chromium.open(&blog.url());
    wait_until_live(&mut page);
    page.click("#categories [data-category=birdsCategory]");
    page.wait_for(
        "document.querySelector('#categories [aria-current]').dataset.category === 'birdsCategory'",
    );
    let events = [
        json!({"category": "kittensCategory", "title": "other", "article": ""}),
        json!({"category": "birdsCategory", "title": "chosen", "article": ""}),
    ];
    publish_until(&daemon, &events, &mut page, &shows("chosen", ""));
    assert_eq!(page.evaluate(&shows("other", "")), json!(false));
}

#[test]
fn markup_in_an_event_is_shown_as_text() {
    let (daemon, blog) = daemon_and_blog();
    let mut page = Browser::start().open(&blog.url());
    wait_until_live(&mut page);
    let markup = "<img src=x onerror=\"document.title='taken over'\"><b>bold</b>";
    let event = json!({"category": "kittensCategory", "title": markup, "article": markup});
    publish_until(&daemon, &[event], &mut page, &shows(markup, markup));
    assert_eq!(
        page.evaluate("document.querySelectorAll('#entries img, #entries b').length"),
        0
    );
    assert_eq!(page.evaluate("document.title"), "The push blog");
}

/// The requests of a page to `entries.php`.
const FETCHES: &str = "performance.getEntriesByType('resource').map(entry => new URL(entry.name))
    .filter(url => url.pathname === '/entries.php').map(url => url.searchParams.get('category'))";

#[test]
fn pages_get_what_they_missed_from_pushd() {
    let daemon = Daemon::start();
    let relay = Relay::start(daemon.web);
    let php = Php::with_extension(daemon.push_address());
    let blog = Blog::start_behind(&php, &relay);
    let mut chromium = Browser::start();
    let (mut writer, mut reader) = (chromium.open(&blog.url()), chromium.open(&blog.url()));
    let mut other = chromium.open(&blog.url());
    wait_until_live(&mut reader);
    wait_until_live(&mut other);
    let rendered = reader.evaluate("fetch('/').then(answer => answer.text())");
    relay.cut();
    other.click("#categories [data-category=puppiesCategory]");
    other.wait_for(&format!("{FETCHES}.length === 1"));
    for category in ["kittensCategory", "puppiesCategory"] {
        post(&mut writer, category, category, "while away");
        writer.wait_for("document.querySelector('#title').value === ''");
    }
    relay.restore();
    // A page that connects long after it was rendered.
    let mut late = chromium.open(&format!("{}entries.php", blog.url()));
    late.evaluate(&format!(
        "document.open(), document.write({rendered}), document.close()"
    ));
    let in_kittens = shows("kittensCategory", "while away");
    reader.wait_for(&in_kittens);
    late.wait_for(&in_kittens);
    other.wait_for(&shows("puppiesCategory", "while away"));
    assert_eq!(reader.evaluate(FETCHES), json!([]));
    assert_eq!(late.evaluate(FETCHES), json!([]));
    assert_eq!(other.evaluate(FETCHES), json!(["puppiesCategory"]));
}

#[test]
fn a_page_that_reconnects_shows_missed_entries() {
    let (daemon, blog) = daemon_and_blog();
    let mut chromium = Browser::start();
    let (mut writer, mut reader) = (chromium.open(&blog.url()), chromium.open(&blog.url()));
    wait_until_live(&mut reader);
    let stopped = daemon.kill();
    post(&mut writer, "kittensCategory", "missed", "while away");
    writer.wait_for("document.querySelector('#notice').textContent.includes('not pushed')");
    let _daemon = stopped.start_again();
    reader.wait_for(&shows("missed", "while away"));
}

#[test]
fn it_loads_nothing_from_other_sites_and_fits_a_phone() {
    let (_daemon, blog) = daemon_and_blog();
    let mut page = Browser::start().open(&blog.url());
    page.resize(360, 640);
    wait_until_live(&mut page);
    let long = "very".repeat(60);
    post(&mut page, "kittensCategory", &long[..200], &long);
    page.wait_for("document.querySelector('#entries article')");
    let hosts = page.evaluate(
        "Array.from(new Set(performance.getEntriesByType('resource').map(entry => new URL(entry.name).hostname)))",
    );
    assert_eq!(hosts, json!(["127.0.0.1"]));
    assert_eq!(
        page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        true
    );
    assert!(page.problems().is_empty(), "{:?}", page.problems());
}

#[test]
fn without_the_extension_it_stores_entries_and_shows_that_push_is_off() {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::plain(), &daemon);
    let mut page = Browser::start().open(&blog.url());
    page.wait_for("document.querySelector('#push-off')");
    post(&mut page, "kittensCategory", "stored", "only");
    page.wait_for("document.querySelector('#notice').textContent.includes('not pushed')");
    assert!(
        http::get(blog.server.address, "/")
            .unwrap()
            .text()
            .contains("stored")
    );
}
