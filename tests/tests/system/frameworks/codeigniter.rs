//! `php/FRAMEWORKS.md` with stand-ins for CodeIgniter.

use super::{OTHERS, Site};

#[test]
fn the_controller_publishes_after_the_commit() {
    for site in Site::each_with("codeigniter", OTHERS, "exception") {
        site.assert_publishes_stored_entries("/entries", 303);
    }
}

#[test]
fn the_controller_signs_tickets() {
    for site in Site::each_with("codeigniter", OTHERS, "exception") {
        site.assert_signs_tickets("/push/ticket", "X-User: 7\r\n", false);
    }
}

#[test]
fn the_site_works_while_pushd_is_away() {
    for mut site in Site::each_with("codeigniter", OTHERS, "exception") {
        site.stop_pushd();
        site.assert_stores_without_pushd("/entries");
    }
}
