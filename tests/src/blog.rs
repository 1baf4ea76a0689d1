//! The demo blog, and the actions of its readers.

use std::fs;

use crate::browser::Page;
use crate::daemon::Daemon;
use crate::php::{Application, Php, Server};
use crate::relay::Relay;
use crate::workspace;

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

/// Returns a JavaScript condition: the page shows an article with this title and text, as text.
pub fn shows(title: &str, article: &str) -> String {
    format!(
        "Array.from(document.querySelectorAll('#entries article')).some(article => \
         article.querySelector('h2').textContent === {title:?} && \
         article.querySelector('.text').textContent === {article:?})"
    )
}
