//! The WordPress plugin, from its activation to its removal.

mod away;
mod changes;
mod https;
mod spool;

use serde_json::{Value, json};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::php::Php;
use system_tests::wamp::Wamp;
use system_tests::wordpress::{WordPress, rest};
use xtask::http;

const SETTINGS: &str = "/wp-admin/options-general.php?page=pushd-live";
const TOKEN: &str = "s3cret-token-for-tests";
/// Markup that no page may execute, in an event from a client with access to port 5555.
const MARKUP: &str = "<img src=x onerror=\"document.title='taken over'\">";

/// A site with an active plugin, which the administrator has configured in a browser.
struct Site {
    // `None` while pushd is stopped.
    running: Option<Daemon>,
    wordpress: WordPress,
    chromium: Browser,
    admin: Page,
}

impl Site {
    #[track_caller]
    fn start(php: &Php) -> Self {
        Self::start_with(php, &[])
    }

    /// Starts the site with more flags of pushd.
    #[track_caller]
    fn start_with(php: &Php, flags: &[&str]) -> Self {
        let daemon = Daemon::start_with(&[&["--publish-token", TOKEN], flags].concat());
        Self::start_at(daemon, php)
    }

    /// Starts the site, which publishes to this daemon.
    #[track_caller]
    fn start_at(daemon: Daemon, php: &Php) -> Self {
        let wordpress = WordPress::start(php);
        let mut chromium = Browser::start();
        let mut admin = chromium.open(&wordpress.url("/readme.html"));
        wordpress.log_in(&mut admin);
        admin.go(&wordpress.url("/wp-admin/plugins.php"));
        admin.click("#activate-pushd-live");
        admin.wait_for("document.querySelector('#deactivate-pushd-live') !== null");
        let (url, address) = (format!("http://{}/", daemon.web), daemon.push_address());
        let mut site = Self {
            running: Some(daemon),
            wordpress,
            chromium,
            admin,
        };
        let said = site.save_settings(&[("url", &url), ("address", &address), ("token", TOKEN)]);
        assert!(said.contains("Settings saved"), "{said}");
        site
    }

    #[track_caller]
    fn daemon(&self) -> &Daemon {
        self.running.as_ref().expect("pushd runs")
    }

    /// Runs `action` while pushd is stopped.
    #[track_caller]
    fn without_daemon(&mut self, happen: impl FnOnce(&mut Self)) {
        let stopped = self.running.take().expect("pushd runs").kill();
        happen(self);
        self.running = Some(stopped.start_again());
    }

    /// Sends a request to the REST interface as the administrator.
    #[track_caller]
    fn rest(&mut self, method: &str, path: &str, data: Value) -> Value {
        rest(&mut self.admin, method, path, &data)
    }

    /// Changes a post or a comment, by its path.
    #[track_caller]
    fn change(&mut self, path: &str, data: Value) {
        self.rest("POST", &format!("/wp/v2/{path}"), data);
    }

    /// Adds a comment to WordPress's first post. Returns its id.
    #[track_caller]
    fn comment(&mut self, content: &str) -> Value {
        let comment = json!({"post": 1, "content": content});
        self.rest("POST", "/wp/v2/comments", comment)["id"].clone()
    }

    /// Fills the form in. Waits for WordPress's message.
    #[track_caller]
    fn save_settings(&mut self, fields: &[(&str, &str)]) -> String {
        self.admin.go(&self.wordpress.url(SETTINGS));
        for (name, value) in fields {
            self.admin.fill(&format!("#pushd-live-{name}"), value);
        }
        self.admin.click("#pushd-live-settings #submit");
        self.admin
            .wait_for("document.querySelector('.settings-error') !== null");
        text(&mut self.admin, ".settings-error")
    }

    /// Publishes a post. Returns the answer of the REST interface.
    #[track_caller]
    fn post(&mut self, title: &str, more: Value) -> Value {
        let mut data = json!({"title": title, "status": "publish", "content": "secret of members"});
        let fields = data.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        rest(&mut self.admin, "POST", "/wp/v2/posts", &data)
    }

    /// Opens a page with both feeds, and waits until it is subscribed.
    #[track_caller]
    fn reader(&mut self) -> Page {
        self.reader_of(
            "<!-- wp:pushd-live/feed {\"count\":2} /-->[pushd_live show=\"comments\" post=\"1\" count=\"0\"]",
        )
    }

    /// Opens a page with this content: a feed of posts and one of the comments on the first post.
    #[track_caller]
    fn reader_of(&mut self, content: &str) -> Page {
        let data = json!({"title": "live", "status": "publish", "content": content});
        let url = rest(&mut self.admin, "POST", "/wp/v2/pages", &data)["link"].clone();
        let mut page = self.chromium.open(url.as_str().unwrap());
        page.wait_for("document.querySelectorAll('.pushd-live[data-state=open]').length >= 2");
        // A connected page may still have SUBSCRIBEs that the daemon has not read, and SUBSCRIBE has no answer.
        for (topic, kind) in [("post", "post"), ("comments/1", "comment")] {
            let event = json!({"kind": kind, "id": 0, "title": MARKUP, "text": MARKUP, "url": "javascript:alert(1)"});
            let topic = json!(self.wordpress.topic(topic));
            let publish = format!("[1,1,{{\"token\":\"{TOKEN}\"}}]\n[3,1,{topic},{event}]\n");
            let shown = shows(&format!("{kind} 0"), MARKUP, MARKUP);
            let daemon = self.daemon();
            let came = xtask::process::wait_until(system_tests::WAIT_MS, || {
                let mut publisher = system_tests::publisher::Publisher::connect(daemon.publish);
                publisher.send(publish.as_bytes());
                publisher.answer();
                publisher.answer();
                page.evaluate(&shown) == json!(true)
            });
            assert!(came, "the page does not show what is published to {topic}");
        }
        page
    }
}

/// Returns the text of an element.
#[track_caller]
fn text(page: &mut Page, selector: &str) -> String {
    let text = page.evaluate(&format!("document.querySelector('{selector}').innerText"));
    text.as_str().unwrap().to_owned()
}

/// A JavaScript condition: all feeds of the page are connected. Until then, each evaluation makes the page try at once, as
/// when the network is back. After many failures, the page would wait for up to 30 s.
const IS_RECONNECTED: &str = "(() => {
    const lists = Array.from(document.querySelectorAll('.pushd-live'));
    const areOpen = lists.every(list => list.dataset.state === 'open');
    if (!areOpen) window.dispatchEvent(new Event('online'));
    return areOpen;
})()";

/// Returns a JavaScript condition: the entry exists once, with these words.
fn shows(id: &str, heading: &str, text: &str) -> String {
    let (id, heading, text) = (json!(id), json!(heading), json!(text));
    format!(
        "(() => {{
            const found = Array.from(document.querySelectorAll('.pushd-live li')).filter(entry => entry.dataset.id === {id});
            return found.length === 1 && found[0].querySelector('a').textContent === {heading}
                && found[0].querySelector('p').textContent === {text};
        }})()"
    )
}

/// Returns a JavaScript condition: the entry does not exist.
fn shows_no(id: &str) -> String {
    let id = json!(id);
    format!(
        "Array.from(document.querySelectorAll('.pushd-live li')).every(entry => entry.dataset.id !== {id})"
    )
}

/// The administrator's steps, and the readers' pages.
#[track_caller]
fn from_activation_to_removal(php: &Php, with: &str) {
    let mut site = Site::start(php);

    // The settings, and the messages about wrong ones.
    assert!(
        site.save_settings(&[("address", "nowhere")])
            .contains("\"nowhere\" is not an address of pushd")
    );
    assert!(
        site.save_settings(&[("url", "ftp://example.com")])
            .contains("like https://example.com:8080")
    );
    site.admin.go(&site.wordpress.url(SETTINGS));
    assert!(text(&mut site.admin, ".wrap").contains(with));
    assert!(text(&mut site.admin, "#pushd-live-spool").contains("names no spool"));
    assert_eq!(
        site.admin
            .evaluate("document.querySelector('#pushd-live-token').value"),
        "",
        "the secret is not shown"
    );
    site.admin.click("#pushd-live-test #submit");
    site.admin.wait_for(
        "document.querySelector('.notice-success')?.innerText.includes('pushd has taken')",
    );

    // Posts.
    let mut reader = site.reader();
    site.post("a draft", json!({"status": "draft"}));
    site.post("private", json!({"status": "private"}));
    site.post("behind a password", json!({"password": "x"}));
    let public = site.post(
        "1 < 2 & “新しい子猫”",
        json!({"excerpt": "It is <em>here</em>."}),
    );
    let id = format!("post {}", public["id"]);
    reader.wait_for(&shows(&id, "1 < 2 & “新しい子猫”", "It is here."));
    assert_eq!(
        reader.evaluate("document.querySelector('.pushd-live li a').href"),
        public["link"]
    );
    // An update is not a new post.
    site.change(
        &format!("posts/{}", public["id"]),
        json!({"title": "updated"}),
    );
    reader.wait_for(&shows(&id, "updated", "It is here."));

    // Comments: a stranger's comment waits for the administrator's approval.
    let mut stranger = site.chromium.open(&site.wordpress.url("/?p=1"));
    stranger.fill("#comment", "Such a <b>lovely</b> kitten");
    stranger.fill("#author", "Stranger");
    stranger.fill("#email", "stranger@example.com");
    stranger.click("#commentform #submit");
    stranger.wait_for("location.hash.startsWith('#comment-')");
    let waiting = rest(
        &mut site.admin,
        "GET",
        "/wp/v2/comments&status=hold",
        &Value::Null,
    );
    let path = format!("/wp/v2/comments/{}", waiting[0]["id"]);
    let comment = json!({"post": 1, "content": "first!"});
    let own = rest(&mut site.admin, "POST", "/wp/v2/comments", &comment);
    reader.wait_for(&shows(&format!("comment {}", own["id"]), "admin", "first!"));
    rest(
        &mut site.admin,
        "POST",
        &path,
        &json!({"status": "approved"}),
    );
    reader.wait_for(&shows(
        &format!("comment {}", waiting[0]["id"]),
        "Stranger",
        "Such a lovely kitten",
    ));

    // Nothing else arrived, and no markup was executed.
    assert_eq!(
        reader.evaluate("document.querySelectorAll('.pushd-live')[0].children.length"),
        json!(2 + 1),
        "WordPress's first post, the one with markup, and ours"
    );
    assert_eq!(
        reader.evaluate(
            "document.querySelectorAll('.pushd-live img, .pushd-live a[href^=javascript]').length"
        ),
        0
    );
    assert!(reader.problems().is_empty(), "{:?}", reader.problems());
    reader.screenshot("wordpress");

    // Without pushd the site works, and the administrator sees a message.
    site.save_settings(&[("address", "tcp://127.0.0.1:1")]);
    site.post("nobody listens", json!({}));
    // If there was nothing to publish, there is no success to report.
    let hidden = site.post("private", json!({"status": "private"}))["id"].clone();
    let comment = json!({"post": hidden, "content": "on it"});
    site.rest("POST", "/wp/v2/comments", comment);
    site.admin.go(&site.wordpress.url(SETTINGS));
    assert!(
        text(&mut site.admin, "#pushd-live-failure")
            .contains("can't connect to tcp://127.0.0.1:1 ")
    );
    let address = site.daemon().push_address();
    site.save_settings(&[("address", &address)]);
    site.post("somebody does", json!({}));
    site.admin.go(&site.wordpress.url(SETTINGS));
    assert_eq!(
        site.admin
            .evaluate("document.querySelector('#pushd-live-failure')"),
        Value::Null
    );

    // The traces after removal.
    let path = "/wp/v2/plugins/pushd-live/pushd-live";
    rest(
        &mut site.admin,
        "POST",
        path,
        &json!({"status": "inactive"}),
    );
    rest(&mut site.admin, "DELETE", path, &Value::Null);
    let left = site
        .wordpress
        .database
        .query("SELECT COUNT(*) FROM wp_options WHERE option_name LIKE 'pushd%'");
    assert_eq!(left, "0");
    let log = site.wordpress.log();
    assert!(!log.contains("PHP "), "{log}");
}

#[test]
fn with_php_alone() {
    from_activation_to_removal(&Php::plain(), "Publishes with PHP alone");
}

/// Functions that shared hosts forbid (`disable_functions`), except for those that WordPress itself requires.
const FORBIDDEN: &str = "getmypid,posix_getpid,ignore_user_abort,readlink,get_cfg_var,usleep,\
    set_time_limit,exec,system,passthru,shell_exec,proc_open,popen,putenv";

#[test]
fn it_works_without_forbidden_functions() {
    let mut site = Site::start(&Php::plain().set("disable_functions", FORBIDDEN));
    let mut reader = site.reader();
    let public = site.post("on a shared host", json!({}));
    let id = format!("post {}", public["id"]);
    reader.wait_for(&shows(&id, "on a shared host", ""));
}

#[test]
fn a_forbidden_function_that_is_needed_is_named() {
    let forbidden = format!("{FORBIDDEN},stream_select");
    let mut site = Site::start(&Php::plain().set("disable_functions", forbidden));
    let public = site.post("stored all the same", json!({}));
    assert_eq!(public["title"]["raw"], "stored all the same", "{public}");
    site.admin.go(&site.wordpress.url(SETTINGS));
    let failure = text(&mut site.admin, "#pushd-live-failure");
    assert!(failure.contains("stream_select() is missing"), "{failure}");
}

#[test]
fn with_the_extension_and_without_access_for_strangers() {
    let mut site = Site::start(&Php::with_extension("tcp://127.0.0.1:1"));
    site.admin.go(&site.wordpress.url(SETTINGS));
    assert!(text(&mut site.admin, ".wrap").contains("Publishes with the PHP extension"));
    let mut reader = site.reader_of(&format!("{FORGED}{LATEST}"));
    let loaded = reader.evaluate(
        "Array.from(document.scripts, script => script.src).filter(src => src.includes('127.0.0.1:1/'))",
    );
    assert_eq!(loaded, json!([]), "an author's list says where scripts are");
    let public = site.post("by the extension", json!({}));
    reader.wait_for(&shows(
        &format!("post {}", public["id"]),
        "by the extension",
        "",
    ));

    // The block is in the editor.
    site.admin.go(&site.wordpress.url("/wp-admin/post-new.php"));
    site.admin
        .wait_for("window.wp?.blocks?.getBlockType('pushd-live/feed') !== undefined");

    // Neither a stranger nor a request from another site, in the administrator's browser, has access.
    let address = site.wordpress.address();
    let form = "action=pushd_live_test";
    let stranger = http::post(address, "/wp-admin/admin-post.php", form).unwrap();
    assert!(!stranger.text().contains("taken"), "{}", stranger.head);
    for (path, form) in [
        ("admin-post.php", form),
        ("options.php", "action=update&option_page=pushd-live"),
    ] {
        let status = site.admin.evaluate(&format!(
            "fetch('/wp-admin/{path}', {{method: 'POST', body: new URLSearchParams('{form}')}})
                .then(answer => answer.status)"
        ));
        assert_eq!(status, 403, "{path}");
    }
    // A request for each file of the plugin by itself has no effect.
    for file in ["pushd-live.php", "uninstall.php", "src/settings-form.php"] {
        let answer = http::get(address, &format!("/wp-content/plugins/pushd-live/{file}")).unwrap();
        assert_eq!(answer.text(), "", "{file}");
    }
}

/// Content that an author may write. Authors may not write scripts.
const FORGED: &str =
    "<ul class=\"pushd-live\" data-server=\"http://127.0.0.1:1\" data-topic=\"t\"></ul>";

/// Returns the latest post and the latest comment.
const LATEST: &str =
    "[pushd_live count=\"1\"][pushd_live show=\"comments\" post=\"1\" count=\"1\"]";
