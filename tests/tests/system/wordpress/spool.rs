//! Posts that are published while pushd is away, and what the settings page says about them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

/// Returns the sentence of the settings page about the spool.
#[track_caller]
fn sentence(site: &mut Site) -> String {
    site.admin.go(&site.wordpress.url(SETTINGS));
    text(&mut site.admin, "#pushd-live-spool")
}

/// Presses the button that publishes a test event. Returns the answer.
#[track_caller]
fn test_event(site: &mut Site, notice: &str) -> String {
    site.admin.go(&site.wordpress.url(SETTINGS));
    site.admin.click("#pushd-live-test #submit");
    let selector = format!(".notice-{notice}");
    site.admin
        .wait_for(&format!("document.querySelector('{selector}') !== null"));
    text(&mut site.admin, &selector)
}

/// Returns the titles of the posts in pushd's log.
#[track_caller]
fn titles(site: &Site) -> Vec<Value> {
    let path = format!("/history/{}", site.wordpress.topic("post"));
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let answer = http::request(site.daemon().publish, "GET", &path, &token).unwrap();
    let history: Value = serde_json::from_str(&answer.text()).unwrap();
    let events = history["events"].as_array().unwrap().iter();
    events
        .map(|entry| entry["event"]["title"].clone())
        .collect()
}

#[track_caller]
fn a_post_waits_for_pushd(php: Php) {
    let spool = tempfile::tempdir().unwrap();
    // Apache's processes have another user.
    fs::set_permissions(spool.path(), Permissions::from_mode(0o777)).unwrap();
    let path = spool.path().to_str().unwrap();
    let mut site = Site::start_with(&php.set("pusher.spool", path), &["--spool-dir", path]);
    let mut reader = site.reader();
    let says = format!("events wait in the spool {path}.");
    assert!(sentence(&mut site).contains(&says), "{says}");

    let mut waiting = Value::Null;
    site.without_daemon(|site| {
        waiting = site.post("waits", json!({}))["id"].clone();
        site.admin.go(&site.wordpress.url(SETTINGS));
        let said = text(&mut site.admin, "#pushd-live-spooled");
        assert!(said.contains("because pushd did not accept them"), "{said}");
        let failure = site
            .admin
            .evaluate("document.querySelector('#pushd-live-failure')");
        assert_eq!(failure, Value::Null, "a spooled event is no failure");
        let said = test_event(site, "warning");
        assert!(said.contains("waits in the spool"), "{said}");
    });
    assert_eq!(titles(&site), ["waits"]);
    reader.wait_for(IS_RECONNECTED);
    reader.wait_for(&shows(&format!("post {waiting}"), "waits", ""));
    let next = site.post("does not wait", json!({}))["id"].clone();
    reader.wait_for(&shows(&format!("post {next}"), "does not wait", ""));
    site.admin.go(&site.wordpress.url(SETTINGS));
    let spooled = site
        .admin
        .evaluate("document.querySelector('#pushd-live-spooled')");
    assert_eq!(spooled, Value::Null);

    // The directory is gone: the page says so before an event is lost.
    spool.close().unwrap();
    let said = sentence(&mut site);
    assert!(
        said.contains("can't be used, because PHP finds no such directory"),
        "{said}"
    );
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}

#[test]
fn a_post_waits_for_pushd_with_the_extension() {
    a_post_waits_for_pushd(Php::with_extension("tcp://127.0.0.1:1"));
}

#[test]
fn a_post_waits_for_pushd_with_php_alone() {
    a_post_waits_for_pushd(Php::plain());
}
