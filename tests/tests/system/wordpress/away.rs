//! A page that could not reach pushd for some time.

use super::*;

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
    late.wait_for("document.querySelectorAll('.pushd-live[data-state=open]').length === 2");
    let live = site.post("live", json!({}))["id"].clone();
    for page in [&mut reader, &mut late] {
        page.wait_for(&shows(&id("post", &live), "live", ""));
    }
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}
