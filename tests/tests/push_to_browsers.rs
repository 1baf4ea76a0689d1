//! The purpose of the project: a post on the site appears in another browser within a second.
//!
//! It is a separate program, so it has the machine to itself: cargo runs test programs in sequence.

use std::time::Instant;

use system_tests::blog::{self, DOCROOT, post, shows, wait_until_live};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::php::Php;

const CATEGORY: &str = "kittensCategory";
const TITLE: &str = "新しい子猫 🐈 <script>document.title = 'taken over'</script>";
const ARTICLE: &str =
    "とても可愛い <script>document.title = 'taken over'</script> & \"ちび\" 👩‍👩‍👧 O'Neill";

/// Time limit from the post to its display in another browser, in ms.
const ARRIVAL_MS: u64 = 1_000;

#[test]
fn a_post_in_apache_appears_in_another_browser_also_after_a_crash_of_the_daemon() {
    let daemon = Daemon::start();
    let application = blog::application();
    let apache = Php::with_extension(daemon.push_address()).apache(
        application.path(),
        DOCROOT,
        &blog::environment(&daemon),
    );
    let url = format!("http://{}/", apache.address);
    let mut chromium = Browser::start();
    let (mut writer, mut reader) = (chromium.open(&url), chromium.open(&url));
    wait_until_live(&mut writer);
    wait_until_live(&mut reader);

    post(&mut writer, CATEGORY, TITLE, ARTICLE);
    let posted = Instant::now();
    reader.wait_within(&shows(TITLE, ARTICLE), ARRIVAL_MS);
    assert!(
        posted.elapsed().as_millis() < u128::from(ARRIVAL_MS) * 2,
        "{:?}",
        posted.elapsed()
    );
    assert_nothing_was_executed(&mut reader);
    assert_nothing_was_executed(&mut writer);

    let stopped = daemon.kill();
    reader.wait_for("document.querySelector('#state').dataset.state !== 'open'");
    let _daemon = stopped.start_again();
    wait_until_live(&mut reader);
    wait_until_live(&mut writer);
    post(&mut writer, CATEGORY, "もう一匹", "帰ってきた 🐾");
    reader.wait_within(&shows("もう一匹", "帰ってきた 🐾"), ARRIVAL_MS);
}

#[track_caller]
fn assert_nothing_was_executed(page: &mut Page) {
    assert_eq!(page.evaluate("document.title"), "The push blog");
    assert_eq!(
        page.evaluate("document.querySelectorAll('#entries script').length"),
        0
    );
    let problems = page.problems();
    assert!(problems.is_empty(), "{problems:#?}");
}
