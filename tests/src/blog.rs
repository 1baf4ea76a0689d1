//! The demo blog, and the actions of its readers.

use std::fs;

use tempfile::TempDir;

use crate::browser::{Browser, Page};
use crate::daemon::Daemon;
use crate::php::{Application, Php, Server};
use crate::relay::Relay;
use crate::{tickets, workspace};

/// The document root.
pub const DOCROOT: &str = "public";

/// The blog in PHP's own web server.
#[derive(Debug)]
pub struct Blog {
    /// The web server. It is declared before the application, so it stops before its files are removed.
    pub server: Server,
    _application: Application,
}

impl Blog {
    /// Starts the blog. Its readers connect to `daemon`.
    #[track_caller]
    pub fn start(php: &Php, daemon: &Daemon) -> Self {
        Self::start_for(php, &environment(daemon))
    }

    /// Starts the blog. Its readers connect through a relay.
    #[track_caller]
    pub fn start_behind(php: &Php, relay: &Relay) -> Self {
        Self::start_for(php, &[("PUSH_PORT", relay.address.port().to_string())])
    }

    #[track_caller]
    fn start_for(php: &Php, environment: &[(&str, String)]) -> Self {
        let application = application();
        let docroot = application.path().join(DOCROOT);
        Self {
            server: Server::start(php, &docroot, environment),
            _application: application,
        }
    }

    /// Returns the address of its page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.address)
    }
}

/// The blog with private topics and presence.
#[derive(Debug)]
pub struct MembersBlog {
    /// The web server.
    pub blog: Blog,
    /// The daemon.
    pub daemon: Daemon,
    _keys: TempDir,
}

impl MembersBlog {
    /// Starts a daemon and the blog, which sign and verify tickets with the same key.
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = tickets::write_keys(folder.path());
        let daemon = Daemon::start_with(&[
            &format!("--ticket-key-file={}", keys.display()),
            "--private-topics=user.*",
            "--presence=kittensCategory",
            "--presence=puppiesCategory",
        ]);
        let php = Php::with_extension(daemon.push_address())
            .set("pusher.ticket_key_file", keys.display());
        Self {
            blog: Blog::start(&php, &daemon),
            daemon,
            _keys: folder,
        }
    }
}

/// Makes a copy of the blog without entries of earlier runs.
#[track_caller]
pub fn application() -> Application {
    let copy = Application::of(&[]);
    let blog = workspace().root.join("php/blog");
    for folder in fs::read_dir(&blog).expect("the blog is there").flatten() {
        if folder.file_name() != "data" {
            copy.copy_in(&folder.path());
        }
    }
    copy
}

/// Returns the environment that points the blog's readers to the daemon.
pub fn environment(daemon: &Daemon) -> [(&'static str, String); 1] {
    [("PUSH_PORT", daemon.web.port().to_string())]
}

/// Returns the state that the page shows: `live` while it is connected.
#[track_caller]
pub fn wait_until_live(page: &mut Page) {
    page.wait_for("document.querySelector('#state .words').textContent === 'live'");
}

/// Fills in the article form and submits it.
#[track_caller]
pub fn post(page: &mut Page, category: &str, title: &str, article: &str) {
    page.choose("#category", category);
    page.fill("#title", title);
    page.fill("#article", article);
    page.click("#post");
}

/// Logs in and waits until the page of the reader is connected.
#[track_caller]
pub fn log_in(page: &mut Page, name: &str) {
    page.fill("#name", name);
    page.click("#login button");
    page.wait_for("document.querySelector('#me') !== null");
    wait_until_live(page);
}

/// Opens the blog in a new browser and logs in.
#[track_caller]
pub fn reader(chromium: &mut Browser, site: &MembersBlog, name: &str) -> Page {
    let mut page = chromium.open(&site.blog.url());
    log_in(&mut page, name);
    page
}

/// Posts an article with the text `text`, and waits until the writer's page shows it.
#[track_caller]
pub fn write(page: &mut Page, title: &str) {
    post(page, "kittensCategory", title, "text");
    page.wait_for(&shows(title, "text"));
    // The page has handled the answer, and moved the focus to the title.
    page.wait_for("document.querySelector('#title').value === ''");
}

/// Comments on the newest article that the page shows, and waits until the comment is stored.
#[track_caller]
pub fn comment(page: &mut Page, text: &str) {
    page.fill("#entries form.comment [name=text]", text);
    page.click("#entries form.comment button");
    page.wait_for("document.querySelector('#entries form.comment [name=text]').value === ''");
}

/// Returns a JavaScript condition: the newest article has this comment of this reader.
pub fn has_comment(author: &str, text: &str) -> String {
    format!(
        "Array.from(document.querySelectorAll('#entries article:first-child .comments li')).some(comment => \
         comment.querySelector('.author').textContent === {author:?} && \
         comment.querySelector('.comment-text').textContent === {text:?})"
    )
}

/// Returns a JavaScript condition: the page shows an article with this title and text, as text.
pub fn shows(title: &str, article: &str) -> String {
    format!(
        "Array.from(document.querySelectorAll('#entries article')).some(article => \
         article.querySelector('h2').textContent === {title:?} && \
         article.querySelector('.text').textContent === {article:?})"
    )
}
