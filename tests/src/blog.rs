//! The demo blog, and what a reader does with it.

use std::fs;

use crate::browser::Page;
use crate::daemon::Daemon;
use crate::php::{Application, Php, Server};
use crate::workspace;

/// The folder that the web sees.
pub const DOCROOT: &str = "public";

/// The blog in PHP's own web server.
#[derive(Debug)]
pub struct Blog {
    /// The web server. Before the application: it is stopped before its files are removed.
    pub server: Server,
    _application: Application,
}

impl Blog {
    /// Starts it, with readers that find `daemon`.
    #[track_caller]
    pub fn start(php: &Php, daemon: &Daemon) -> Self {
        let application = application();
        let docroot = application.path().join(DOCROOT);
        Self {
            server: Server::start(php, &docroot, &environment(daemon)),
            _application: application,
        }
    }

    /// The address of its page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.address)
    }
}

/// A copy of the blog, without any entries of earlier runs.
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

/// What tells the blog where its readers find the daemon.
pub fn environment(daemon: &Daemon) -> [(&'static str, String); 1] {
    [("PUSH_PORT", daemon.web.port().to_string())]
}

/// The state that the page shows: `live` while it is connected.
#[track_caller]
pub fn wait_until_live(page: &mut Page) {
    page.wait_for("document.querySelector('#state .words').textContent === 'live'");
}

/// Writes an article with the form, as somebody would, and sends it.
#[track_caller]
pub fn post(page: &mut Page, category: &str, title: &str, article: &str) {
    page.choose("#category", category);
    page.fill("#title", title);
    page.fill("#article", article);
    page.click("#post");
}

/// A JavaScript condition: an article with this title and this text is shown, as text.
pub fn shows(title: &str, article: &str) -> String {
    format!(
        "Array.from(document.querySelectorAll('#entries article')).some(article => \
         article.querySelector('h2').textContent === {title:?} && \
         article.querySelector('.text').textContent === {article:?})"
    )
}
