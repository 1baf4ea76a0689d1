//! The pages for PHP frameworks: their files run in sites with Debian's frameworks, or with stand-ins.

mod codeigniter;
mod drupal;
mod slim;
mod symfony;

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};
use system_tests::browser::{Browser, Page};
use system_tests::daemon::Daemon;
use system_tests::document::blocks;
use system_tests::php::{Application, Php, Server};
use system_tests::recipes::{parse_javascript, parse_php, write_files};
use system_tests::tickets::write_keys;
use system_tests::wamp::Wamp;
use system_tests::workspace;
use tempfile::TempDir;
use xtask::http;

const SYMFONY: &str = "php/SYMFONY.md";
const DRUPAL: &str = "php/DRUPAL.md";
const OTHERS: &str = "php/FRAMEWORKS.md";

/// A pushd with private topics, and a site with the files of a page.
struct Site {
    server: Server,
    /// Until a test stops it.
    daemon: Option<Daemon>,
    _files: Application,
    _keys: TempDir,
}

impl Site {
    /// Starts the site in `tests/php/NAME`, with the files of the document, in each kind of PHP.
    fn each(name: &str, document: &str) -> impl Iterator<Item = Self> {
        Self::each_with(name, document, "warning")
    }

    /// Starts the site with another `pusher.on_failure`.
    fn each_with(name: &str, document: &str, on_failure: &str) -> impl Iterator<Item = Self> {
        let kinds = [Php::with_fallback as fn(String) -> Php, Php::with_extension];
        kinds.into_iter().map(move |php| {
            Self::start(name, document, |address| {
                php(address).set("pusher.on_failure", on_failure)
            })
        })
    }

    #[track_caller]
    fn start(name: &str, document: &str, php: impl FnOnce(String) -> Php) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = write_keys(folder.path());
        let daemon = Daemon::start_with(&[
            &format!("--ticket-key-file={}", keys.display()),
            "--private-topics=user.*",
        ]);
        let files = Application::of(&[]);
        write_files(document, files.path());
        let push_url = format!("http://{}", daemon.web);
        // The files of Drupal's module have the addresses. The other sites have them in the environment.
        for name in ["pushd.libraries.yml", "pushd.services.yml"] {
            let path = files.path().join(name);
            if let Ok(text) = fs::read_to_string(&path) {
                let text = text.replace("http://127.0.0.1:8080", &push_url);
                let text = text.replace("tcp://127.0.0.1:5555", &daemon.push_address());
                fs::write(path, text).unwrap();
            }
        }
        for entry in fs::read_dir(workspace().root.join("tests/php").join(name)).unwrap() {
            files.copy_in(&entry.unwrap().path());
        }
        let php = php(daemon.push_address()).set("pusher.ticket_key_file", keys.display());
        let environment = [
            ("PUSHD_ADDRESS", daemon.push_address()),
            ("PUSHD_TOKEN", String::new()),
            ("PUSHD_URL", push_url),
        ];
        let server = Server::start(&php, &files.path().join("public"), &environment);
        Self {
            server,
            daemon: Some(daemon),
            _files: files,
            _keys: folder,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The address of pushd for browsers.
    fn web(&self) -> SocketAddr {
        self.daemon.as_ref().expect("pushd runs").web
    }

    /// Opens the page of the site in Chromium.
    #[track_caller]
    fn page(&self) -> Page {
        Browser::start().open(&format!("http://{}/", self.address()))
    }

    fn subscriber(&self, topic: &str) -> Wamp {
        Wamp::subscribed(self.web(), topic)
    }

    /// Sends a form. Returns the status.
    #[track_caller]
    fn post(&self, path: &str, form: &str) -> u16 {
        http::post(self.address(), path, form).unwrap().status
    }

    /// Posts entries, one of which the database refuses, and checks that browsers get the others alone, after the commit.
    #[track_caller]
    fn assert_publishes_stored_entries(&self, path: &str, refused: u16) {
        let mut subscriber = self.subscriber("kittensCategory");
        let mut page = self.page();
        assert_eq!(self.post(path, "title=%E7%8C%AB"), 303);
        // The same title again, which must be unique.
        assert_eq!(self.post(path, "title=%E7%8C%AB"), refused);
        assert_eq!(self.post(path, "title=%3Cb%3E"), 303);
        for (id, title) in [(1, "猫"), (2, "<b>")] {
            let event = subscriber.event("kittensCategory");
            assert_eq!(event, json!({"id": id, "title": title}));
        }
        subscriber.assert_nothing_waits();
        page.wait_for("document.querySelectorAll('#entries li').length === 2");
        let shown = "Array.from(document.querySelectorAll('#entries li'), line => line.id + line.textContent)";
        assert_eq!(page.evaluate(shown), json!(["entry-2<b>", "entry-1猫"]));
        // The page that is loaded later has both, and a position behind them.
        let text = self.text("/");
        assert!(text.contains("猫") && text.contains("-2\""), "{text}");
        assert!(
            page.problems()
                .iter()
                .all(|problem| problem.contains("favicon.ico"))
        );
    }

    /// Checks that only a user gets a ticket, and that the logout of the site ends it. `user` is a header.
    #[track_caller]
    fn assert_signs_tickets(&self, path: &str, user: &str, logs_out: bool) {
        let stranger = http::get(self.address(), path).unwrap();
        assert_eq!((stranger.status, stranger.text().as_str()), (403, ""));
        let answer = http::request(self.address(), "GET", path, user).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.head.contains("no-store"), "{}", answer.head);
        assert!(!answer.head.contains("pushd_ticket"), "{}", answer.head);
        let mut page = Wamp::connect_with(self.web(), Some(&answer.text()));
        page.subscribe("user.7.notices");
        page.send(&json!([5, "user.8.notices"]));
        assert_eq!(refusal(&mut page), "ticket_topic");
        if logs_out {
            let headers = format!("{user}{}", session(&answer));
            let answer = http::request(self.address(), "POST", "/logout", &headers).unwrap();
            assert!(answer.status < 400, "{}", answer.text());
            assert_eq!(refusal(&mut page), "ticket_revoked");
        }
    }

    fn stop_pushd(&mut self) {
        let _stopped = self.daemon.take().expect("pushd runs").kill();
    }

    /// Posts an entry, and checks that the page has it.
    #[track_caller]
    fn assert_stores_without_pushd(&self, path: &str) {
        assert_eq!(self.post(path, "title=alone"), 303);
        assert!(self.text("/").contains("<li id=\"entry-1\">alone</li>"));
    }

    #[track_caller]
    fn text(&self, path: &str) -> String {
        let answer = http::get(self.address(), path).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }
}

/// Returns the header with the cookie of the session, if the answer has set it.
fn session(answer: &http::Response) -> String {
    let cookies = answer
        .head
        .lines()
        .filter_map(|line| line.strip_prefix("Set-Cookie: "));
    let mut sessions = cookies.filter(|cookie| cookie.starts_with("PHPSESSID="));
    let cookie = sessions.next().and_then(|cookie| cookie.split(';').next());
    cookie.map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"))
}

#[track_caller]
fn refusal(page: &mut Wamp) -> Value {
    page.event("pushd:denied")["code"].clone()
}

#[test]
fn each_block_is_a_file_of_a_site_or_parses() {
    for document in [SYMFONY, DRUPAL, OTHERS] {
        let blocks = blocks(document);
        assert!(blocks.len() >= 5, "the code of {document} is gone");
        for block in blocks {
            match block.language.as_str() {
                "php" => parse_php(&block),
                "js" => parse_javascript(&block),
                _ => assert!(
                    block.path().is_some(),
                    "{document}: no file: {}",
                    block.code
                ),
            }
        }
    }
}
