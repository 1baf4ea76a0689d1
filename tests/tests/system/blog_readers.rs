//! Readers of the demo blog who are logged in, in Chromium.

use serde_json::{Value, json};
use system_tests::blog::{
    Blog, MembersBlog, comment, has_comment, log_in, reader, shows, wait_until_live, write,
};
use system_tests::browser::Browser;
use system_tests::daemon::Daemon;
use system_tests::php::Php;
use system_tests::publisher::publish_raw;
use system_tests::workspace;
use xtask::http;

/// Returns a JavaScript condition: the line about present readers begins so.
fn says_present(text: &str) -> String {
    format!(
        "!document.querySelector('#present').hidden && \
         document.querySelector('#present').textContent.startsWith({text:?})"
    )
}

const NO_NEWS: &str = "document.querySelector('#news li') === null";

#[test]
fn the_author_gets_a_notice_of_a_comment_with_a_link() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut author = reader(&mut chromium, &site, "ジョン・スミス");
    let mut commenter = reader(&mut chromium, &site, "O'Neill");
    write(&mut author, "題名 <b>");
    commenter.wait_for(&shows("題名 <b>", "text"));
    comment(&mut author, "my own");
    commenter.wait_for(&has_comment("ジョン・スミス", "my own"));
    assert_eq!(author.evaluate(NO_NEWS), true);

    comment(&mut commenter, "nice <i>");
    author.wait_for("document.querySelector('#news li') !== null");
    assert_eq!(
        author.evaluate("document.querySelector('#news li p').textContent"),
        "O'Neill commented on your article 題名 <b>"
    );
    author.wait_for(&has_comment("O'Neill", "nice <i>"));
    assert_eq!(commenter.evaluate(NO_NEWS), true);

    author.click("#news a");
    author.wait_for("document.querySelector('article:target h2').textContent === '題名 <b>'");
    assert_eq!(
        author.evaluate(&has_comment("O'Neill", "nice <i>")),
        json!(true)
    );
    assert_eq!(
        author.evaluate("document.querySelector('article:target .author').textContent"),
        "ジョン・スミス"
    );
    assert!(author.problems().is_empty(), "{:?}", author.problems());
}

#[test]
fn a_guest_sees_who_is_present_and_who_leaves() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut guest = chromium.open(&site.blog.url());
    wait_until_live(&mut guest);
    let mut ann = reader(&mut chromium, &site, "Ann");
    guest.wait_for(&says_present("1 reader is here: Ann."));
    let mut ben = reader(&mut chromium, &site, "Ben");
    guest.wait_for(&says_present("2 readers are here: Ann and Ben."));
    ben.click("#categories [data-category=puppiesCategory]");
    ben.wait_for(&says_present("1 reader is here: Ben."));
    guest.wait_for(&says_present("1 reader is here: Ann."));
    ann.go(&format!("{}entries.php", site.blog.url()));
    guest.wait_for("document.querySelector('#present').hidden");
    assert!(guest.problems().is_empty(), "{:?}", guest.problems());
}

#[test]
fn logging_out_in_one_tab_silences_the_others() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut ann = reader(&mut chromium, &site, "Ann");
    write(&mut ann, "title");
    let mut ben = reader(&mut chromium, &site, "Ben");
    comment(&mut ben, "first");
    ann.wait_for("document.querySelectorAll('#news li').length === 1");

    let mut other_tab = chromium.open_beside(&ann, &site.blog.url());
    wait_until_live(&mut other_tab);
    other_tab.click("#logout button");
    other_tab.wait_for("document.querySelector('#login') !== null");
    assert_eq!(other_tab.cookie("blog_session"), None);
    wait_until_live(&mut other_tab);
    // If the other tab has fetched a ticket at the same moment, its cookie is still there.
    let code = other_tab.evaluate(EAVESDROP);
    assert!(
        code == "ticket_missing" || code == "ticket_revoked",
        "{code}"
    );
    ann.wait_for("document.querySelector('#logged-out') !== null");
    // The event for the author would arrive before that of the next comment.
    for text in ["second", "third"] {
        comment(&mut ben, text);
        ann.wait_for(&has_comment("Ben", text));
    }
    assert_eq!(
        ann.evaluate("document.querySelectorAll('#news li:not(#logged-out)').length"),
        1
    );
}

/// Subscribes to Ann's private topic with a new connection of the page, and resolves to the code of the refusal.
const EAVESDROP: &str = "new Promise(resolve => {
    const pusher = new Pusher(document.body.dataset.pushUrl + '/');
    pusher.subscribe('user.Ann', () => resolve('event'), {denied: (topic, code) => resolve(code)});
})";

#[test]
fn only_the_reader_may_subscribe_to_the_private_topic() {
    let site = MembersBlog::start();
    let mut chromium = Browser::start();
    let mut guest = chromium.open(&site.blog.url());
    wait_until_live(&mut guest);
    assert_eq!(guest.evaluate(EAVESDROP), "ticket_missing");
    let mut ben = reader(&mut chromium, &site, "Ben");
    assert_eq!(ben.evaluate(EAVESDROP), "ticket_topic");
    // A page cannot ask for the ticket of another reader.
    assert_eq!(
        ben.evaluate("fetch('ticket.php?name=Ann').then(answer => answer.status)"),
        204
    );
}

#[test]
fn a_login_gets_a_new_session_with_safe_flags() {
    let site = MembersBlog::start();
    let mut page = Browser::start().open(&site.blog.url());
    page.evaluate("document.cookie = 'blog_session=00000000000000000000000000'");
    log_in(&mut page, "Ann");
    let cookie = page.cookie("blog_session").unwrap();
    assert_ne!(cookie["value"], "00000000000000000000000000");
    assert_eq!(
        (&cookie["httpOnly"], &cookie["sameSite"]),
        (&json!(true), &json!("Lax"))
    );
    let ticket = page.cookie("pushd_ticket").unwrap();
    assert_eq!(ticket["httpOnly"], true);
}

#[test]
fn a_login_needs_the_token_of_the_form() {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::plain(), &daemon);
    for path in ["/login.php", "/logout.php", "/comment.php"] {
        let form = "name=Ann&entry=1&text=text&token=00000000000000000000000000000000";
        let answer = http::post(blog.server.address, path, form).unwrap();
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        assert!(!answer.head.contains("blog_session"), "{}", answer.head);
    }
}

#[test]
fn a_name_cannot_be_a_pattern_or_markup() {
    let site = MembersBlog::start();
    let mut page = Browser::start().open(&site.blog.url());
    for name in ["*", "Ann.*", "<b>Ann</b>", "Ann/x", "\u{202e}Ann"] {
        page.fill("#name", name);
        page.click("#login button");
        page.wait_for("document.querySelector('[data-fault=name]') !== null");
        assert_eq!(
            page.evaluate("document.querySelector('#name').value"),
            *name
        );
        page.go(&site.blog.url());
    }
}

#[test]
fn markup_in_events_about_comments_is_shown_as_text() {
    let site = MembersBlog::start();
    let mut page = Browser::start().open(&site.blog.url());
    log_in(&mut page, "Ann");
    write(&mut page, "title");
    let markup = "<img src=x onerror=\"document.title='taken over'\">";
    let comment = json!({"id": 7, "entry": 1, "author": markup, "text": markup, "when": 0});
    publish(&site, "kittensCategory", json!({"comment": comment}));
    page.wait_for(&has_comment(markup, markup));
    let news = json!({"title": markup, "commenter": markup, "link": "javascript:alert(1)"});
    publish(&site, "user.Ann", news);
    page.wait_for("document.querySelector('#news li') !== null");
    assert_eq!(
        page.evaluate("document.querySelectorAll('#news img, #news [href], #entries img').length"),
        0
    );
    assert_eq!(page.evaluate("document.title"), "The push blog");
}

fn publish(site: &MembersBlog, topic: &str, mut event: Value) {
    event["category"] = json!(topic);
    publish_raw(site.daemon.publish, &event.to_string());
}

#[test]
fn it_works_without_scripts_and_without_tickets() {
    let daemon = Daemon::start();
    let blog = Blog::start(&Php::plain(), &daemon);
    let mut page = Browser::start().open(&blog.url());
    // submit() sends a form as if the page had no script.
    page.fill("#name", "Ann");
    page.evaluate("document.querySelector('#login').submit()");
    page.wait_for("document.querySelector('#me')?.textContent === 'Ann'");
    page.fill("#title", "title");
    page.fill("#article", "text");
    page.evaluate("document.querySelector('#write').submit()");
    page.wait_for(&shows("title", "text"));
    page.fill("form.comment [name=text]", "from Ann\nin two lines");
    page.evaluate("document.querySelector('form.comment').submit()");
    page.wait_for("location.hash === '#entry-1'");
    page.wait_for(&has_comment("Ann", "from Ann\nin two lines"));
    page.evaluate("document.querySelector('#logout').submit()");
    page.wait_for("document.querySelector('#login') !== null");
    page.fill("form.comment [name=text]", "anonymous");
    page.evaluate("document.querySelector('form.comment').submit()");
    page.wait_for(&has_comment("A guest", "anonymous"));
}

#[test]
fn a_database_of_the_first_version_is_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let setup = workspace().root.join("php/blog/src/setup.php");
    let code = format!(
        r#"require '{setup}';
        $file = '{folder}/blog.sqlite';
        $old = new PDO('sqlite:' . $file);
        $old->exec(Blog\SCHEMA[0] . 'PRAGMA user_version = 1;'
            . "INSERT INTO entries (category, title, article, 'when') VALUES ('kittensCategory', 'old', 'text', 9)"
            . ", ('category2', 'renamed', 'text', 9)");
        $entries = new Blog\Entries(Blog\open_database($file));
        $entries->add(Blog\Draft::from(['category' => 'kittensCategory', 'title' => 'new', 'article' => 'text']), 'Ann');
        foreach (['kittensCategory', 'puppiesCategory'] as $category) {{
            foreach ($entries->newest($category, 10) as $entry) {{
                echo $entry['id'], $entry['title'], json_encode($entry['author']);
            }}
        }}"#,
        setup = setup.display(),
        folder = folder.path().display(),
    );
    assert_eq!(
        Php::plain().print(&code),
        r#"3new"Ann"1oldnull2renamednull"#
    );
}
