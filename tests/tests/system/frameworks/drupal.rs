//! `php/DRUPAL.md` with Debian's Symfony, and stand-ins for the rest of Drupal.

use serde_json::json;

use super::{DRUPAL, Site};

#[test]
fn the_hooks_publish_after_the_commit_what_everybody_may_read() {
    for site in Site::each("drupal", DRUPAL) {
        let mut subscriber = site.subscriber("nodes.article");
        let mut page = site.page();
        for form in [
            "title=a&changed=1",
            "title=rolled+back&changed=2",
            "title=a+draft&changed=3&status=0",
            "title=for+members&changed=4",
            "title=%3Cb%3E&changed=5",
        ] {
            assert_eq!(site.post("/save", form), 200);
        }
        // The same version twice, and another one.
        for form in ["id=1&title=new&changed=6", "id=1&title=new&changed=6"] {
            assert_eq!(site.post("/save", form), 200);
        }
        for (id, title) in [(1, "a"), (4, "<b>"), (1, "new")] {
            let event = json!({"id": id, "title": title, "url": format!("/node/{id}")});
            assert_eq!(subscriber.event("nodes.article"), event);
        }
        subscriber.assert_nothing_waits();
        let shown =
            "Array.from(document.querySelectorAll('#pushd-articles a'), link => link.textContent)";
        page.wait_for(&format!("{shown}.join() === '<b>,new'"));
        let link = "document.querySelector('#pushd-node-1 a').getAttribute('href')";
        assert_eq!(page.evaluate(link), "/node/1");
    }
}

#[test]
fn the_route_signs_tickets_and_the_logout_ends_them() {
    for site in Site::each("drupal", DRUPAL) {
        site.assert_signs_tickets("/pushd/ticket", "X-User: 7\r\n", true);
    }
}

#[test]
fn the_site_works_while_pushd_is_away() {
    for mut site in Site::each("drupal", DRUPAL) {
        site.stop_pushd();
        assert_eq!(site.post("/save", "title=a&changed=1"), 200);
        assert!(site.text("/").contains("pushd-node-1"));
    }
}
