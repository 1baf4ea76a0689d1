//! A page that could not reach pushd for some time.

use system_tests::WAIT_MS;
use system_tests::publisher::Publisher;
use system_tests::relay::Relay;

use super::*;

/// The number of requests to the REST route that a page has sent.
const REQUESTS: &str = "performance.getEntriesByType('resource').filter(entry => decodeURIComponent(entry.name).includes('pushd-live/v1/entries')).length";

/// Time limit for a page without pusher.js to load it, in ms. The page tries again after up to 30 s.
const SCRIPT_MS: u64 = 4 * WAIT_MS;

/// Returns the lines of pushd's metrics that count gaps.
#[track_caller]
fn gaps(daemon: &Daemon) -> Vec<String> {
    let mut publisher = Publisher::connect(daemon.publish);
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    publisher.send(request.as_bytes());
    let (_, metrics) = publisher.http_answer();
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("pushd_gaps_total"));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    assert!(!lines.is_empty(), "{metrics}");
    lines
}

/// Opens a page with these bytes, as if a page cache had sent them.
#[track_caller]
fn open_cached(site: &mut Site, html: &Value) -> Page {
    let mut page = site.chromium.open(&site.wordpress.url("/readme.html"));
    page.evaluate(&format!(
        "document.open(), document.write({html}), document.close()"
    ));
    page.wait_for("document.querySelectorAll('.pushd-live[data-state=open]').length === 2");
    page
}

#[test]
fn pages_get_what_they_missed_from_pushd() {
    let mut site = Site::start(&Php::plain());
    let relay = Relay::start(site.daemon().web);
    site.save_settings(&[("url", &format!("http://{}", relay.address))]);
    let [removed, kept] = ["goes", "stays"].map(|title| site.post(title, json!({}))["id"].clone());
    let mut reader = site.reader_of(LATEST);
    let cached = reader.evaluate("fetch(location.href).then(answer => answer.text())");
    relay.cut();
    site.change(&format!("posts/{kept}"), json!({"title": "edited"}));
    site.rest("DELETE", &format!("/wp/v2/posts/{removed}"), Value::Null);
    let missed = site.post("missed", json!({}))["id"].clone();
    let comment = site.comment("missed too");
    relay.restore();
    let shown = [
        shows(&format!("post {missed}"), "missed", ""),
        shows(&format!("post {kept}"), "edited", ""),
        shows_no(&format!("post {removed}")),
        shows(&format!("comment {comment}"), "admin", "missed too"),
    ];
    reader.wait_for(IS_RECONNECTED);
    let mut visitor = open_cached(&mut site, &cached);
    for page in [&mut reader, &mut visitor] {
        for condition in &shown {
            page.wait_for(condition);
        }
    }
    // A gap is the only reason for a request.
    let gaps = gaps(site.daemon());
    assert!(gaps.iter().all(|line| line.ends_with(" 0")), "{gaps:?}");
    // Another epoch of the log: the position of the cached page means nothing any more.
    site.without_daemon(|_| {});
    let mut late = open_cached(&mut site, &cached);
    for condition in &shown {
        late.wait_for(condition);
    }
    assert_eq!(late.evaluate(REQUESTS), 2, "one for each feed");
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}

#[test]
fn a_page_that_reconnects_shows_the_sites_state() {
    let mut site = Site::start(&Php::plain());
    let [waiting, removed, edited] = ["waits", "goes", "changes"].map(|text| site.comment(text));
    site.change(&format!("comments/{waiting}"), json!({"status": "hold"}));
    let [old, trashed, kept] =
        ["old", "trashed", "kept"].map(|title| site.post(title, json!({}))["id"].clone());
    let mut reader = site
        .reader_of("[pushd_live count=\"2\"][pushd_live show=\"comments\" post=\"1\" count=\"2\"]");
    let id = |kind: &str, number: &Value| format!("{kind} {number}");
    let condition = shows(&id("post", &trashed), "trashed", "");
    assert_eq!(reader.evaluate(&condition), true);

    let url = reader.evaluate("location.href");
    let mut late = None;
    let mut missed = Vec::new();
    site.without_daemon(|site| {
        reader.wait_for("document.querySelectorAll('.pushd-live[data-state=waiting], .pushd-live[data-state=connecting]').length === 2");
        late = Some(site.chromium.open(url.as_str().unwrap()));
        for title in ["first", "second"] {
            missed.push(site.post(title, json!({}))["id"].clone());
        }
        for hidden in [json!({"status": "draft"}), json!({"status": "private"}), json!({"password": "x"})] {
            site.post("hidden", hidden);
        }
        site.change(&format!("posts/{kept}"), json!({"title": "edited"}));
        site.change(&format!("posts/{old}"), json!({"title": "of no interest"}));
        site.rest("DELETE", &format!("/wp/v2/posts/{trashed}"), Value::Null);
        site.change(&format!("comments/{waiting}"), json!({"status": "approved"}));
        site.change(&format!("comments/{edited}"), json!({"content": "has changed"}));
        site.rest("DELETE", &format!("/wp/v2/comments/{removed}"), Value::Null);
    });
    reader.wait_for(IS_RECONNECTED);
    reader.wait_for(&shows(&id("comment", &waiting), "admin", "waits"));
    reader.wait_for(&shows(&id("post", &missed[1]), "second", ""));
    // Each missed post appears once and in order, a post that another publisher pushed stays, and nothing else
    // appears.
    let shown = reader.evaluate(
        "Array.from(document.querySelectorAll('.pushd-live')).map(list => Array.from(list.children).map(entry => entry.dataset.id))",
    );
    let posts = [&missed[1], &missed[0]].map(|number| id("post", number));
    let posts = [&posts[..], &["post 0".to_owned(), id("post", &kept)]].concat();
    let comments = [
        id("comment", &waiting),
        "comment 0".to_owned(),
        id("comment", &edited),
    ];
    assert_eq!(shown, json!([posts, comments]));
    assert_eq!(
        reader.evaluate(&shows(&id("post", &kept), "edited", "")),
        true
    );
    let condition = shows(&id("comment", &edited), "admin", "has changed");
    assert_eq!(reader.evaluate(&condition), true);

    // From here on the page is live again. A page that was opened while pushd was absent is live too.
    let mut late = late.unwrap();
    late.wait_within(IS_RECONNECTED, SCRIPT_MS);
    let live = site.post("live", json!({}))["id"].clone();
    for page in [&mut reader, &mut late] {
        page.wait_for(&shows(&id("post", &live), "live", ""));
    }
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}
