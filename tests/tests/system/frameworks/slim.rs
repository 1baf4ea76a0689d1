//! `php/FRAMEWORKS.md` with Debian's Slim.

use super::{OTHERS, Site};

#[test]
fn the_handler_publishes_after_the_commit() {
    for site in Site::each("slim", OTHERS) {
        site.assert_publishes_stored_entries("/entries", 500);
    }
}

#[test]
fn the_handlers_sign_tickets_and_the_logout_ends_them() {
    for site in Site::each("slim", OTHERS) {
        site.assert_signs_tickets("/push/ticket", "X-User: 7\r\n", true);
    }
}

#[test]
fn the_site_works_while_pushd_is_away() {
    for mut site in Site::each("slim", OTHERS) {
        site.stop_pushd();
        site.assert_stores_without_pushd("/entries");
    }
}
