//! Changes on the site, seen in open pages: posts and comments that are edited, removed or hidden.

use super::*;

#[test]
fn changes_and_removals_appear_in_open_pages() {
    let mut site = Site::start(&Php::plain());
    let post = site.post("kitten", json!({"excerpt": "small"}))["id"].clone();
    let comment = site.comment("first!");
    let mut reader = site.reader_of(LATEST);
    let (post_id, comment_id) = (format!("post {post}"), format!("comment {comment}"));
    let (post, comment) = (format!("posts/{post}"), format!("comments/{comment}"));
    assert_eq!(reader.evaluate(&shows(&post_id, "kitten", "small")), true);
    assert_eq!(
        reader.evaluate(&shows(&comment_id, "admin", "first!")),
        true
    );

    // A change to a post that the page does not show has no effect.
    site.change("posts/1", json!({"title": "old"}));
    site.change(&post, json!({"title": "cat"}));
    reader.wait_for(&shows(&post_id, "cat", "small"));
    assert_eq!(reader.evaluate(&shows_no("post 1")), true);
    site.change(&comment, json!({"content": "second\nthought"}));
    reader.wait_for(&shows(&comment_id, "admin", "second\nthought"));

    // A post that becomes private disappears, and comes back as a new one.
    for (closed, open) in [
        (json!({"password": "x"}), json!({"password": ""})),
        (json!({"status": "draft"}), json!({"status": "publish"})),
        (json!({"status": "private"}), json!({"status": "publish"})),
    ] {
        site.change(&post, closed);
        reader.wait_for(&shows_no(&post_id));
        site.change(&post, open);
        reader.wait_for(&shows(&post_id, "cat", "small"));
    }
    for closed in ["hold", "spam"] {
        site.change(&comment, json!({"status": closed}));
        reader.wait_for(&shows_no(&comment_id));
        site.change(&comment, json!({"status": "approved"}));
        reader.wait_for(&shows(&comment_id, "admin", "second\nthought"));
    }
    site.rest("DELETE", &format!("/wp/v2/{post}&force=true"), Value::Null);
    site.rest(
        "DELETE",
        &format!("/wp/v2/{comment}&force=true"),
        Value::Null,
    );
    reader.wait_for(&shows_no(&post_id));
    reader.wait_for(&shows_no(&comment_id));
    nothing_private_is_pushed(&mut site);
    one_broken_event_does_not_keep_others_back(&mut site);
    what_is_done_on_another_site_is_not_ours(&mut site);
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}

/// Changes of content with restricted access are never published.
#[track_caller]
fn nothing_private_is_pushed(site: &mut Site) {
    let held = site.comment("held");
    let held = format!("comments/{held}");
    site.change(&held, json!({"status": "hold"}));
    let [posts, comments] = ["post", "comments/1"].map(|topic| site.wordpress.topic(topic));
    let mut wire = Wamp::subscribed(site.daemon().web, &posts);
    wire.subscribe(&comments);
    wire.barrier();
    for hidden in [
        json!({"status": "draft"}),
        json!({"status": "private"}),
        json!({"status": "pending"}),
        json!({"password": "x"}),
        json!({"status": "future", "date": "2099-01-01T00:00:00"}),
    ] {
        let id = site.post("hidden", hidden)["id"].clone();
        let path = format!("posts/{id}");
        site.change(&path, json!({"title": "still hidden"}));
        site.rest("DELETE", &format!("/wp/v2/{path}"), Value::Null);
        site.rest("DELETE", &format!("/wp/v2/{path}&force=true"), Value::Null);
    }
    site.change(&held, json!({"content": "still held"}));
    site.change(&held, json!({"status": "spam"}));
    site.rest("DELETE", &format!("/wp/v2/{held}&force=true"), Value::Null);
    let path = "/?rest_route=/pushd-live/v1/entries";
    let entries = http::get(site.wordpress.address(), path).unwrap();
    assert!(!entries.text().contains("hidden"), "{}", entries.text());
    assert!(
        entries.text().contains("\"kind\":\"post\""),
        "{}",
        entries.text()
    );
    assert!(entries.head.contains("no-store"), "{}", entries.head);
    let end = site.post("end", json!({}))["id"].clone();
    assert_eq!(wire.event(&posts)["id"], end);
    wire.assert_nothing_waits();
}

#[track_caller]
fn one_broken_event_does_not_keep_others_back(site: &mut Site) {
    let mut wire = Wamp::subscribed(site.daemon().web, &site.wordpress.topic("post"));
    wire.barrier();
    let posts = ["quiet", "broken", "good"].map(|title| {
        let body = json!({"title": title, "status": "publish"});
        json!({"method": "POST", "path": "/wp/v2/posts", "body": body})
    });
    site.rest("POST", "/batch/v1", json!({"requests": posts}));
    let event = wire.event(&site.wordpress.topic("post"));
    assert_eq!(event["title"], "good");
    wire.assert_nothing_waits();
    site.admin.go(&site.wordpress.url(SETTINGS));
    let said = text(&mut site.admin, "#pushd-live-failure");
    assert!(
        said.contains("was not published: Malformed UTF-8"),
        "{said}"
    );
}

/// The post has the same number as one of ours.
#[track_caller]
fn what_is_done_on_another_site_is_not_ours(site: &mut Site) {
    site.wordpress.join_network();
    let mut wire = Wamp::subscribed(site.daemon().web, &site.wordpress.topic("post"));
    let mut page = site.chromium.open(&site.wordpress.url("/readme.html"));
    page.evaluate("void (document.cookie = 'network=1')");
    page.go(&site.wordpress.url("/?elsewhere"));
    page.wait_for("document.querySelector('#elsewhere')?.textContent === '1'");
    wire.assert_nothing_waits();
}
