//! `php/SYMFONY.md` with Debian's Symfony and Doctrine.

use serde_json::json;

use super::{SYMFONY, Site};

#[test]
fn the_listener_publishes_after_the_commit() {
    for site in Site::each("symfony", SYMFONY) {
        site.assert_publishes_stored_entries("/", 500);
    }
}

#[test]
fn an_entry_that_is_rolled_back_is_not_published() {
    for site in Site::each("symfony", SYMFONY) {
        let mut subscriber = site.subscriber("kittensCategory");
        assert_eq!(site.post("/", "title=known"), 303);
        assert_eq!(site.post("/import", ""), 200);
        for (id, title) in [(1, "known"), (2, "next")] {
            let event = subscriber.event("kittensCategory");
            assert_eq!(event, json!({"id": id, "title": title}));
        }
        subscriber.assert_nothing_waits();
    }
}

#[test]
fn the_controller_signs_tickets_and_the_logout_ends_them() {
    // ann:password
    let user = "Authorization: Basic YW5uOnBhc3N3b3Jk\r\n";
    for site in Site::each("symfony", SYMFONY) {
        site.assert_signs_tickets("/push/ticket", user, true);
    }
}

#[test]
fn the_site_works_while_pushd_is_away() {
    for mut site in Site::each("symfony", SYMFONY) {
        site.stop_pushd();
        site.assert_stores_without_pushd("/");
    }
}
