//! What the panel of the demo blog offers: a second window, a cut connection, a private comment.

use serde_json::json;
use system_tests::blog::{
    Blog, MembersBlog, comment, has_comment, log_in, post, reader, shows, wait_until_live, write,
};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::php::Php;

/// The titles of the shown articles, newest first.
const TITLES: &str =
    "Array.from(document.querySelectorAll('#entries h2'), title => title.textContent)";

/// Returns a JavaScript condition: the result of the cut contains this text.
fn reports(text: &str) -> String {
    format!("document.querySelector('#cut-report').textContent.includes({text:?})")
}

/// Cuts the page's connection, and waits until the articles of the meantime are stored.
#[track_caller]
fn cut(page: &mut Page) {
    page.wait_for("!document.querySelector('#cut').disabled");
    page.click("#cut");
    page.wait_for(&reports("3 articles were posted meanwhile"));
}

#[test]
fn a_page_gets_all_articles_of_the_time_without_a_connection() {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::with_extension(daemon.push_address()), &daemon);
    let mut chromium = Browser::start();
    let (mut page, mut other) = (chromium.open(&blog.url()), chromium.open(&blog.url()));
    wait_until_live(&mut page);
    wait_until_live(&mut other);
    cut(&mut page);
    other.wait_for(&format!("{TITLES}.length === 3"));
    post(&mut other, "kittensCategory", "by hand", "text");
    // Only the other page is connected.
    other
        .wait_for("document.querySelector('#notice').textContent.includes('pushed to 1 browser.')");
    // pusher.js would connect at once.
    let state =
        "dispatchEvent(new Event('pageshow')), document.querySelector('#state').dataset.state";
    assert_eq!(page.evaluate(state), "cut");
    assert_eq!(
        page.evaluate("document.querySelector('#state .words').textContent"),
        "connection cut"
    );
    assert_eq!(page.evaluate(TITLES), json!([]));

    page.click("#cut");
    page.wait_for(&reports("pushd sent all 4 articles of that time."));
    let missed = |n: u32| format!("While a page was away, {n} of 3");
    let expected = json!(["by hand", missed(3), missed(2), missed(1)]);
    assert_eq!(page.evaluate(TITLES), expected);
    wait_until_live(&mut page);
    assert_eq!(
        page.evaluate("document.querySelector('#cut').textContent"),
        "Cut the connection"
    );
    assert!(page.problems().is_empty(), "{:?}", page.problems());
}

#[test]
fn a_page_says_that_pushd_no_longer_has_what_it_missed() {
    let daemon = Daemon::start_with(&["--history-topic-events-max=1"]);
    let blog = Blog::start(&Php::with_extension(daemon.push_address()), &daemon);
    let mut page = Browser::start().open(&blog.url());
    cut(&mut page);
    page.click("#cut");
    page.wait_for(&reports("no longer has"));
    page.wait_for(&format!("{TITLES}.length === 3"));
}

#[test]
fn another_category_ends_the_cut() {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::with_extension(daemon.push_address()), &daemon);
    let mut page = Browser::start().open(&blog.url());
    cut(&mut page);
    page.click("#categories [data-category=birdsCategory]");
    wait_until_live(&mut page);
    page.wait_for("document.querySelector('#cut').textContent === 'Cut the connection'");
    post(&mut page, "birdsCategory", "live again", "text");
    page.wait_for("document.querySelector('#notice').textContent.includes('pushed to 1 browser.')");
}

#[test]
fn the_second_window_is_another_reader() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut ann = reader(&mut chromium, &site, "Ann");
    let link = "document.querySelector('#second-window').href";
    let port = site.blog.server.address.port();
    let expected = |category| format!("http://localhost:{port}/?category={category}");
    assert_eq!(ann.evaluate(link), expected("kittensCategory"));
    let mut ben = chromium.open_beside(&ann, &expected("kittensCategory"));
    log_in(&mut ben, "Ben");
    let both = "document.querySelector('#present').textContent.startsWith('2 readers are here: Ann and Ben.')";
    ann.wait_for(both);
    ben.wait_for(both);
    ann.click("#categories [data-category=puppiesCategory]");
    assert_eq!(ann.evaluate(link), expected("puppiesCategory"));
    ann.evaluate("window.open = url => { window.opened = url; }, true");
    ann.click("#second-window");
    assert_eq!(ann.evaluate("window.opened"), expected("puppiesCategory"));
}

#[test]
fn only_the_author_and_the_writer_see_a_private_comment() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut ann = reader(&mut chromium, &site, "Ann");
    write(&mut ann, "title");
    let mut ben = reader(&mut chromium, &site, "Ben");
    let mut other_tab = chromium.open_beside(&ben, &site.blog.url());
    wait_until_live(&mut other_tab);
    let mut cid = reader(&mut chromium, &site, "Cid");
    let mut guest = chromium.open(&site.blog.url());
    wait_until_live(&mut guest);

    ben.click("#entries [name=private]");
    comment(&mut ben, "for Ann");
    ann.wait_for("document.querySelector('#news li') !== null");
    assert_eq!(
        ann.evaluate("document.querySelector('#news li p').textContent"),
        "Ben wrote to you privately about your article title"
    );
    ann.wait_for(&is_private("for Ann"));
    other_tab.wait_for(&is_private("for Ann"));
    comment(&mut ann, "for all");
    for page in [&mut cid, &mut guest] {
        page.wait_for(&has_comment("Ann", "for all"));
        assert_eq!(page.evaluate(&has_comment("Ben", "for Ann")), json!(false));
    }
    ann.evaluate("document.querySelector('#news li button').click()");

    // The same after loading the page, and in the answer for pages that catch up.
    let stored =
        "fetch('entries.php').then(answer => answer.text()).then(text => text.includes('for Ann'))";
    for (mut page, sees_it) in [(ann, true), (ben, true), (cid, false), (guest, false)] {
        page.go(&format!("{}?category=kittensCategory", site.blog.url()));
        page.wait_for(&has_comment("Ann", "for all"));
        assert_eq!(page.evaluate(&is_private("for Ann")), json!(sees_it));
        assert_eq!(page.evaluate(stored), json!(sees_it));
    }
}

/// Returns a JavaScript condition: the newest article has this comment, marked as private.
fn is_private(text: &str) -> String {
    format!(
        "Array.from(document.querySelectorAll('#entries article:first-child .comments li')).some(comment => \
         comment.querySelector('.comment-text').textContent === {text:?} && \
         !comment.querySelector('.private').hidden)"
    )
}

#[test]
fn a_private_comment_needs_a_writer_and_a_recipient_with_names() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut ann = reader(&mut chromium, &site, "Ann");
    write(&mut ann, "title");
    let mut guest = chromium.open(&site.blog.url());
    wait_until_live(&mut guest);
    let hidden = "document.querySelector('#entries .private-choice').hidden";
    for page in [&mut ann, &mut guest] {
        assert_eq!(page.evaluate(hidden), json!(true));
        assert_eq!(page.evaluate(SEND_PRIVATE), 422);
    }
    post(&mut guest, "kittensCategory", "of a guest", "text");
    ann.wait_for(&shows("of a guest", "text"));
    assert_eq!(ann.evaluate(hidden), json!(true));
    assert_eq!(
        ann.evaluate("document.querySelectorAll('.comments li').length"),
        0
    );
}

/// Sends a private comment on the first article although the page offers none, and resolves to the status.
const SEND_PRIVATE: &str = "fetch('comment.php', {method: 'POST', headers: {Accept: 'application/json'},
    body: new URLSearchParams({entry: 1, text: 'x', private: 1, token: document.querySelector('#write').elements.token.value})})
    .then(answer => answer.status)";

#[test]
fn without_tickets_there_are_no_private_comments() {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::with_extension(daemon.push_address()), &daemon);
    let mut chromium = Browser::start();
    let mut ann = chromium.open(&blog.url());
    log_in(&mut ann, "Ann");
    write(&mut ann, "title");
    let mut ben = chromium.open(&blog.url());
    log_in(&mut ben, "Ben");
    assert_eq!(
        ben.evaluate("document.querySelector('#entries .private-choice').hidden"),
        true
    );
    assert_eq!(ben.evaluate(SEND_PRIVATE), 422);
}

/// The elements of the panel that are wider than their place.
const SCROLLS_SIDEWAYS: &str = "Array.from(document.querySelectorAll('.guide *'))
    .filter(element => getComputedStyle(element).display !== 'inline' && element.scrollWidth > element.clientWidth)
    .map(element => element.outerHTML)";

/// The link to the form, if the form is not beside the articles, is within the bar at the top, also after scrolling.
const WRITE_COVERS_NOTHING: &str = "document.activeElement.blur(), scrollTo({top: 400, behavior: 'instant'}),
    (([link, bar]) => innerWidth > 832 ? link.width === 0 :
        link.width > 0 && link.top >= bar.top && link.bottom <= bar.bottom && link.right <= bar.right)
    (['.to-write', '.top'].map(selector => document.querySelector(selector).getBoundingClientRect()))";

#[test]
fn the_panel_asks_only_guests_to_log_in() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut guest = chromium.open(&site.blog.url());
    let link = "document.querySelector('#who a[href=\"#name\"]') !== null";
    assert_eq!(guest.evaluate(link), json!(true));
    let mut ann = reader(&mut chromium, &site, "Ann");
    assert_eq!(ann.evaluate(link), json!(false));
    ann.wait_for("document.querySelector('#who').textContent.includes('another name')");
}

#[test]
fn the_page_fits_a_desk_and_a_phone() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut ann = reader(&mut chromium, &site, "Ann");
    write(&mut ann, "Mia has opened the fridge again");
    let mut ben = reader(&mut chromium, &site, "Ben O'Neill");
    comment(&mut ben, "Mine can open doors.");
    ben.click("#entries [name=private]");
    comment(&mut ben, "The key is under the mat.");
    ann.wait_for(&is_private("The key is under the mat."));
    cut(&mut ann);
    ann.resize(390, 844);
    ann.evaluate("document.activeElement.blur()");
    assert_eq!(ann.evaluate(SCROLLS_SIDEWAYS), json!([]));
    let has_one_line = "document.querySelector('h1').offsetHeight < 40";
    assert_eq!(ann.evaluate(has_one_line), json!(true));
    ann.screenshot("blog-390-cut");
    ann.click("#cut");
    ann.wait_for(&reports("nothing is missing"));
    ann.wait_for("!document.querySelector('#present').hidden");
    for (width, height) in [(1280, 1500), (390, 2600)] {
        ann.resize(width, height);
        ann.wait_for("document.documentElement.scrollWidth <= innerWidth");
        assert_eq!(ann.evaluate(SCROLLS_SIDEWAYS), json!([]), "{width}");
        assert_eq!(ann.evaluate(WRITE_COVERS_NOTHING), json!(true), "{width}");
        ann.evaluate("scrollTo(0, 0)");
        ann.screenshot(&format!("blog-{width}"));
    }
    ann.darken();
    for (width, height) in [(390, 2600), (1280, 1500)] {
        ann.resize(width, height);
        ann.wait_for(
            "document.getAnimations().every(animation => animation.playState !== 'running')",
        );
        ann.screenshot(&format!("blog-{width}-dark"));
    }
    assert!(ann.problems().is_empty(), "{:?}", ann.problems());
}
